import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import fc from 'fast-check'
import {
  appendLeafHash,
  compactRangeAt,
  compactRoot,
  consistencyRanges,
  emptyCompactRange,
  hashLeaf,
  hashNode,
  inclusionRanges,
  isConsistent,
  isIncluded,
  type LeafRange,
  rangeHash,
  type SubtreeHash,
} from '../../../shared/audit/merkle.ts'
import { external } from '../../support/external.ts'
import { rootOf } from '../../support/root-of.ts'

/** The leaves of the tree that certificate-transparency test suites share; roots published in transparency-dev/merkle. */
const LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
]
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

describe('rootOf', () => {
  for (const [size, root] of ROOTS.entries()) {
    it(`gives the published root of ${size} leaves (RFC 6962 §2.1)`, () => {
      const hashes = LEAVES.slice(0, size).map((leaf) => hashLeaf(Buffer.from(leaf, 'hex')))
      expect(rootOf(hashes).toString('hex')).to.equal(root)
    })
  }

  it('keeps leaves and nodes apart (RFC 6962 §2.1)', () => {
    const [left, right] = [hashLeaf(Buffer.from('a')), hashLeaf(Buffer.from('b'))]
    expect(hashLeaf(Buffer.concat([left, right]))).not.to.deep.equal(hashNode(left, right))
  })
})

describe('isIncluded and isConsistent on the vectors of transparency-dev/merkle', () => {
  it('accepts and rejects every inclusion case', function () {
    const cases = vectors(external(this, 'vectors/transparency-dev-merkle/testdata/inclusion'))
    expect(cases.length).to.equal(98)
    for (const { desc, wantErr, ...claim } of cases) {
      const accepted = isIncluded({
        leafHash: bytes(claim.leafHash),
        index: Number(claim.leafIdx),
        size: Number(claim.treeSize),
        proof: proofOf(claim.proof),
        root: bytes(claim.root),
      })
      expect(accepted, String(desc)).to.equal(!wantErr)
    }
  })

  it('accepts and rejects every consistency case', function () {
    const cases = vectors(external(this, 'vectors/transparency-dev-merkle/testdata/consistency'))
    expect(cases.length).to.equal(98)
    for (const { desc, wantErr, ...claim } of cases) {
      const accepted = isConsistent({
        first: Number(claim.size1),
        firstRoot: bytes(claim.root1),
        second: Number(claim.size2),
        secondRoot: bytes(claim.root2),
        proof: proofOf(claim.proof),
      })
      expect(accepted, String(desc)).to.equal(!wantErr)
    }
  })
})

describe('proofs of trees of our own', () => {
  it('accepts the published consistency proof from 2 to 5 leaves and no other root', () => {
    const claim = {
      first: 2,
      firstRoot: Buffer.from(ROOTS[2] as string, 'hex'),
      second: 5,
      secondRoot: Buffer.from(ROOTS[5] as string, 'hex'),
      proof: [
        'Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4=',
        'vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms=',
      ].map((hash) => Buffer.from(hash, 'base64')),
    }
    expect(isConsistent(claim)).to.equal(true)
    expect(isConsistent({ ...claim, secondRoot: Buffer.from(ROOTS[6] as string, 'hex') })).to.equal(
      false,
    )
    expect(isConsistent({ ...claim, proof: [...claim.proof, claim.firstRoot] })).to.equal(false)
  })

  it('proves every leaf of every tree up to 70 leaves (RFC 6962 §2.1.1)', () => {
    for (let size = 1; size <= 70; size++) {
      const tree = treeOf(size)
      for (let index = 0; index < size; index++) {
        const proof = inclusionRanges(index, size).map(tree.hash)
        const claim = { leafHash: leafHash(index), index, size, proof, root: tree.root }
        expect(isIncluded(claim)).to.equal(true)
        expect(isIncluded({ ...claim, leafHash: leafHash(index + 1) })).to.equal(false)
        expect(isIncluded({ ...claim, proof: proof.slice(1) })).to.equal(size === 1)
      }
    }
  })

  it('proves every prefix of every tree up to 70 leaves (RFC 6962 §2.1.2)', () => {
    for (let second = 1; second <= 70; second++) {
      const tree = treeOf(second)
      for (let first = 1; first <= second; first++) {
        const proof = consistencyRanges(first, second).map(tree.hash)
        const claim = {
          first,
          firstRoot: treeOf(first).root,
          second,
          secondRoot: tree.root,
          proof,
        }
        expect(isConsistent(claim), `${first} to ${second}`).to.equal(true)
        expect(isConsistent({ ...claim, firstRoot: leafHash(999) })).to.equal(false)
      }
    }
  })

  it('rejects a proof with any bit changed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 300 }).chain((size) =>
          fc.record({
            size: fc.constant(size),
            index: fc.nat(size - 1),
            bit: fc.nat(255),
            step: fc.nat(),
          }),
        ),
        ({ size, index, bit, step }) => {
          const tree = treeOf(size)
          const proof = inclusionRanges(index, size).map(tree.hash)
          const claim = { leafHash: leafHash(index), index, size, proof, root: tree.root }
          const changed = proof.map((hash) => Buffer.from(hash))
          const target = changed[step % changed.length] as Buffer
          target[bit >> 3] = (target[bit >> 3] as number) ^ (1 << (bit & 7))
          return isIncluded(claim) && !isIncluded({ ...claim, proof: changed })
        },
      ),
      { numRuns: 60 },
    )
  })

  it('continues a right edge as if it had never stopped', () => {
    fc.assert(
      fc.property(fc.nat(600), fc.nat(600), (before, after) => {
        const range = compactRangeAt(before, treeOf(before).subtree)
        for (let index = before; index < before + after; index++)
          appendLeafHash(range, leafHash(index))
        return compactRoot(range).equals(treeOf(before + after).root)
      }),
      { numRuns: 25 },
    )
  })
})

function leafHash(index: number): Buffer {
  return hashLeaf(Buffer.from(`leaf ${index}`))
}

function treeOf(size: number): {
  root: Buffer
  subtree: SubtreeHash
  hash: (range: LeafRange) => Buffer
} {
  const hashes = new Map<string, Buffer>()
  const range = emptyCompactRange()
  for (let index = 0; index < size; index++) {
    appendLeafHash(range, leafHash(index), (height, place, hash) => {
      hashes.set(`${height}/${place}`, Buffer.from(hash))
    })
  }
  const subtree: SubtreeHash = (height, index) => hashes.get(`${height}/${index}`) as Buffer
  return { root: compactRoot(range), subtree, hash: (leaves) => rangeHash(leaves, subtree) }
}

function vectors(folder: string): Record<string, unknown>[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')))
}

function bytes(text: unknown): Buffer {
  return Buffer.from(String(text ?? ''), 'base64')
}

function proofOf(list: unknown): Buffer[] {
  return ((list ?? []) as string[]).map(bytes)
}
