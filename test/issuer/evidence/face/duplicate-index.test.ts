import { expect } from 'chai'
import fc from 'fast-check'
import {
  openDuplicateIndex,
  openGrowingIndex,
} from '../../../../issuer/evidence/face/duplicate-index.ts'

const unit = (values: readonly number[]) => {
  const length = Math.hypot(...values) || 1
  return Float32Array.from(values, (value) => value / length)
}
const DIMENSIONS = 24
const vector = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), {
  minLength: DIMENSIONS,
  maxLength: DIMENSIONS,
})
const dot = (p: Float32Array, q: Float32Array) =>
  p.reduce((sum, value, k) => sum + value * (q[k] ?? 0), 0)

describe('openDuplicateIndex', () => {
  it('finds exactly what comparing every template finds, also at the threshold itself', () => {
    fc.assert(
      fc.property(
        fc.array(vector, { minLength: 1, maxLength: 40 }),
        vector,
        fc.nat({ max: 39 }),
        (stored, wanted, chosen) => {
          const query = unit(wanted)
          const faces = stored.map(unit)
          const index = openDuplicateIndex({ dimensions: DIMENSIONS, capacity: 40 })
          for (const [i, face] of faces.entries()) index.add(`${i}`, face, 100)
          const similarities = faces.map((face) => dot(face, query))
          const threshold = similarities[chosen % similarities.length] ?? 0
          const expected = similarities
            .map((similarity, i) => ({ id: `${i}`, similarity }))
            .filter(({ similarity }) => similarity >= threshold)
            .sort((p, q) => q.similarity - p.similarity)
          const hits = index.search(query, { threshold, limit: 40, now: 1 })
          expect(hits).to.deep.equal(expected)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('does so among many faces that are alike, with numbers of very different size', () => {
    const index = openDuplicateIndex({ dimensions: 192, capacity: 3000 })
    const faces = Array.from({ length: 3000 }, (_, i) =>
      unit(
        Array.from(
          { length: 192 },
          (__, k) => Math.sin(k * 1.7) + 0.4 * Math.sin(i * (k + 1)) + (k === i % 192 ? 4 : 0),
        ),
      ),
    )
    for (const [i, face] of faces.entries()) index.add(`${i}`, face, 100)
    const query = faces[7] ?? unit([1])
    for (const threshold of [-1, 0.2, 0.5, 0.8, 0.9, 0.999]) {
      const expected = faces.flatMap((face, i) => (dot(face, query) >= threshold ? [`${i}`] : []))
      const hits = index.search(query, { threshold, limit: 3000, now: 1 })
      expect(hits.map(({ id }) => id)).to.have.members(expected)
    }
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
    expect(() =>
      index.add(
        'none',
        face.map(() => Number.NaN),
        1,
      ),
    ).to.throw('numbers')
    expect(() => openDuplicateIndex({ dimensions: 12, capacity: 1 })).to.throw('multiple of 8')
    expect(() => openDuplicateIndex({ dimensions: 1024, capacity: 2 ** 22 })).to.throw('addressed')
    index.add('one', face, 1)
    expect(() => index.add('one', face, 1)).to.throw('taken')
    expect(() => index.add('two', face, 1)).to.throw('full')
  })
})

describe('openGrowingIndex', () => {
  it('finds what one index of all finds, through additions, removals and what expires', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(vector, fc.nat({ max: 9 })), { minLength: 1, maxLength: 30 }),
        vector,
        fc.array(fc.nat({ max: 29 }), { maxLength: 10 }),
        fc.double({ min: -1, max: 1, noNaN: true }),
        (stored, wanted, removed, threshold) => {
          const one = openDuplicateIndex({ dimensions: DIMENSIONS, capacity: 30 })
          const parts = openGrowingIndex(DIMENSIONS, 7)
          const indexes = [one, parts]
          for (const [i, [face, expires]] of stored.entries()) {
            for (const index of indexes) index.add(`${i}`, unit(face), expires)
          }
          for (const i of removed) {
            expect(one.remove(`${i}`)).to.equal(parts.remove(`${i}`))
          }
          expect(one.purge(4)).to.equal(parts.purge(4))
          expect(parts.size).to.equal(one.size)
          expect(parts.ids()).to.have.members([...one.ids()])
          for (const i of removed) parts.add(`again ${i}-${parts.size}`, unit(wanted), 9)
          for (const id of parts.ids()) if (id.startsWith('again')) parts.remove(id)
          const query = { threshold, limit: 30, now: 5 }
          expect(parts.search(unit(wanted), query)).to.have.deep.members([
            ...one.search(unit(wanted), query),
          ])
        },
      ),
      { numRuns: 100 },
    )
  })

  it('answers the most similar of all parts first, and no more than are asked for', () => {
    const index = openGrowingIndex(8, 1)
    for (const [i, tilt] of [0.3, 0.1, 0.2].entries()) {
      index.add(`${i}`, unit([1, tilt, 0, 0, 0, 0, 0, 0]), 9)
    }
    const query = { threshold: 0, limit: 2, now: 1 }
    const found = index.search(unit([1, 0, 0, 0, 0, 0, 0, 0]), query)
    expect(found.map(({ id }) => id)).to.deep.equal(['1', '2'])
    expect(() => index.add('1', unit([1, 0, 0, 0, 0, 0, 0, 0]), 9)).to.throw('taken')
  })
})
