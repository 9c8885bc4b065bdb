import { expect } from 'chai'
import fc from 'fast-check'
import { permute } from '../../../issuer/status/permutation.ts'
import { herdOf, type StatusPublished } from '../../../shared/audit/status-leaf.ts'
import { statusListBytes, writeStatus } from '../../../shared/status-list/bits.ts'
import { judgeCrowd } from '../../../verifier/audit/crowd.ts'

/** A list on which every `every`-th of the first `given` credentials is revoked, each where `indexOf` put it. */
function judge(
  { size, given, every }: { size: number; given: number; every: number },
  indexOf: (place: number) => number,
): string[] {
  const list = statusListBytes(size, 2)
  for (let place = 0; place < given; place += every) {
    writeStatus(list, { bits: 2, idx: indexOf(place), status: 1 + (place % 2) })
  }
  const leaf = { list: 'https://issuer.example/status/a', bits: 2, size, herd: herdOf(given) }
  const findings = judgeCrowd(leaf as StatusPublished, list, { before: undefined, index: 7 })
  return findings.map(({ rule }) => rule)
}

describe('the crowd on a list (domain R10)', () => {
  it('is taken for honest under the permutation of an issuer, however full and however much of it is revoked', () => {
    const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
    const size = fc.integer({ min: 16, max: 3000 })
    const share = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(
        key,
        size,
        share,
        fc.integer({ min: 1, max: 50 }),
        (bytes, entries, part, every) => {
          const request = { size: entries, given: Math.ceil(entries * part), every }
          expect(judge(request, (place) => permute(place, entries, bytes))).to.deep.equal([])
        },
      ),
      { numRuns: 60 },
    )
  })

  it('gives away indexes in the order of issuance, forwards and backwards, until the list is full', () => {
    const size = 2 ** 14
    for (const indexOf of [(place: number) => place, (place: number) => size - 1 - place]) {
      const found = (given: number) => judge({ size, given, every: 20 }, indexOf)
      expect(found(200)).to.deep.equal([]) // ten revocations may lie together
      expect(found(500)).to.deep.equal(['predictable_index'])
      expect(found(size / 2)).to.deep.equal(['predictable_index'])
      expect(found(size)).to.deep.equal([])
    }
  })

  it('holds no more set entries than were given', () => {
    const list = statusListBytes(64, 1).fill(1)
    const leaf = { list: 'https://issuer.example/status/a', bits: 1, size: 64, herd: 0 }
    const judged = (herd: number) =>
      judgeCrowd({ ...leaf, herd } as StatusPublished, list, { before: undefined, index: 7 })
    expect(judged(0)).to.deep.equal([])
    list[0] = 0b111
    expect(judged(0).map(({ rule }) => rule)).to.deep.equal(['herd_misstated'])
    expect(judged(10)).to.deep.equal([])
  })
})
