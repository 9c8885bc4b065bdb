import { expect } from 'chai'
import type { NewSession, Passkey } from '../../shared/account/account.ts'
import type { AccountStore } from '../../shared/account/store.ts'

const NOW = 1_800_000_000
const HOUR = 3600

/** A store, and a second process's view of it. */
export interface OpenAccountStores {
  readonly first: AccountStore
  readonly second: AccountStore
  close(): Promise<void>
}

const ada = { id: 'a'.repeat(32), name: 'ada', role: 'operator' } as const
const grace = { id: 'b'.repeat(32), name: 'grace', role: 'reviewer' } as const

const passkey = (id: string, changes: Partial<Passkey> = {}): Passkey => ({
  id,
  publicKey: Uint8Array.of(1, 2, 3),
  counter: 4,
  isBackupEligible: false,
  isBackedUp: false,
  transports: ['internal'],
  ...changes,
})

const session = (idSha256: string, changes: Partial<NewSession> = {}): NewSession => ({
  idSha256,
  idleUntil: NOW + HOUR,
  endsAt: NOW + 8 * HOUR,
  ...changes,
})

/** What every account store has to do, whatever keeps it. */
export function accountStoreContract(engine: string, open: () => Promise<OpenAccountStores>): void {
  describe(`account store on ${engine}`, () => {
    let stores: OpenAccountStores
    let store: AccountStore
    beforeEach(async () => {
      stores = await open()
      store = stores.first
    })
    afterEach(() => stores.close())

    const invite = (
      account: typeof ada | typeof grace,
      codeSha256: string,
      recovery = false,
    ): Promise<boolean> =>
      store.invite({ account, codeSha256, expiresAt: NOW + HOUR, recovery }, NOW)
    const register = (codeSha256: string, id: string, sessionId: string, now = NOW) =>
      store.register({ codeSha256, passkey: passkey(id), session: session(sessionId) }, now)

    it('lets an invitation be redeemed once, for a passkey and a session', async () => {
      expect(await invite(ada, 'code')).to.equal(true)
      expect(await stores.second.invitation('code', NOW)).to.deep.equal(ada)
      const both = await Promise.all([
        register('code', 'p1', 's1'),
        stores.second.register(
          { codeSha256: 'code', passkey: passkey('p2'), session: session('s2') },
          NOW,
        ),
      ])
      expect(both.sort()).to.deep.equal([false, true])
      expect(await store.invitation('code', NOW)).to.equal(undefined)
      expect(await store.passkeys(ada.id)).to.have.length(1)
      expect(await store.countSessions(ada.id, NOW)).to.equal(1)
    })

    it('keeps what is known of a passkey', async () => {
      await invite(ada, 'code')
      const made = passkey('p', { isBackupEligible: true, isBackedUp: true, transports: [] })
      await store.register({ codeSha256: 'code', passkey: made, session: session('s') }, NOW)
      const known = { ...made, createdAt: NOW, lastUsedAt: NOW }
      expect(await stores.second.passkey('p')).to.deep.equal({ account: ada, passkey: known })
      expect(await store.passkey('q')).to.equal(undefined)
    })

    it('does not redeem an invitation that has ended, or one that a newer one took the place of', async () => {
      await invite(ada, 'one')
      await invite(ada, 'two')
      expect(await register('one', 'p', 's')).to.equal(false)
      expect(await store.invitation('two', NOW + HOUR)).to.equal(undefined)
      expect(await register('two', 'p', 's', NOW + HOUR)).to.equal(false)
      expect(await store.passkeys(ada.id)).to.deep.equal([])
    })

    it('does not take a passkey that another account has, nor an account in another role', async () => {
      await invite(ada, 'one')
      await register('one', 'p', 's1')
      await invite(grace, 'two')
      expect(await register('two', 'p', 's2')).to.equal(false)
      expect(await store.invitation('two', NOW)).to.deep.equal(grace)
      expect(await invite({ ...grace, name: 'ada' } as unknown as typeof grace, 'three')).to.equal(
        false,
      )
      expect(await store.invitation('three', NOW)).to.equal(undefined)
    })

    it('ends passkeys and sessions at a recovery, and keeps the account', async () => {
      await invite(ada, 'one')
      await register('one', 'p', 's')
      expect(
        await invite({ ...ada, id: 'c'.repeat(32) } as unknown as typeof ada, 'two', true),
      ).to.equal(true)
      expect(await store.passkey('p')).to.equal(undefined)
      expect(await store.useSession('s', HOUR, NOW)).to.equal(undefined)
      expect(await store.invitation('two', NOW)).to.deep.equal(ada)
    })

    it('gives a ceremony out once, and none that has ended', async () => {
      const ceremony = { kind: 'sign-in', challenge: 'c', expiresAt: NOW + 10 } as const
      await store.beginCeremony({ idSha256: 'one', ...ceremony })
      await store.beginCeremony({ idSha256: 'two', ...ceremony })
      const taken = await Promise.all([
        store.takeCeremony('one', NOW),
        stores.second.takeCeremony('one', NOW),
      ])
      expect(taken.filter((each) => each !== undefined)).to.deep.equal([
        { kind: 'sign-in', challenge: 'c' },
      ])
      expect(await store.takeCeremony('two', NOW + 10)).to.equal(undefined)
      expect(await store.takeCeremony('two', NOW)).to.equal(undefined)
    })

    it('records one use of a counter, so that of two at once one is refused (WebAuthn Level 3 §7.2)', async () => {
      await invite(ada, 'code')
      await register('code', 'p', 's0')
      const use = { passkeyId: 'p', expectedCounter: 4, counter: 5, isBackedUp: true }
      const both = await Promise.all([
        store.signIn({ ...use, session: session('s1') }, NOW + 5),
        stores.second.signIn({ ...use, session: session('s2') }, NOW + 5),
      ])
      expect(both.sort()).to.deep.equal([false, true])
      const [known] = await store.passkeys(ada.id)
      expect(known).to.include({ counter: 5, isBackedUp: true, lastUsedAt: NOW + 5 })
      expect(await store.countSessions(ada.id, NOW + 5)).to.equal(2)
      expect(await store.signIn({ ...use, passkeyId: 'q', session: session('s3') }, NOW)).to.equal(
        false,
      )
    })

    it('lengthens a session that is used, never beyond its end', async () => {
      await invite(ada, 'code')
      await register('code', 'p', 's')
      const used = await store.useSession('s', HOUR, NOW + HOUR - 1)
      expect(used).to.deep.include({ account: ada, passkeyId: 'p', endsAt: NOW + 8 * HOUR })
      expect(await stores.second.useSession('s', HOUR, NOW + 2 * HOUR - 2)).to.not.equal(undefined)
      expect(await store.useSession('s', HOUR, NOW + 4 * HOUR)).to.equal(undefined)
    })

    it('ends a session at its end, however much it is used', async () => {
      await invite(ada, 'code')
      await register('code', 'p', 's')
      for (let use = 1; use <= 8; use += 1) {
        const at = NOW + use * (HOUR - 120)
        expect(await store.useSession('s', HOUR, at), `use ${use}`).to.not.equal(undefined)
      }
      expect(await store.useSession('s', HOUR, NOW + 8 * HOUR - 1)).to.not.equal(undefined)
      expect(await store.useSession('s', HOUR, NOW + 8 * HOUR)).to.equal(undefined)
    })

    it('ends one session, all of an account, and all with the account', async () => {
      await invite(ada, 'code')
      await register('code', 'p', 's0')
      const use = { passkeyId: 'p', expectedCounter: 4, counter: 4, isBackedUp: false }
      for (const id of ['s1', 's2', 's3']) {
        await store.signIn({ ...use, session: session(id) }, NOW)
      }
      await store.endSession('s0')
      expect(await stores.second.useSession('s0', HOUR, NOW)).to.equal(undefined)
      expect(await store.endSessions('ada', NOW)).to.equal(3)
      expect(await stores.second.useSession('s1', HOUR, NOW)).to.equal(undefined)
      expect(await store.endSessions('nobody', NOW)).to.equal(undefined)
      await store.signIn({ ...use, session: session('s4') }, NOW)
      expect(await store.removeAccount('ada')).to.equal(true)
      expect(await store.useSession('s4', HOUR, NOW)).to.equal(undefined)
      expect(await store.removeAccount('ada')).to.equal(false)
    })

    it('tells of every account, and forgets what has ended', async () => {
      await invite(ada, 'one')
      await register('one', 'p', 's')
      await invite(grace, 'two')
      expect(await store.accounts(NOW)).to.deep.equal([
        {
          ...ada,
          createdAt: NOW,
          passkeys: 1,
          sessions: 1,
          lastUsedAt: NOW,
          invitedUntil: undefined,
        },
        {
          ...grace,
          createdAt: NOW,
          passkeys: 0,
          sessions: 0,
          lastUsedAt: undefined,
          invitedUntil: NOW + HOUR,
        },
      ])
      await store.beginCeremony({
        idSha256: 'c',
        kind: 'sign-in',
        challenge: 'c',
        expiresAt: NOW + 10,
      })
      await store.forgetExpired(NOW + HOUR)
      expect(await store.invitation('two', NOW)).to.equal(undefined)
      expect(await store.takeCeremony('c', NOW)).to.equal(undefined)
      expect(await store.useSession('s', HOUR, NOW)).to.equal(undefined)
      expect(await store.passkeys(ada.id)).to.have.length(1)
    })
  })
}
