import { expect } from 'chai'
import { Command, Option } from 'commander'
import { type AccountWorld, addAccounts } from '../../../shared/account/commands.ts'
import { accountMigrations, openAccountStore } from '../../../shared/account/store.sqlite.ts'
import type { AccountStore } from '../../../shared/account/store.ts'
import { sha256Base64url } from '../../../shared/hash.ts'
import { systemRandom } from '../../../shared/random.ts'
import { type Database, openDatabase } from '../../../shared/store/database.sqlite.ts'
import { failureOf } from '../../support/failure.ts'

const NOW = 1_800_000_000

describe('carnet-issuer accounts', () => {
  let db: Database
  let store: AccountStore
  let out: string[]
  let notes: string[]

  beforeEach(() => {
    db = openDatabase(':memory:', { account: accountMigrations })
    store = openAccountStore(db)
    out = []
    notes = []
  })
  afterEach(() => {
    db.close()
  })

  async function run(...argv: string[]): Promise<void> {
    const world: AccountWorld = {
      print: (line) => out.push(line),
      note: (line) => notes.push(line),
      clock: () => NOW,
      random: systemRandom,
      withAccounts: (_config, work) => work(store, 'https://operator.example/operator/'),
    }
    const root = new Command().exitOverride().configureOutput({ writeErr: () => undefined })
    addAccounts(root, world, () => new Option('--config <FILE>'))
    await root.parseAsync(['accounts', ...argv], { from: 'user' })
  }

  /** The code in the link that was printed last. */
  function code(): string {
    const link = /^https:\/\/operator\.example\/operator\/#invitation=([\w-]{43})$/
    return link.exec(out.at(-1) ?? '')?.[1] ?? expect.fail(`no link: ${out}`)
  }

  async function redeem(passkeyId: string): Promise<boolean> {
    return store.register(
      {
        codeSha256: sha256Base64url(code()),
        passkey: {
          id: passkeyId,
          publicKey: Uint8Array.of(1),
          counter: 0,
          isBackupEligible: false,
          isBackedUp: false,
          transports: [],
        },
        session: { idSha256: passkeyId, idleUntil: NOW + 60, endsAt: NOW + 60 },
      },
      NOW,
    )
  }

  it('invites: the first account has no other way, and the link is stored as a digest', async () => {
    await run('invite', 'ada', '--role', 'operator')
    const account = await store.invitation(sha256Base64url(code()), NOW)
    expect(account).to.include({ name: 'ada', role: 'operator' })
    expect(await store.invitation(sha256Base64url(code()), NOW + 86_400)).to.equal(undefined)
    expect(notes.join()).to.contain('serves once, until 2027-01-16T08:00:00Z')
    const stored = JSON.stringify(db.prepare('SELECT * FROM account_invitation').all())
    expect(stored).to.not.include(code())
  })

  it('invites for as long as is said, and in no other role than an account has', async () => {
    await run('invite', 'grace', '--role', 'reviewer', '--hours', '1')
    expect(await store.invitation(sha256Base64url(code()), NOW + 3600)).to.equal(undefined)
    const failure = await failureOf(run('invite', 'grace', '--role', 'operator'))
    expect(failure).to.include({ code: 'account_unknown' })
    for (const hours of ['0', '169', 'x']) {
      await failureOf(run('invite', 'ada', '--role', 'operator', '--hours', hours))
    }
    expect((await store.accounts(NOW)).map(({ name }) => name)).to.deep.equal(['grace'])
  })

  it('recovers an account whose passkeys are lost, and ends what they were good for', async () => {
    await run('invite', 'ada', '--role', 'operator')
    expect(await redeem('lost')).to.equal(true)
    await run('recover', 'ada')
    expect(await store.passkey('lost')).to.equal(undefined)
    expect(await store.useSession('lost', 60, NOW)).to.equal(undefined)
    expect(await redeem('new')).to.equal(true)
    expect(await failureOf(run('recover', 'nobody'))).to.include({ code: 'account_unknown' })
  })

  it('lists, revokes sessions, and removes', async () => {
    await run('invite', 'ada', '--role', 'operator')
    await redeem('p')
    out = []
    await run('list')
    expect(out).to.deep.equal([
      'ada  operator  1 passkeys  1 sessions  last in 2027-01-15T08:00:00Z',
    ])
    await run('sessions', 'revoke', 'ada')
    expect(out.at(-1)).to.equal('ada  1 sessions ended')
    expect(await store.useSession('p', 60, NOW)).to.equal(undefined)
    await run('remove', 'ada')
    expect(await store.accounts(NOW)).to.deep.equal([])
    for (const argv of [
      ['remove', 'ada'],
      ['sessions', 'revoke', 'ada'],
    ]) {
      expect(await failureOf(run(...argv))).to.include({ code: 'account_unknown' })
    }
  })

  it('takes names that can be typed and read', async () => {
    for (const name of ['a b', '', 'x'.repeat(65), 'a/b']) {
      await failureOf(run('invite', name, '--role', 'operator'))
    }
    expect(await store.accounts(NOW)).to.deep.equal([])
  })
})
