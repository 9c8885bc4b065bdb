import { expect } from 'chai'
import fc from 'fast-check'
import {
  affineResidual,
  type FrameReading,
  readClip,
} from '../../../../issuer/evidence/face/clip.ts'

const embedding = {
  template: 'arcface-112',
  mirror: 'unit-sum',
  metric: 'cosine',
  centre: 0,
  spread: 1,
} as const
const models = [{ id: 'one', embedding }]
const face = (value: number) => new Map([['one', Float32Array.of(value)]])
const frame = (changes: Partial<FrameReading> = {}): FrameReading => ({
  face: face(1),
  liveness: 0.5,
  shape: Float32Array.of(0, 0, 1, 0, 0, 1, 1, 1),
  trace: Uint8Array.of(0, 0),
  ...changes,
})
const number = fc.double({ min: -2, max: 2, noNaN: true })

describe('readClip', () => {
  it('needs three frames', () => {
    expect(() => readClip(models, face(1), [frame(), frame()])).to.throw('more frames')
  })

  it('says the mean liveness, the least likeness and how many frames were shown before', () => {
    const frames = [
      frame({ liveness: 0.2 }),
      frame({ trace: Uint8Array.of(9, 9), face: face(0.3) }),
      frame({ liveness: 0.8, trace: Uint8Array.of(9, 9) }),
      frame({ trace: Uint8Array.of(0, 1) }),
    ]
    const { liveness, likeness, repeated } = readClip(models, face(2), frames)
    expect(liveness).to.be.closeTo(0.5, 1e-6)
    expect(likeness).to.be.closeTo(0.6, 1e-6)
    // The third is the second; the fourth is half a step of brightness from the first, which is another picture.
    expect(repeated).to.equal(1)
  })
})

describe('affineResidual', () => {
  const shape = fc.array(number, { minLength: 16, maxLength: 16 })

  it('is nothing for what moves, turns, stretches or shears as a whole', () => {
    fc.assert(
      fc.property(
        shape,
        fc.tuple(number, number, number, number, number, number),
        (points, map) => {
          const from = Float32Array.from(points, (value, i) => value + Math.sin(i * 5) * 3)
          const [a, b, c, d, e, f] = map
          const to = new Float32Array(from.length)
          for (let i = 0; i < from.length; i += 2) {
            const [x, y] = [from[i] as number, from[i + 1] as number]
            to[i] = a * x + b * y + e
            to[i + 1] = c * x + d * y + f
          }
          expect(affineResidual(from, to)).to.be.below(1e-4)
        },
      ),
    )
  })

  it('is what a point moves by itself', () => {
    const from = Float32Array.of(-1, -1, 1, -1, -1, 1, 1, 1)
    const to = Float32Array.from(from)
    to[0] = -0.6
    // Of one corner's move by 0.4 a quarter is nothing that an affine map can do, spread over all four.
    expect(affineResidual(from, to)).to.be.closeTo(0.1, 1e-6)
  })
})
