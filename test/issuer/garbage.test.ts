import { expect } from 'chai'
import fc from 'fast-check'
import { fixturePipeline } from '../support/evidence.ts'
import { openIssuer, type TestIssuer } from '../support/issuer.ts'
import {
  newKeys,
  send,
  submittedSession,
  type TestWallet,
  testWallet,
  tokenFor,
} from '../support/issuer-client.ts'
import { recordingLog } from '../support/log.ts'

/** Whatever is sent, it is refused in a form that was promised; nothing is a defect. */
describe('the issuer, sent garbage', () => {
  let issuer: TestIssuer
  let wallet: TestWallet
  let token: string
  let session: string
  let sessionToken: string
  const { log, lines } = recordingLog()
  before(async () => {
    issuer = await openIssuer(fixturePipeline(), { log })
    wallet = testWallet(issuer.url)
    const worker = await submittedSession(issuer.url)
    session = worker.id
    sessionToken = worker.token
    token = await tokenFor(worker, wallet)
  })
  after(() => issuer.close())
  afterEach(() => {
    expect(lines()).to.not.contain('"msg":"defect"')
  })
  const runs = { numRuns: 60 }
  const members = fc.constantFrom(
    'credential_configuration_id',
    'credential_identifier',
    'proofs',
    'notification_id',
    'event',
    'outcome',
    'reason',
    'reason_class',
    'jwt',
    '__proto__',
  )
  const json = fc.oneof(
    fc.json(),
    fc.dictionary(members, fc.jsonValue()).map((v) => JSON.stringify(v)),
  )

  it('as JSON, with a right key and without one', async () => {
    const paths = () => [
      `/reviews/${session}`,
      `/sessions/${session}/revocation`,
      `/sessions/${session}/submit`,
      '/status-changes',
    ]
    const keys = fc.constantFrom('', 'x', 'reviewer', 'operator', 'session')
    await fc.assert(
      fc.asyncProperty(fc.nat(3), keys, json, async (path, key, body) => {
        const value = {
          reviewer: issuer.reviewerKey,
          operator: issuer.operatorKey,
          session: sessionToken,
        }
        const authorization = `Bearer ${(value as Record<string, string>)[key] ?? key}`
        const { status } = await send(`${issuer.url}${paths()[path]}`, {
          method: 'POST',
          headers: { authorization, 'content-type': 'application/json' },
          body,
        })
        expect(status).to.be.lessThan(500)
      }),
      runs,
    )
  })

  it('at the endpoints that take an access token, with a right one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(members, fc.jsonValue()), async (body) => {
        const wrong = { proofs: undefined, ...body }
        const answers = [
          await wallet.credential(token, newKeys(1), { body: wrong }),
          await wallet.notify(token, body),
        ]
        for (const { status, body: answer } of answers) {
          expect(status).to.be.within(400, 403)
          expect(answer.error).to.be.a('string')
          expect(answer.error_description ?? '').to.match(/^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/)
        }
      }),
      runs,
    )
  })

  it('as forms, and as paths', async () => {
    const form = fc.dictionary(
      fc.constantFrom('grant_type', 'pre-authorized_code', 'tx_code', 'client_id', 'resource'),
      fc.string(),
    )
    await fc.assert(
      fc.asyncProperty(form, fc.webPath(), async (parameters, path) => {
        const token = await send(`${issuer.url}/token`, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: new URLSearchParams(parameters).toString(),
        })
        expect(token.status).to.be.within(400, 401)
        expect(token.body.error).to.be.a('string')
        for (const prefix of ['', '/sessions', '/offers', '/status', '/log/tile', '/trust-list']) {
          expect((await send(`${issuer.url}${prefix}${path}`)).status).to.be.lessThan(500)
        }
      }),
      runs,
    )
  })
}).timeout(30_000)
