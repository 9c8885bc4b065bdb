import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import fc from 'fast-check'
import { parseCheckpoint } from '../../../shared/audit/checkpoint.ts'
import { AuditError } from '../../../shared/audit/error.ts'
import { hashLeaf, inclusionRanges, isIncluded, rangeHash } from '../../../shared/audit/merkle.ts'
import {
  parseEntryBundle,
  parseTilePath,
  renderEntryBundle,
  subtreeHashFrom,
  tilePath,
  tilesOf,
  tileWidth,
} from '../../../shared/audit/tile.ts'
import { external } from '../../support/external.ts'

describe('tilePath', () => {
  it('encodes 1234067 as x001/x234/067 (C2SP tlog-tiles, "Merkle Tree")', () => {
    expect(tilePath({ level: 0, index: 1234067, width: 256 })).to.equal('tile/0/x001/x234/067')
    expect(tilePath({ level: 'entries', index: 0, width: 3 })).to.equal('tile/entries/000.p/3')
  })

  it('is read back by parseTilePath', () => {
    const names = fc.record({
      level: fc.oneof(fc.constant('entries' as const), fc.nat(63)),
      index: fc.nat(2 ** 31 - 1),
      width: fc.integer({ min: 1, max: 256 }),
    })
    fc.assert(
      fc.property(names, (name) => {
        expect(parseTilePath(tilePath(name))).to.deep.equal(name)
      }),
    )
  })
})

describe('parseTilePath', () => {
  for (const path of [
    'tile/00/000',
    'tile/64/000',
    'tile/0/0',
    'tile/0/1000',
    'tile/0/x000/001',
    'tile/0/001/002',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/05',
    'tile/0/000.p/257',
    'tile/entry/000',
    'tile/0/../000',
    'tile/0/000/',
    '',
  ]) {
    it(`rejects "${path}"`, () => {
      expect(parseTilePath(path)).to.equal(undefined)
    })
  }
})

describe('tileWidth', () => {
  it('gives the tiles of a tree of 70,000 leaves (C2SP tlog-tiles, "Partial Tiles")', () => {
    expect(tileWidth(0, 272, 70_000)).to.equal(256)
    expect(tileWidth(0, 273, 70_000)).to.equal(112)
    expect(tileWidth(0, 274, 70_000)).to.equal(0)
    expect(tileWidth(1, 0, 70_000)).to.equal(256)
    expect(tileWidth(1, 1, 70_000)).to.equal(17)
    expect(tileWidth(2, 0, 70_000)).to.equal(1)
    expect(tileWidth(1, 0, 256)).to.equal(1)
  })
})

describe('tilesOf and subtreeHashFrom', () => {
  it('prove every leaf of the sunlight tree out of its tiles', function () {
    const mirror = external(this, 'vectors/sunlight/cmd/skylight/testdata/witness/mirror')
    const tree = join(mirror, '000de184301123b9278c086a7d9f68c9577e83872224c197058fd90784ea9706')
    const { size, root } = parseCheckpoint(readFileSync(join(tree, 'checkpoint'), 'utf8'))
    expect(size).to.equal(300)
    const read = (level: number, index: number): Buffer =>
      readFileSync(join(tree, tilePath({ level, index, width: tileWidth(level, index, size) })))
    for (let index = 0; index < size; index++) {
      const ranges = inclusionRanges(index, size)
      const tiles = new Map(
        tilesOf(ranges, size).map((name) => [
          tilePath(name),
          readFileSync(join(tree, tilePath(name))),
        ]),
      )
      const subtree = subtreeHashFrom((level, at) => {
        const width = tileWidth(level, at, size)
        return tiles.get(tilePath({ level, index: at, width })) as Buffer
      })
      const proof = ranges.map((range) => rangeHash(range, subtree))
      const leafHash = read(0, Math.floor(index / 256)).subarray(
        (index % 256) * 32,
        (index % 256) * 32 + 32,
      )
      expect(isIncluded({ leafHash, index, size, proof, root })).to.equal(true)
    }
  })
})

describe('parseEntryBundle', () => {
  const entries = ['', 'a', 'bc'].map((text) => Buffer.from(text))

  it('splits what renderEntryBundle joins', () => {
    const bundle = renderEntryBundle(entries)
    expect(bundle.toString('hex')).to.equal('00000001610002' + '6263')
    expect(parseEntryBundle(bundle, 3)).to.deep.equal(entries)
  })

  for (const [what, bundle, width] of [
    ['one entry too many', renderEntryBundle(entries), 2],
    ['one entry too few', renderEntryBundle(entries), 4],
    ['a cut entry', renderEntryBundle(entries).subarray(0, -1), 3],
    ['a cut length', Buffer.concat([renderEntryBundle(entries), Buffer.of(0)]), 3],
  ] as const) {
    it(`rejects ${what}`, () => {
      expect(() => parseEntryBundle(bundle, width)).to.throw(AuditError)
    })
  }

  it('holds leaves that hash to their tile', () => {
    const [entry = Buffer.alloc(0)] = parseEntryBundle(renderEntryBundle([Buffer.from('x')]), 1)
    expect(hashLeaf(entry)).to.deep.equal(hashLeaf(Buffer.from('x')))
  })
})
