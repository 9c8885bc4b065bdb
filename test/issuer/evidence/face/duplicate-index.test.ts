import { expect } from 'chai'
import fc from 'fast-check'
import {
  duplicateWarnings,
  openDuplicateIndex,
} from '../../../../issuer/evidence/face/duplicate-index.ts'

const unit = (values: readonly number[]) => {
  const length = Math.hypot(...values) || 1
  return Float32Array.from(values, (value) => value / length)
}
const vector = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 8, maxLength: 8 })

describe('openDuplicateIndex', () => {
  it('finds exactly what comparing every template finds', () => {
    fc.assert(
      fc.property(fc.array(vector, { maxLength: 30 }), vector, (stored, wanted) => {
        const index = openDuplicateIndex({ dimensions: 8, capacity: 30 })
        for (const [i, values] of stored.entries()) index.add(`${i}`, unit(values), 100)
        const expected = stored.flatMap((values, i) => {
          const [p, q] = [unit(values), unit(wanted)]
          const similarity = p.reduce((sum, value, k) => sum + value * (q[k] ?? 0), 0)
          return similarity >= 0.5 ? [`${i}`] : []
        })
        const hits = index.search(unit(wanted), { threshold: 0.5 - 1e-6, limit: 30, now: 1 })
        expect(hits.map(({ id }) => id)).to.include.members(expected)
        expect(hits.every(({ similarity }) => similarity >= 0.499)).to.equal(true)
      }),
    )
  })

  it('forgets what is removed and what has expired, and nothing else', () => {
    const index = openDuplicateIndex({ dimensions: 8, capacity: 4 })
    const face = unit([1, 2, 3, 4, 5, 6, 7, 8])
    index.add('first', face, 100)
    index.add('second', face, 50)
    index.add('third', face, 100)
    const found = (now: number) =>
      index.search(face, { threshold: 0.9, limit: 9, now }).map(({ id }) => id)
    expect(found(60)).to.have.members(['first', 'third'])
    expect(index.purge(60)).to.equal(1)
    expect(index.remove('first')).to.equal(true)
    expect(index.remove('first')).to.equal(false)
    expect(found(60)).to.deep.equal(['third'])
    expect(index.size).to.equal(1)
  })

  it('refuses a template of other dimensions, a taken id and more than it holds', () => {
    const index = openDuplicateIndex({ dimensions: 8, capacity: 1 })
    const face = unit([1, 0, 0, 0, 0, 0, 0, 0])
    expect(() => index.add('short', face.slice(1), 1)).to.throw('dimensions')
    index.add('one', face, 1)
    expect(() => index.add('one', face, 1)).to.throw('taken')
    expect(() => index.add('two', face, 1)).to.throw('full')
  })
})

describe('duplicateWarnings', () => {
  it('warns where there is a hit and only there', () => {
    expect(duplicateWarnings([])).to.deep.equal([])
    expect(duplicateWarnings([{ id: 'x', similarity: 0.9 }])).to.deep.equal([
      { code: 'duplicate_suspected', feature: 'face' },
    ])
  })
})
