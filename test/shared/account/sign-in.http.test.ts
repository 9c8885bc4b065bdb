import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { encodeBase64url } from '../../../shared/base64url.ts'
import { type Claims, softwareAuthenticator } from '../../support/authenticator.ts'
import { fixturePipeline } from '../../support/evidence.ts'
import { openIssuer, type TestIssuer } from '../../support/issuer.ts'
import { openOperatorPage, type TestOperatorPage } from '../../support/operator-page.ts'
import { pageClient } from '../../support/page-client.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const START = 1_800_000_000

describe('signInEndpoints', () => {
  const folder = temporaryFolder()
  let now = START
  let issuer: TestIssuer
  let page: TestOperatorPage
  let names = 0

  before(async () => {
    mkdirSync(join(folder.path, 'assets'))
    writeFileSync(join(folder.path, 'index.html'), '<!doctype html>')
    issuer = await openIssuer(fixturePipeline(), { clock: () => now })
    page = await openOperatorPage(issuer, { clock: () => now, folder: folder.path })
  })
  after(async () => {
    await page.close()
    await issuer.close()
    folder.remove()
  })
  beforeEach(() => {
    now = START
  })

  /** Somebody new, with a passkey and signed in. */
  async function member(claims: Claims = {}) {
    names += 1
    const name = `member-${names}`
    const authenticator = softwareAuthenticator(page.origin)
    const client = pageClient(page)
    const code = await page.invite(name)
    const reply = await client.register(code, (options) => authenticator.make(options, claims))
    return { name, authenticator, client, code, reply }
  }

  describe('registration', () => {
    it('makes a passkey for whoever was invited, and signs them in', async () => {
      const { name, client, reply } = await member()
      expect(reply.status).to.equal(200)
      expect(reply.body).to.include({ account: name, role: 'operator', sessions: 1 })
      expect(reply.body.endsAt).to.equal(START + 43_200)
      const { body } = await client.get('/session')
      expect(body.passkeys).to.deep.equal([
        { createdAt: START, lastUsedAt: START, isBackedUp: false },
      ])
    })

    it('asks for a passkey that is found without a name and unlocked by its user (WebAuthn Level 3 §5.4.4)', async () => {
      const code = await page.invite('asked')
      const { body } = await pageClient(page).post('/registration/options', { code })
      expect(body.invitation).to.deep.equal({ account: 'asked', role: 'operator' })
      expect(body.options.rp.id).to.equal('localhost')
      expect(body.options.attestation).to.equal('none')
      expect(body.options.authenticatorSelection).to.include({
        residentKey: 'required',
        userVerification: 'required',
      })
      expect(Buffer.from(body.options.challenge, 'base64url')).to.have.length(32)
    })

    it('refuses an invitation that was used, has ended, or never was', async () => {
      const { code, authenticator } = await member()
      const late = await page.invite('late', 'operator', 60)
      now = START + 60
      for (const given of [code, late, 'A'.repeat(43)]) {
        const reply = await pageClient(page).register(given, (options) =>
          authenticator.make(options),
        )
        expect(reply.status, given).to.equal(410)
        expect(reply.body.code).to.equal('invitation_invalid')
      }
    })

    for (const [what, claims] of [
      ['for another origin', { origin: 'https://evil.example' }],
      ['for another relying party', { rpId: 'evil.example' }],
      ['without verifying its user', { userVerified: false }],
      ['for another challenge', { challenge: encodeBase64url(new Uint8Array(32)) }],
      ['that is a use and not a making', { type: 'webauthn.get' }],
      ['backed up without being eligible for it', { backedUp: true }],
    ] as const) {
      it(`refuses a passkey that was made ${what} (WebAuthn Level 3 §7.1)`, async () => {
        const { reply, client } = await member(claims)
        expect(reply.status).to.equal(403)
        expect(reply.body.code).to.equal('sign_in_failed')
        expect((await client.get('/session')).status).to.equal(401)
      })
    }

    it('keeps the invitation when an attempt fails', async () => {
      const code = await page.invite('patient')
      const authenticator = softwareAuthenticator(page.origin)
      const client = pageClient(page)
      const wrong = await client.register(code, (options) =>
        authenticator.make(options, { userVerified: false }),
      )
      expect(wrong.status).to.equal(403)
      const right = await client.register(code, (options) => authenticator.make(options))
      expect(right.status).to.equal(200)
    })
  })

  describe('signing in', () => {
    it('takes a passkey, and begins another session each time', async () => {
      const { authenticator } = await member()
      const client = pageClient(page)
      const reply = await client.signIn((options) => authenticator.use(options))
      expect(reply.status).to.equal(200)
      expect(reply.body.sessions).to.equal(2)
      const earlier = client.cookies.get('__Host-carnet-session')
      await client.signIn((options) => authenticator.use(options))
      expect(client.cookies.get('__Host-carnet-session')).to.not.equal(earlier)
      client.cookies.set('__Host-carnet-session', earlier ?? '')
      expect((await client.get('/session')).status).to.equal(401)
    })

    it('sets cookies that no script reads and no other site or host sends', async () => {
      const { reply } = await member()
      const [cookie] = reply.headers.getSetCookie()
      expect(cookie).to.match(
        /^__Host-carnet-session=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/,
      )
    })

    for (const [what, claims] of [
      ['for another origin', { origin: 'https://evil.example' }],
      ['for another relying party', { rpId: 'evil.example' }],
      ['without verifying its user', { userVerified: false }],
      ['for another challenge', { challenge: encodeBase64url(new Uint8Array(32)) }],
      [
        'with another key',
        { signWith: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey },
      ],
      ['for another account', { userHandle: encodeBase64url('someone else') }],
      ['with a counter that does not rise', { counter: 1 }],
      ['as eligible for backup, which it was not', { backupEligible: true }],
    ] as const) {
      it(`refuses a passkey that is used ${what} (WebAuthn Level 3 §7.2)`, async () => {
        const { authenticator } = await member()
        const client = pageClient(page)
        const reply = await client.signIn((options) => authenticator.use(options, claims))
        expect(reply.status).to.equal(403)
        expect(reply.body.code).to.equal('sign_in_failed')
        expect(client.cookies.has('__Host-carnet-session')).to.equal(false)
        const honest = await client.signIn((options) => authenticator.use(options, { counter: 9 }))
        expect(honest.status, 'the same passkey, used as it should').to.equal(200)
      })
    }

    it('takes a counter that stays 0, as authenticators without one have it (WebAuthn Level 3 §6.1.1)', async () => {
      const { authenticator } = await member({ counter: 0 })
      for (const _ of [1, 2]) {
        const reply = await pageClient(page).signIn((options) =>
          authenticator.use(options, { counter: 0 }),
        )
        expect(reply.status).to.equal(200)
      }
    })

    it('refuses an unknown passkey in the words of a wrong one', async () => {
      const { authenticator } = await member()
      const unknown = softwareAuthenticator(page.origin)
      const wrong = await pageClient(page).signIn((options) =>
        authenticator.use(options, { origin: 'https://evil.example' }),
      )
      const never = await pageClient(page).signIn((options) => unknown.use(options))
      const said = ({ title, detail, code }: Record<string, string>) => [title, detail, code]
      expect(said(never.body)).to.deep.equal(said(wrong.body))
    })

    it('lets a challenge serve once, for five minutes, in the browser that got it', async () => {
      const { authenticator } = await member()
      const [client, other] = [pageClient(page), pageClient(page)]
      const { body } = await client.post('/sign-in/options')
      const answer = authenticator.use(body)
      expect((await other.post('/sign-in', answer)).body.code).to.equal('sign_in_failed')
      await other.post('/sign-in/options')
      expect((await other.post('/sign-in', answer)).status).to.equal(403)
      expect((await client.post('/sign-in', answer)).status).to.equal(200)
      expect((await client.post('/sign-in', answer)).status).to.equal(403)
      const late = (await client.post('/sign-in/options')).body
      now = START + 300
      expect((await client.post('/sign-in', authenticator.use(late))).status).to.equal(403)
    })

    it('does not take the challenge of a registration', async () => {
      const { authenticator } = await member()
      const client = pageClient(page)
      const code = await page.invite('crossed')
      const { body } = await client.post('/registration/options', { code })
      const reply = await client.post('/sign-in', authenticator.use(body.options))
      expect(reply.status).to.equal(403)
    })

    it('refuses what is longer than it should be before it looks', async () => {
      const { authenticator } = await member()
      const client = pageClient(page)
      const { body } = await client.post('/sign-in/options')
      const answer = authenticator.use(body)
      const long = { ...answer, id: 'A'.repeat(2000) }
      expect((await client.post('/sign-in', long)).status).to.equal(400)
      expect((await client.post('/sign-in', { ...answer, x: 'A'.repeat(40_000) })).status).to.equal(
        413,
      )
    })

    it('counts attempts by address, and says when to go on', async () => {
      const limited = await openOperatorPage(issuer, { perMinute: 2, folder: folder.path })
      try {
        const client = pageClient(limited)
        expect((await client.post('/sign-in/options')).status).to.equal(200)
        expect((await client.post('/sign-in/options')).status).to.equal(200)
        const reply = await client.post('/sign-in/options')
        expect(reply.status).to.equal(429)
        expect(Number(reply.headers.get('retry-after'))).to.be.within(1, 60)
      } finally {
        await limited.close()
      }
    })
  })

  describe('a session', () => {
    it('ends half an hour after its last use, and twelve hours after it began', async () => {
      const { client } = await member()
      now = START + 1799
      expect((await client.get('/session')).status).to.equal(200)
      now = START + 1799 + 1799
      expect((await client.get('/session')).status).to.equal(200)
      now += 1800
      expect((await client.get('/session')).status).to.equal(401)
      const second = await member()
      const { client: diligent } = second
      const from = now
      for (let used = 1; used <= 25; used += 1) {
        now = from + used * 1700
        expect((await diligent.get('/session')).status, `use ${used}`).to.equal(200)
      }
      now = from + 43_200
      expect((await diligent.get('/session')).status).to.equal(401)
    })

    it('ends when it is signed out of, here or everywhere, and when its passkey goes', async () => {
      const { name, client, authenticator } = await member()
      const other = pageClient(page)
      await other.signIn((options) => authenticator.use(options))
      const cookie = client.cookies.get('__Host-carnet-session') ?? ''
      expect((await client.delete('/session')).status).to.equal(204)
      expect(client.cookies.has('__Host-carnet-session')).to.equal(false)
      client.cookies.set('__Host-carnet-session', cookie)
      expect((await client.get('/session')).status).to.equal(401)
      expect((await other.get('/session')).status).to.equal(200)
      await client.signIn((options) => authenticator.use(options))
      expect((await client.delete('/sessions')).status).to.equal(204)
      expect((await other.get('/session')).status).to.equal(401)
      await other.signIn((options) => authenticator.use(options))
      expect((await other.get('/session')).status).to.equal(200)
      await page.accounts.removeAccount(name)
      expect((await other.get('/session')).status).to.equal(401)
    })

    it('is nothing that another site can use', async () => {
      const { client } = await member()
      for (const headers of [
        { origin: 'https://evil.example' },
        { origin: 'null' },
        { origin: page.origin, 'sec-fetch-site': 'same-site' },
        { origin: page.origin, 'sec-fetch-site': 'cross-site' },
      ]) {
        const reply = await client.delete('/session', headers)
        expect(reply.status, JSON.stringify(headers)).to.equal(403)
        expect(reply.body.code).to.equal('origin_refused')
      }
      const read = await client.get('/session', { 'sec-fetch-site': 'cross-site' })
      expect(read.body.code).to.equal('origin_refused')
      const strange = await client.post('/sign-in/options', undefined, {
        origin: 'https://evil.example',
      })
      expect(strange.body.code).to.equal('origin_refused')
      expect((await client.get('/session')).status).to.equal(200)
    })

    it('is named by one cookie of our form, else by none', async () => {
      const { client } = await member()
      const id = client.cookies.get('__Host-carnet-session')
      for (const cookie of [
        `__Host-carnet-session=${id}; __Host-carnet-session=${id}`,
        `carnet-session=${id}`,
        `__Host-carnet-session=${id}x`,
        `__Host-carnet-session="${id}"`,
      ]) {
        expect((await client.get('/session', { cookie })).status, cookie).to.equal(401)
      }
    })
  })
})
