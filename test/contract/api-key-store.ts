import { expect } from 'chai'
import { LAST_USE_SECONDS } from '../../shared/api-key/api-key.ts'
import type { ApiKeyStore, NewKey } from '../../shared/api-key/store.ts'

const NOW = 1_700_000_000
const DAY = 86_400

const ada: NewKey = { id: 'a1', name: 'ada', role: 'reviewer', sha256: 'digest of a1' }

/** What every store of keys has to do, whatever keeps it. `second` is another process's view of it. */
export function apiKeyStoreContract(
  engine: string,
  open: () => Promise<{ first: ApiKeyStore; second: ApiKeyStore; close(): Promise<void> }>,
): void {
  describe(`API key store on ${engine}`, () => {
    let first: ApiKeyStore
    let second: ApiKeyStore
    let close: () => Promise<void>
    const made: (readonly [createdAt: number, expiresAt: number | undefined])[] = []
    const ids = async () => (await second.keys()).map(({ id }) => id)
    const rotate = (id: string, overlapUntil: number, now: number, expiresAt?: number) =>
      first.rotateKey(
        {
          ...{ name: 'ada', overlapUntil },
          make: (newest) => {
            made.push([newest.createdAt, newest.expiresAt])
            return { id, sha256: `digest of ${id}`, expiresAt }
          },
        },
        now,
      )

    beforeEach(async () => {
      ;({ first, second, close } = await open())
    })
    afterEach(() => close())

    it('knows a key by its digest until it is revoked', async () => {
      expect(await first.addKey(ada, NOW)).to.equal(true)
      expect(await second.key('digest of a1', NOW)).to.deep.equal({
        ...{ id: 'a1', name: 'ada', role: 'reviewer', scopes: undefined, createdAt: NOW },
        ...{ expiresAt: undefined, revokedAt: undefined, lastUsedAt: undefined },
      })
      expect(await second.key('digest of another', NOW)).to.equal(undefined)
      expect(await second.revokeKeys({ name: 'ada' }, NOW + 1)).to.equal(1)
      expect(await second.revokeKeys({ name: 'ada' }, NOW + 2)).to.equal(0)
      expect(await first.key('digest of a1', NOW + 2)).to.equal(undefined)
      expect((await first.keys())[0]?.revokedAt).to.equal(NOW + 1)
    })

    it('gives a name once, also after its keys are revoked', async () => {
      expect(await first.addKey(ada, NOW)).to.equal(true)
      const another = { ...ada, id: 'a2', sha256: 'digest of a2' }
      expect(await second.addKey(another, NOW)).to.equal(false)
      await first.revokeKeys({ name: 'ada' }, NOW + 1)
      expect(await second.addKey(another, NOW + 2)).to.equal(false)
      expect(await ids()).to.deep.equal(['a1'])
    })

    it('keeps scopes, and refuses a key from the moment that it ends', async () => {
      const scopes = ['reviews:read'] as const
      await first.addKey({ ...ada, scopes, expiresAt: NOW + DAY }, NOW)
      expect((await second.key('digest of a1', NOW + DAY - 1))?.scopes).to.deep.equal(scopes)
      expect(await second.key('digest of a1', NOW + DAY)).to.equal(undefined)
    })

    it('makes another key of the same role and scopes, and ends the old one after the overlap', async () => {
      await first.addKey({ ...ada, scopes: ['reviews:read'] }, NOW)
      expect(await rotate('a2', NOW + 7 * DAY, NOW + 1, NOW + 90 * DAY)).to.equal('reviewer')
      const newer = await second.key('digest of a2', NOW + 1)
      expect(newer).to.include({ name: 'ada', role: 'reviewer', expiresAt: NOW + 90 * DAY })
      expect(newer?.scopes).to.deep.equal(['reviews:read'])
      expect((await second.key('digest of a1', NOW + 7 * DAY - 1))?.id).to.equal('a1')
      expect(await second.key('digest of a1', NOW + 7 * DAY)).to.equal(undefined)
      expect((await second.key('digest of a2', NOW + 7 * DAY))?.id).to.equal('a2')
    })

    it('never gives a key more time by rotating, and ends all but the newest', async () => {
      await first.addKey({ ...ada, expiresAt: NOW + 10 }, NOW)
      await rotate('a2', NOW + DAY, NOW + 1)
      await rotate('a3', NOW + 5, NOW + 2)
      expect(made.slice(-2)).to.deep.equal([
        [NOW, NOW + 10],
        [NOW + 1, undefined],
      ])
      const ends = (await second.keys()).map(({ id, expiresAt }) => [id, expiresAt])
      expect(ends).to.deep.equal([
        ['a1', NOW + 5],
        ['a2', NOW + 5],
        ['a3', undefined],
      ])
    })

    it('rotates nothing for a name whose keys have all ended', async () => {
      expect(await rotate('a2', NOW + DAY, NOW)).to.equal(undefined)
      await first.addKey(ada, NOW)
      await first.revokeKeys({ name: 'ada' }, NOW + 1)
      expect(await rotate('a2', NOW + DAY, NOW + 2)).to.equal(undefined)
      expect(await ids()).to.deep.equal(['a1'])
    })

    it('revokes one of two keys by its id, and only of that owner', async () => {
      await first.addKey(ada, NOW)
      await rotate('a2', NOW + DAY, NOW + 1)
      expect(await first.revokeKeys({ name: 'bob', id: 'a1' }, NOW + 2)).to.equal(0)
      expect(await first.revokeKeys({ name: 'ada', id: 'a1' }, NOW + 2)).to.equal(1)
      expect(await second.key('digest of a1', NOW + 2)).to.equal(undefined)
      expect((await second.key('digest of a2', NOW + 2))?.id).to.equal('a2')
    })

    it('notes the last use once a minute at most', async () => {
      await first.addKey(ada, NOW)
      const lastUse = async () => (await second.keys())[0]?.lastUsedAt
      await first.noteUse('a1', NOW + 1)
      await first.noteUse('a1', NOW + LAST_USE_SECONDS)
      expect(await lastUse()).to.equal(NOW + 1)
      await second.noteUse('a1', NOW + 1 + LAST_USE_SECONDS)
      expect(await lastUse()).to.equal(NOW + 1 + LAST_USE_SECONDS)
    })
  })
}
