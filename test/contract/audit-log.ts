import { expect } from 'chai'
import { parseCheckpoint, verifyCheckpoint } from '../../shared/audit/checkpoint.ts'
import { encodeEntry } from '../../shared/audit/entry.ts'
import type { AuditLog } from '../../shared/audit/log.ts'
import { EMPTY_ROOT, hashLeaf, isConsistent } from '../../shared/audit/merkle.ts'
import { parseVkey } from '../../shared/audit/note.ts'
import { verifyTlogProof } from '../../shared/audit/proof.ts'
import { parseEntryBundle, tileWidth } from '../../shared/audit/tile.ts'
import { rootOf } from '../support/root-of.ts'

/** What a suite gets of one adapter: two handles on one empty log, as two processes would have them. */
export interface AuditLogFixture {
  readonly log: AuditLog
  readonly second: AuditLog
  close(): Promise<void>
}

/** The promises of {@link AuditLog}, to be kept by every adapter. */
export function auditLogContract(name: string, open: () => Promise<AuditLogFixture>): void {
  describe(`AuditLog, ${name}`, () => {
    let fixture: AuditLogFixture
    const entry = (n: number) => ({ type: 'test.entry', at: 1000 + n, n })
    const append = async (log: AuditLog, count: number, from = 0): Promise<void> => {
      for (let n = from; n < from + count; n++) await log.append(entry(n))
    }

    beforeEach(async () => {
      fixture = await open()
    })
    afterEach(() => fixture.close())

    it('signs the empty tree when nothing was appended (RFC 6962 §2.1)', async () => {
      expect(await fixture.log.checkpoint()).to.equal(undefined)
      const { size, root } = parseCheckpoint(await fixture.log.publish(1))
      expect(size).to.equal(0)
      expect(root).to.deep.equal(EMPTY_ROOT)
    })

    it('covers every appended entry with a checkpoint under its own key', async () => {
      const { log } = fixture
      await append(log, 3)
      const checkpoint = verifyCheckpoint(await log.publish(1), parseVkey(log.vkey))
      expect(checkpoint.size).to.equal(3)
      expect(checkpoint.root).to.deep.equal(
        rootOf([0, 1, 2].map((n) => hashLeaf(encodeEntry(entry(n))))),
      )
      expect(await log.checkpoint()).to.equal(await log.publish(2))
    })

    it('tells how much of it no checkpoint covers', async () => {
      const { log } = fixture
      expect(await log.size()).to.deep.equal({ appended: 0, served: 0 })
      await append(log, 3)
      expect(await log.size()).to.deep.equal({ appended: 3, served: 0 })
      await log.publish(1)
      await append(log, 1, 3)
      expect(await log.size()).to.deep.equal({ appended: 4, served: 3 })
    })

    it('shows nothing beyond the last checkpoint', async () => {
      const { log } = fixture
      await append(log, 2)
      await log.publish(1)
      await append(log, 1, 2)
      expect(await log.entryBundle(0, 2)).not.to.equal(undefined)
      expect(await log.entryBundle(0, 3)).to.equal(undefined)
      expect(await log.tile(0, 0, 3)).to.equal(undefined)
      expect(await log.prove(2)).to.equal(undefined)
    })

    it('serves tiles and bundles that hash to the root, across tile edges', async () => {
      const { log } = fixture
      let published = 0
      for (const size of [1, 255, 256, 257, 600]) {
        await append(log, size - published, published)
        published = size
        const { root } = parseCheckpoint(await log.publish(size))
        const hashes: Buffer[] = []
        for (let index = 0; index * 256 < size; index++) {
          const width = tileWidth(0, index, size)
          const tile = (await log.tile(0, index, width)) as Buffer
          const bundle = parseEntryBundle((await log.entryBundle(index, width)) as Buffer, width)
          expect(Buffer.concat(bundle.map((leaf) => hashLeaf(leaf)))).to.deep.equal(tile)
          hashes.push(...bundle.map((leaf) => hashLeaf(leaf)))
        }
        expect(rootOf(hashes)).to.deep.equal(root)
        expect((await log.tile(1, 0, tileWidth(1, 0, size)))?.length).to.equal(
          size < 256 ? undefined : tileWidth(1, 0, size) * 32,
        )
      }
      expect(await log.check()).to.deep.equal([])
    })

    it('proves each entry and each earlier checkpoint', async () => {
      const { log } = fixture
      const roots = new Map<number, Buffer>()
      for (let size = 1; size <= 9; size++) {
        await append(log, 1, size - 1)
        roots.set(size, parseCheckpoint(await log.publish(size)).root)
      }
      for (let n = 0; n < 9; n++) {
        const proof = (await log.prove(n)) as string
        const { index } = verifyTlogProof(proof, encodeEntry(entry(n)), parseVkey(log.vkey))
        expect(index).to.equal(n)
      }
      for (let first = 1; first <= 9; first++) {
        const claim = {
          first,
          firstRoot: roots.get(first) as Buffer,
          second: 9,
          secondRoot: roots.get(9) as Buffer,
          proof: await log.proveConsistency(first, 9),
        }
        expect(isConsistent(claim)).to.equal(true)
      }
    })

    it('gives every entry one place when two processes append and publish at once', async () => {
      const { log, second } = fixture
      const places = await Promise.all(
        Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? log : second).append(entry(n))),
      )
      expect(new Set(places).size).to.equal(40)
      const notes = await Promise.all([log.publish(1), second.publish(1), log.publish(1)])
      expect(new Set(notes).size).to.equal(1)
      expect(parseCheckpoint(notes[0]).size).to.equal(40)
      expect(await second.check()).to.deep.equal([])
    })
  })
}
