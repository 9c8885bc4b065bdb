import { mkdirSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { expect } from 'chai'
import { makeKey } from '../../../shared/api-key/api-key.ts'
import { systemRandom } from '../../../shared/random.ts'
import { immediate } from '../../../shared/store/database.sqlite.ts'
import { emitEvent } from '../../../shared/webhook/store.sqlite.ts'
import { softwareAuthenticator } from '../../support/authenticator.ts'
import { fixturePipeline } from '../../support/evidence.ts'
import { openIssuer, type TestIssuer } from '../../support/issuer.ts'
import { send } from '../../support/issuer-client.ts'
import { expectGolden, operationsOf, routesOf } from '../../support/openapi.ts'
import { openOperatorPage, type TestOperatorPage } from '../../support/operator-page.ts'
import { type PageClient, pageClient } from '../../support/page-client.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const START = 1_800_000_000

describe('operatorPages', () => {
  const folder = temporaryFolder()
  let now = START
  let isFailing = false
  let issuer: TestIssuer
  let page: TestOperatorPage

  before(async () => {
    mkdirSync(join(folder.path, 'assets'))
    writeFileSync(join(folder.path, 'index.html'), '<!doctype html>')
    writeFileSync(join(folder.path, 'assets/page-abc.js'), '1')
    issuer = await openIssuer(fixturePipeline(), { clock: () => now })
    page = await openOperatorPage(issuer, {
      clock: () => now,
      folder: folder.path,
      checkHealth: () => {
        if (isFailing) throw new Error('the disk is full')
      },
    })
  })
  after(async () => {
    await page.close()
    await issuer.close()
    folder.remove()
  })

  async function signedIn(role: 'operator' | 'reviewer' = 'operator'): Promise<PageClient> {
    const client = pageClient(page)
    const authenticator = softwareAuthenticator(page.origin)
    const code = await page.invite(`${role}-${now}`, role)
    await client.register(code, (options) => authenticator.make(options))
    return client
  }

  it('is described by the committed document, with every route that it answers and no other', async () => {
    const { body } = await send(`${page.origin}/openapi.json`)
    expectGolden('docs/openapi/issuer-operator.json', `${JSON.stringify(body, undefined, 2)}\n`)
    expect(routesOf(page.app)).to.include('get /operator/overview')
    expect(routesOf(page.app)).to.deep.equal(operationsOf(body))
  })

  describe('the page', () => {
    it('is served with a policy that runs nothing of its own text (CSP Level 3)', async () => {
      const { status, headers } = await send(`${page.origin}/operator/`)
      expect(status).to.equal(200)
      expect(headers.get('content-security-policy')).to.equal(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
      )
      expect(headers.get('x-content-type-options')).to.equal('nosniff')
      expect(headers.get('x-frame-options')).to.equal('DENY')
      expect(headers.get('referrer-policy')).to.equal('no-referrer')
      expect(headers.get('cross-origin-opener-policy')).to.equal('same-origin')
      expect(headers.get('cache-control')).to.equal('no-cache')
    })

    it('is found from the address alone, and its files are kept for good', async () => {
      for (const path of ['/', '/operator', '/operator?x=1']) {
        const { status, headers } = await send(`${page.origin}${path}`, { redirect: 'manual' })
        expect([status, headers.get('location')], path).to.deep.equal([308, '/operator/'])
      }
      const file = await send(`${page.origin}/operator/assets/page-abc.js`)
      expect(file.headers.get('content-type')).to.match(/^text\/javascript/)
      expect(file.headers.get('cache-control')).to.match(/immutable/)
      for (const path of ['/operator/assets/', '/operator/assets/..%2findex.html', '/operator/x']) {
        expect((await send(`${page.origin}${path}`)).status, path).to.equal(404)
      }
    })

    it('is not built and says so', async () => {
      const empty = temporaryFolder()
      try {
        await openOperatorPage(issuer, { folder: empty.path }).then(
          () => expect.fail('it opened'),
          (error: Error) => expect(error).to.include({ code: 'file_unreadable' }),
        )
      } finally {
        empty.remove()
      }
    })

    it('is of one host alone, while metrics are answered under any', async () => {
      const under = (path: string, host: string) =>
        new Promise<number | undefined>((resolve, reject) => {
          request(`${page.address}${path}`, { headers: { host } }, (response) => {
            response.resume()
            resolve(response.statusCode)
          })
            .on('error', reject)
            .end()
        })
      expect(await under('/operator/', 'rebound.example')).to.equal(421)
      expect(await under('/operator/overview', 'rebound.example')).to.equal(421)
      expect(await under('/metrics', 'rebound.example')).to.equal(200)
      expect(await under('/healthz', 'rebound.example')).to.equal(200)
    })
  })

  describe('what it asks for', () => {
    const PATHS = ['/overview', '/tenants/issuer/keys', '/tenants/issuer/deliveries']

    it('is answered to an operator who is signed in or has a key, and to nobody else', async () => {
      const operator = await signedIn()
      const reviewer = await signedIn('reviewer')
      const stranger = pageClient(page)
      const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
      for (const path of PATHS) {
        expect((await operator.get(path)).status, path).to.equal(200)
        expect((await stranger.get(path, bearer(issuer.operatorKey))).status, path).to.equal(200)
        expect((await reviewer.get(path)).body.code, path).to.equal('not_permitted')
        expect((await stranger.get(path)).body.code, path).to.equal('not_authenticated')
        const other = await stranger.get(path, bearer(issuer.reviewerKey))
        expect(other.body.code, path).to.equal('not_permitted')
        const wrong = await operator.get(path, bearer('carnet_operator_wrong'))
        expect(wrong.body.code, `${path}: a key that is wrong is not mended by a session`).to.equal(
          'not_authenticated',
        )
      }
      const { headers } = await operator.get('/overview')
      expect(headers.get('cross-origin-resource-policy')).to.equal('same-origin')
      expect(headers.get('cache-control')).to.equal('no-store')
      const missing = await operator.get('/tenants/nobody/keys')
      expect(missing.body.code).to.equal('not_found')
    })

    it('tells of lists, log, deliveries and notices, as of now', async () => {
      const client = await signedIn()
      now = START + 100
      const { body } = await client.get('/overview')
      expect(body).to.include({ asOf: START + 100, health: 'ok' })
      const [tenant] = body.tenants
      expect(tenant).to.include({ name: 'issuer', address: issuer.url, country: 'UT' })
      expect(tenant.lists).to.deep.equal([
        { pool: 'standard', publishedAt: START, expiresAt: START + 3600 },
      ])
      expect(tenant.log.vkey).to.equal(issuer.auditLog.vkey)
      const { appended, served } = await issuer.auditLog.size()
      expect([tenant.log.entries, tenant.log.lag]).to.deep.equal([appended, appended - served])
      expect(tenant.deliveries).to.deep.equal({ pending: 0, dead: 0 })
      isFailing = true
      expect((await client.get('/overview')).body.health).to.equal('failing')
      isFailing = false
      now = START
    })

    it('tells of keys by name and role, and never what would be a key', async () => {
      const client = await signedIn()
      await issuer.keys.revokeKeys({ name: 'driver' }, now)
      const { body } = await client.get('/tenants/issuer/keys')
      const driver = body.keys.find(({ name }: { name: string }) => name === 'driver')
      expect(driver).to.include({ role: 'platform', createdAt: START, revokedAt: now })
      expect(body.keys.map(({ role }: { role: string }) => role)).to.include.members([
        'operator',
        'reviewer',
        'regulator',
      ])
      const text = JSON.stringify(body)
      for (const key of [issuer.operatorKey, issuer.platformKey]) {
        expect(text).to.not.include(key)
        expect(text).to.not.match(/sha256/i)
      }
    })

    it('shows a person every tenant, and a key the one that it is of', async () => {
      const other = await openIssuer(fixturePipeline(), { clock: () => now })
      const both = await openOperatorPage(issuer, {
        clock: () => now,
        folder: folder.path,
        changeDeps: (deps) => ({
          ...deps,
          tenants: [
            ...deps.tenants,
            {
              ...{ name: 'other', address: other.url, issuer: 'Other issuer', country: 'UT' },
              ...{ keys: other.keys, webhooks: other.webhooks, auditLog: other.auditLog },
              servedPools: other.storage.servedPools,
              operations: other.storage.operations,
            },
          ],
        }),
      })
      try {
        const client = pageClient(both)
        const authenticator = softwareAuthenticator(both.origin)
        const code = await both.invite('of-both')
        await client.register(code, (options) => authenticator.make(options))
        const names = async (headers?: Record<string, string>) => {
          const { body } = await client.get('/overview', headers)
          return body.tenants.map(({ name }: { name: string }) => name)
        }
        expect(await names()).to.deep.equal(['issuer', 'other'])
        const bearer = { authorization: `Bearer ${other.operatorKey}` }
        expect(await names(bearer)).to.deep.equal(['other'])
        for (const path of ['keys', 'deliveries']) {
          expect((await client.get(`/tenants/other/${path}`, bearer)).status).to.equal(200)
          const refused = await client.get(`/tenants/issuer/${path}`, bearer)
          expect(refused.body.code, path).to.equal('not_found')
        }
        const resend = '/tenants/issuer/deliveries/1/resend'
        expect((await client.post(resend, undefined, bearer)).body.code).to.equal('not_found')
      } finally {
        await both.close()
        await other.close()
      }
    })

    it('lets a key do what its scopes say', async () => {
      const { text, id, sha256 } = makeKey('operator', systemRandom)
      const scopes = ['server:read'] as const
      await issuer.keys.addKey({ id, name: 'watcher', role: 'operator', sha256, scopes }, now)
      const client = pageClient(page)
      const bearer = { authorization: `Bearer ${text}` }
      expect((await client.get('/overview', bearer)).status).to.equal(200)
      const deliveries = await client.get('/tenants/issuer/deliveries', bearer)
      expect(deliveries.body.code).to.equal('not_permitted')
      const resend = await client.post('/tenants/issuer/deliveries/1/resend', undefined, bearer)
      expect(resend.body.code).to.equal('not_permitted')
      const { body } = await (await signedIn()).get('/tenants/issuer/keys')
      const watcher = body.keys.find(({ name }: { name: string }) => name === 'watcher')
      expect(watcher.lastUsedAt).to.equal(now)
    })

    it('pages through deliveries, and sends one again that was given up', async () => {
      const client = await signedIn()
      await issuer.webhooks.addEndpoint({
        id: 'endpoint',
        url: 'https://platform.example/hook?token=secret',
        platform: undefined,
        types: ['carnet.session.decided.v1'],
        createdAt: now,
      })
      immediate(issuer.db, () => {
        for (let subject = 0; subject < 51; subject += 1) {
          const type = 'carnet.session.decided.v1'
          const event = {
            type,
            subject: `s${subject}`,
            platform: undefined,
            at: now,
            data: {},
          } as const
          emitEvent(issuer.db, event, systemRandom)
        }
      })
      const claimed = await issuer.webhooks.claim(
        { claim: 'c', limit: 1, perEndpoint: 1, leaseUntil: now + 60 },
        now,
      )
      const [first] = claimed
      await issuer.webhooks.recordAttempt(
        first?.id ?? 0,
        'c',
        { outcome: '503', next: 'dead' },
        now,
      )
      const newest = (await client.get('/tenants/issuer/deliveries?limit=50')).body
      expect(newest.deliveries).to.have.length(50)
      expect(newest.deliveries[0]).to.include({
        state: 'pending',
        type: 'carnet.session.decided.v1',
        receiver: 'https://platform.example',
      })
      expect(JSON.stringify(newest)).to.not.include('secret')
      const rest = (await client.get(`/tenants/issuer/deliveries?cursor=${newest.next}`)).body
      expect(rest.deliveries).to.have.length(1)
      expect(rest.next).to.equal(undefined)
      const dead = (await client.get('/tenants/issuer/deliveries?state=dead')).body.deliveries
      expect(dead).to.have.length(1)
      expect(dead[0]).to.include({ id: first?.id, attempts: 1, lastOutcome: '503' })
      const path = `/tenants/issuer/deliveries/${first?.id}/resend`
      const foreign = await client.post(path, undefined, { origin: 'https://evil.example' })
      expect(foreign.body.code).to.equal('origin_refused')
      expect((await client.post(path)).status).to.equal(204)
      expect((await client.post(path)).body.code).to.equal('delivery_pending')
      const never = await client.post('/tenants/issuer/deliveries/999999/resend')
      expect(never.body.code).to.equal('delivery_not_found')
      const again = (await client.get('/tenants/issuer/deliveries?state=dead')).body.deliveries
      expect(again).to.deep.equal([])
    })
  })
})
