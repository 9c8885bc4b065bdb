import { expect } from 'chai'
import type { FaceStore, KeptFace } from '../../issuer/evidence/face/face-store.ts'

const face = (id: string, changes: Partial<KeptFace> = {}): KeptFace => ({
  list: 'seen',
  id,
  model: 'ab'.repeat(32),
  person: `person ${id}`,
  sealed: Buffer.from(`sealed ${id}`),
  expires: 100,
  ...changes,
})

/** What every store of faces promises. */
export function faceStoreContract(
  engine: string,
  open: () => Promise<{ readonly store: FaceStore; readonly close: () => Promise<void> }>,
): void {
  describe(`faces on ${engine}`, () => {
    let store: FaceStore
    let close: () => Promise<void>
    beforeEach(async () => {
      ;({ store, close } = await open())
    })
    afterEach(() => close())

    const ids = (faces: readonly { readonly id: string }[]) => faces.map(({ id }) => id)

    it('tells what was kept since a cursor, in its order and with every byte', async () => {
      await store.keep(face('b'))
      const first = await store.changes(undefined)
      expect(
        first.kept.map((each) => ({ ...each, sealed: Buffer.from(each.sealed) })),
      ).to.deep.equal([face('b')])
      expect([first.all, first.more]).to.deep.equal([undefined, false])
      await store.keep(face('c', { list: 'blocklist' }))
      await store.keep(face('a'))
      const second = await store.changes(first.cursor)
      expect(ids(second.kept)).to.deep.equal(['c', 'a'])
      expect(ids((await store.changes(second.cursor)).kept)).to.deep.equal([])
    })

    it('keeps one face for a list and an id, the last one', async () => {
      await store.keep(face('a'))
      await store.keep(face('a', { list: 'blocklist' }))
      const { cursor } = await store.changes(undefined)
      await store.keep(face('a', { expires: 200 }))
      const { kept } = await store.changes(cursor)
      expect(kept.map(({ list, expires }) => [list, expires])).to.deep.equal([['seen', 200]])
      expect((await store.changes(undefined)).kept).to.have.length(2)
    })

    it('tells of a removal before time by naming all that are left', async () => {
      await store.keep(face('a'))
      await store.keep(face('b'))
      const { cursor } = await store.changes(undefined)
      expect(await store.remove('blocklist', 'a')).to.equal(false)
      expect((await store.changes(cursor)).all).to.equal(undefined)
      expect(await store.remove('seen', 'a')).to.equal(true)
      expect(await store.remove('seen', 'a')).to.equal(false)
      const changes = await store.changes(cursor)
      expect(changes.all?.map(({ list, id }) => `${list} ${id}`)).to.deep.equal(['seen b'])
      expect((await store.changes(changes.cursor)).all).to.equal(undefined)
    })

    it('has a face of a session wait until it is settled, and one of the blocklist not', async () => {
      for (const id of ['c', 'a', 'b']) await store.keep(face(id))
      await store.keep(face('d', { list: 'blocklist' }))
      await store.settle('b')
      expect(await store.unsettled('')).to.deep.equal(['a', 'c'])
      expect(await store.unsettled('a')).to.deep.equal(['c'])
    })

    it('names the blocklist without a template', async () => {
      await store.keep(face('z', { list: 'blocklist', expires: 7 }))
      await store.keep(face('a'))
      const [blocked, ...more] = await store.blocklist()
      expect([{ ...blocked }, more]).to.deep.equal([{ id: 'z', expires: 7 }, []])
    })

    it('removes what has expired, of both lists', async () => {
      await store.keep(face('a'))
      await store.keep(face('b', { expires: 101 }))
      await store.keep(face('c', { list: 'blocklist', expires: 99 }))
      expect(await store.purge(100)).to.equal(2)
      expect(ids((await store.changes(undefined)).kept)).to.deep.equal(['b'])
    })

    it('loses no change of those who keep at once', async () => {
      const names = Array.from({ length: 20 }, (_, i) => `n${i}`)
      const seen: string[] = []
      let cursor: Awaited<ReturnType<FaceStore['changes']>>['cursor'] | undefined
      let done = false
      const keeping = Promise.all(names.map((id) => store.keep(face(id)))).then(() => {
        done = true
      })
      for (let last = false; !last; ) {
        last = done
        const changes = await store.changes(cursor)
        seen.push(...ids(changes.kept))
        cursor = changes.cursor
      }
      await keeping
      expect(seen).to.have.members(names)
    })
  })
}
