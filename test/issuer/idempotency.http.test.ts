import { expect } from 'chai'
import { fixturePipeline } from '../support/evidence.ts'
import { openIssuer, type TestIssuer } from '../support/issuer.ts'
import {
  beginSession,
  codeOf,
  newKeys,
  type Reply,
  send,
  submittedSession,
  testWallet,
  tokenFor,
} from '../support/issuer-client.ts'

const MANY = Array.from({ length: 50 }, (_, at) => at)

/** Asks with an `Idempotency-Key`. */
function ask(url: string, token: string | undefined, key: string, body?: unknown): Promise<Reply> {
  return send(url, {
    method: 'POST',
    headers: {
      'idempotency-key': key,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

const refused = ({ status, body }: Reply) => [status, body.code]

/** Every one of many answers is the same success, or that the first is being answered. */
function expectOne(replies: readonly Reply[], status: number): unknown {
  for (const reply of replies) {
    if (reply.status !== status) {
      expect(refused(reply)).to.deep.equal([409, 'idempotency_key_in_use'])
    }
  }
  const told = new Set(
    replies.filter((reply) => reply.status === status).map(({ body }) => JSON.stringify(body)),
  )
  expect(told.size).to.equal(1)
  return JSON.parse([...told][0] ?? '')
}

describe('Idempotency-Key at the issuer', () => {
  let issuer: TestIssuer
  before(async () => {
    issuer = await openIssuer(fixturePipeline())
  })
  after(() => issuer.close())
  const count = (table: string): number =>
    Number(issuer.db.prepare(`SELECT count(*) FROM ${table}`).pluck().get())

  it('opens one session for fifty requests at once, and tells its token again to its platform alone', async () => {
    const before = count('session')
    const url = `${issuer.url}/sessions`
    const replies = await Promise.all(MANY.map(() => ask(url, issuer.platformKey, 'session-once')))
    const opened = expectOne(replies, 201) as { session_id: string; session_token: string }
    expect(count('session')).to.equal(before + 1)
    const again = await ask(url, issuer.platformKey, '"session-once"')
    expect(again.body).to.deep.equal(opened)
    const view = await send(`${url}/${opened.session_id}`, {
      headers: { authorization: `Bearer ${again.body.session_token}` },
    })
    expect(view.body.state).to.equal('collecting')
    const stored = JSON.stringify(issuer.db.prepare('SELECT * FROM idempotency').all())
    expect(stored).to.not.contain(opened.session_token).and.not.contain(opened.session_id)
  })

  it('does not take the key of somebody who says not who they are', async () => {
    const reply = await ask(`${issuer.url}/sessions`, undefined, 'session-of-nobody')
    expect(refused(reply)).to.deep.equal([400, 'request_invalid'])
    expect((await beginSession(issuer.url)).id).to.be.a('string')
  })

  it('makes one offer, which a repeated request tells again and a wallet redeems', async () => {
    const worker = await submittedSession(issuer.url)
    const url = `${issuer.url}/sessions/${worker.id}/offer`
    const replies = await Promise.all(MANY.map(() => ask(url, worker.token, 'offer-once')))
    const offered = expectOne(replies, 201) as Record<string, string>
    const again = await ask(url, worker.token, 'offer-once')
    expect(again.body).to.deep.equal(offered)
    const stored = JSON.stringify(issuer.db.prepare('SELECT * FROM idempotency').all())
    expect(stored).to.not.contain(offered.tx_code).and.not.contain('pre-authorized_code')
    const { code, txCode } = codeOf(again)
    expect((await testWallet(issuer.url).redeem(code, txCode)).status).to.equal(200)
    const another = await ask(url, worker.token, 'offer-another')
    expect(another.body.credential_offer_uri).to.not.equal(offered.credential_offer_uri)
  })

  it('revokes once, answers the same, and refuses the key for another order', async () => {
    const worker = await submittedSession(issuer.url)
    const wallet = testWallet(issuer.url)
    await wallet.credential(await tokenFor(worker, wallet), newKeys(2))
    const url = `${issuer.url}/sessions/${worker.id}/revocation`
    const order = { reason_class: 'holder_request' }
    const revoke = (body: object, key: string) => ask(url, issuer.operatorKey, key, body)
    const replies = await Promise.all(MANY.map(() => revoke(order, 'revocation-1')))
    expect(expectOne(replies, 202)).to.deep.equal({ revoked_copies: 2 })
    expect((await revoke(order, 'revocation-1')).body).to.deep.equal({ revoked_copies: 2 })
    const other = await revoke({ reason_class: 'fraud' }, 'revocation-1')
    expect(refused(other)).to.deep.equal([422, 'idempotency_key_reused'])
    expect(refused(await revoke(order, 'revocation-2'))).to.deep.equal([409, 'status_final'])
  })

  it('changes a status once, alone and in bulk', async () => {
    const worker = await submittedSession(issuer.url)
    const wallet = testWallet(issuer.url)
    await wallet.credential(await tokenFor(worker, wallet), newKeys(2))
    const { statuses } = issuer.db
      .prepare('SELECT statuses FROM issuance WHERE session_id = ?')
      .get(worker.id) as { statuses: string }
    const references = JSON.parse(statuses)
    const operator = (path: string, key: string, body: unknown) =>
      ask(issuer.url + path, issuer.operatorKey, key, body)
    const suspend = { reference: references[0], to: 'suspended', reason_class: 'holder_request' }
    const changes = await Promise.all(
      MANY.map(() => operator('/status-changes', 'change-once', suspend)),
    )
    const { event } = expectOne(changes, 202) as { event: number }
    expect((await operator('/status-changes', 'change-once', suspend)).body.event).to.equal(event)
    const bulk = { references, to: 'revoked', reason_class: 'key_or_wallet_compromise' }
    const proposals = await Promise.all(MANY.map(() => operator('/status-bulk', 'bulk-once', bulk)))
    const preview = expectOne(proposals, 201) as { id: string; total: number }
    expect(preview.total).to.equal(2)
    expect((await operator('/status-bulk', 'bulk-once', bulk)).body).to.deep.equal(preview)
  })
})
