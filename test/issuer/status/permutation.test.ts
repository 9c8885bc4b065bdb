import { expect } from 'chai'
import fc from 'fast-check'
import { permute } from '../../../issuer/status/permutation.ts'

const key = Buffer.alloc(32, 1)

describe('permute', () => {
  it('gives every place once', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 700 }),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        (size, k) => {
          const places = new Set(
            Array.from({ length: size }, (_, place) => permute(place, size, k)),
          )
          return places.size === size && Math.max(...places) === size - 1
        },
      ),
      { numRuns: 30 },
    )
  })

  it('gives the same places for the same key, and others for another', () => {
    const first = Array.from({ length: 8 }, (_, place) => permute(place, 2 ** 20, key))
    expect(first).to.deep.equal(GOLDEN)
    expect(permute(0, 2 ** 20, Buffer.alloc(32, 2))).not.to.equal(first[0])
  })

  it('has no order that a rank correlation finds', () => {
    const count = 2000
    const ranks = Array.from({ length: count }, (_, place) => permute(place, 2 ** 20, key))
    const mean = ranks.reduce((sum, rank) => sum + rank, 0) / count
    let [covariance, spread, steps] = [0, 0, 0]
    for (const [place, rank] of ranks.entries()) {
      covariance += (place - (count - 1) / 2) * (rank - mean)
      spread += (rank - mean) ** 2
      steps += (place - (count - 1) / 2) ** 2
    }
    expect(Math.abs(covariance / Math.sqrt(spread * steps))).to.be.below(0.1)
  })

  it('refuses a place outside the list', () => {
    for (const place of [-1, 16, 1.5, Number.NaN]) {
      expect(() => permute(place, 16, key)).to.throw(RangeError)
    }
  })
})

/** Computed once with this function; a change of the permutation would give an index twice. */
const GOLDEN = [397107, 626032, 792428, 946439, 198143, 801121, 119844, 584518]
