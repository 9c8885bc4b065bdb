import { expect } from 'chai'
import { sha256Hex } from '../../../shared/hash.ts'
import type { JsonObject } from '../../../shared/json.ts'
import { verifyRequestObject } from '../../../shared/oid4vp/request.ts'
import { recordingLog } from '../../support/log.ts'
import { NOW } from '../../support/pki.ts'
import {
  answerWith,
  type Ecosystem,
  fetchRequest,
  makeEcosystem,
  type Platform,
  postForm,
  startPlatform,
} from '../../support/platform.ts'

describe('presentation requests over HTTP', () => {
  let ecosystem: Ecosystem
  let driver: Platform
  const { log, lines } = recordingLog()

  before(async () => {
    ecosystem = await makeEcosystem()
    driver = await startPlatform(ecosystem, { log })
    await ecosystem.setStatus(7, 0)
  })
  beforeEach(() => {
    ecosystem.now = NOW
  })
  after(() => driver.stop())

  it('are made by a platform that holds a key', async () => {
    const { status, body } = await driver.call('/requests', { body: {} })
    expect(status).to.equal(201)
    expect(Object.keys(body).sort()).to.deep.equal([
      'authorization_request',
      'client_id',
      'expires_at',
      'policy',
      'request_id',
      'request_uri',
    ])
    expect(body).to.deep.include({
      client_id: driver.clientId,
      expires_at: NOW + 300,
      policy: { id: 'gig-identity', version: 1 },
    })
  })

  it('are not made without a key or with another', async () => {
    for (const key of ['', 'guess', sha256Hex(driver.key)]) {
      const { status, body } = await driver.call('/requests', { body: {}, key })
      expect({ status, code: body.code }).to.deep.equal({ status: 401, code: 'not_authenticated' })
    }
  })

  for (const [what, body] of [
    ['an unknown policy', { policy: 'nothing' }],
    ['an unknown member', { claims: ['birthdate'] }],
    ['a way back to an origin that is not configured', { redirect_uri: 'https://evil.example/' }],
    ['a way back that is no address', { redirect_uri: 'javascript:alert(1)' }],
    ['something else than an object', []],
  ] as [string, JsonObject][]) {
    it(`are not made with ${what}`, async () => {
      const answer = await driver.call('/requests', { body })
      expect({ status: answer.status, code: answer.body.code }).to.deep.equal({
        status: 400,
        code: 'request_invalid',
      })
    })
  }

  it('differ in every secret, and none is another (OpenID4VP 1.0 §13.3)', async () => {
    const secrets: string[] = []
    for (let count = 0; count < 5; count++) {
      const { id, link, requestUri } = await driver.request()
      const { request, encryption } = await fetchRequest(ecosystem, link)
      secrets.push(
        id,
        String(requestUri.split('/').at(-2)),
        String(request.response_uri.split('/').at(-1)),
        request.nonce,
        encryption.recipient.kid,
      )
    }
    expect(new Set(secrets).size).to.equal(secrets.length)
    for (const secret of secrets) expect(secret).to.match(/^[\w-]{22,}$/)
  })

  it('are served signed, as often as they are fetched, by GET and by POST (OpenID4VP 1.0 §5.10)', async () => {
    const { requestUri } = await driver.request()
    for (const init of [{}, { method: 'POST', body: new URLSearchParams() }]) {
      const response = await fetch(requestUri, init)
      expect(response.status).to.equal(200)
      expect(response.headers.get('content-type')).to.equal('application/oauth-authz-req+jwt')
      expect(response.headers.get('cache-control')).to.equal('no-store')
      const verified = verifyRequestObject(await response.text(), {
        expectedClientId: driver.clientId,
        anchors: ecosystem.anchors,
        now: NOW,
      })
      expect(verified.encryption.enc).to.equal('A256GCM')
    }
  })

  it('say what HAIP asks for: vp_token, direct_post.jwt, an ephemeral key, both ciphers, the formats (HAIP 1.0 §5)', async () => {
    const { requestUri } = await driver.request()
    const jwt = await (await fetch(requestUri)).text()
    const payload = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString())
    expect(payload).to.deep.include({
      response_type: 'vp_token',
      response_mode: 'direct_post.jwt',
      aud: 'https://self-issued.me/v2',
      exp: NOW + 300,
    })
    expect(payload).not.to.have.any.keys('redirect_uri', 'scope', 'request', 'request_uri', 'iss')
    const { jwks, ...metadata } = payload.client_metadata
    expect(metadata).to.deep.equal({
      encrypted_response_enc_values_supported: ['A128GCM', 'A256GCM'],
      vp_formats_supported: {
        'dc+sd-jwt': { 'sd-jwt_alg_values': ['ES256'], 'kb-jwt_alg_values': ['ES256'] },
      },
    })
    expect(Object.keys(jwks.keys[0]).sort()).to.deep.equal([
      'alg',
      'crv',
      'kid',
      'kty',
      'use',
      'x',
      'y',
    ])
  })

  it('echo the nonce of the wallet (OpenID4VP 1.0 §5.10.1)', async () => {
    const { link, requestUri } = await driver.request()
    expect((await fetchRequest(ecosystem, link)).request.wallet_nonce).to.equal('wallet-nonce')
    const long = await fetch(requestUri, {
      method: 'POST',
      body: new URLSearchParams({ wallet_nonce: 'n'.repeat(513) }),
    })
    expect(long.status).to.equal(400)
  })

  it('ignore what else a wallet says of itself (OpenID4VP 1.0 §5.10)', async () => {
    const { requestUri } = await driver.request()
    const wallet_metadata = JSON.stringify({ vp_formats_supported: {}, jwks: { keys: [] } })
    const response = await fetch(requestUri, {
      method: 'POST',
      body: new URLSearchParams({ wallet_metadata, more: '1' }),
    })
    expect(response.status).to.equal(200)
  })

  it('are gone when they have expired or were never made', async () => {
    const { requestUri } = await driver.request()
    ecosystem.now += 300
    expect((await fetch(requestUri)).status).to.equal(410)
    expect((await fetch(`${driver.url}/requests/unknown/object`)).status).to.equal(404)
  })

  it('are known to the key that made them and to no other', async () => {
    const { id } = await driver.request()
    for (const path of [`/requests/${id}`, `/requests/${id}/receipt`]) {
      const other = await driver.call(path, { key: `other-${driver.key}` })
      expect({ status: other.status, code: other.body.code }).to.deep.equal({
        status: 404,
        code: 'request_not_found',
      })
      expect((await driver.call(path, { key: 'guess' })).status).to.equal(401)
    }
    const early = await driver.call(`/requests/${id}/receipt`)
    expect({ status: early.status, code: early.body.code }).to.deep.equal({
      status: 409,
      code: 'request_state',
    })
  })

  describe('on the same device', () => {
    const ask = () => driver.request({ redirect_uri: 'https://driver.example/back?step=2' })

    it('send the browser back with a fresh code, and tell the result for it once (OpenID4VP 1.0 §8.2, §13.3, HAIP 1.0 §5.1)', async () => {
      const { id, link } = await ask()
      const { status, body } = await answerWith(ecosystem, link, await ecosystem.issue())
      expect(status).to.equal(200)
      const back = new URL(String(body.redirect_uri))
      expect(back.origin + back.pathname).to.equal('https://driver.example/back')
      expect(back.searchParams.get('step')).to.equal('2')
      const code = String(back.searchParams.get('response_code'))
      expect(code).to.match(/^[\w-]{22}$/)

      const waiting = (await driver.call(`/requests/${id}`)).body
      expect(waiting).to.include({ state: 'answered', awaits: 'response_code' })
      expect(waiting).not.to.have.any.keys('claims', 'acceptance', 'receipt', 'credentials')

      const redeem = (response_code: string, key = driver.key) =>
        driver.call(`/requests/${id}/redemption`, { body: { response_code }, key })
      expect((await redeem('guess')).body.code).to.equal('response_code_invalid')
      expect((await redeem(code, `other-${driver.key}`)).body.code).to.equal('request_not_found')
      const redeemed = await redeem(code)
      expect(redeemed.status).to.equal(200)
      expect(redeemed.body.acceptance).to.deep.equal({ outcome: 'accept', codes: [] })
      expect((await redeem(code)).body.code).to.equal('response_code_invalid')
      expect((await driver.call(`/requests/${id}`)).body).to.deep.equal(redeemed.body)
    })

    it('send the browser back after a refusal too, which is told without a code', async () => {
      const { id, link } = await ask()
      const { request } = await fetchRequest(ecosystem, link)
      const { body } = await postForm(request.response_uri, { error: 'access_denied' })
      const back = new URL(String(body.redirect_uri))
      const response_code = String(back.searchParams.get('response_code'))
      expect(response_code).to.match(/^[\w-]{22}$/)
      const told = await driver.call(`/requests/${id}/redemption`, { body: { response_code } })
      expect(told.status).to.equal(200)
      expect(told.body).to.include({ state: 'refused', reason: 'access_denied' })
    })

    it('do not take the code of another request', async () => {
      const one = await ask()
      const other = await ask()
      const credential = await ecosystem.issue()
      const { body } = await answerWith(ecosystem, one.link, credential)
      await answerWith(ecosystem, other.link, credential)
      const response_code = String(
        new URL(String(body.redirect_uri)).searchParams.get('response_code'),
      )
      const { status } = await driver.call(`/requests/${other.id}/redemption`, {
        body: { response_code },
      })
      expect(status).to.equal(403)
    })
  })

  it('leave no secret and no person in the operator’s log', async () => {
    const { id, link, requestUri } = await driver.request()
    const verified = await fetchRequest(ecosystem, link)
    await answerWith(ecosystem, link, await ecosystem.issue())
    await driver.call(`/requests/${id}`)
    const text = lines()
    expect(text).to.contain('/requests/:id')
    const secrets = [
      id,
      requestUri,
      verified.request.response_uri,
      verified.request.nonce,
      driver.key,
    ]
    for (const secret of [...secrets, 'Specimen', 'Ada']) expect(text).not.to.contain(secret)
  })

  it('answer /healthz with failing when no trust list is in force', async () => {
    expect((await fetch(`${driver.url}/healthz`)).status).to.equal(200)
    ecosystem.now += 31 * 86_400
    expect((await fetch(`${driver.url}/healthz`)).status).to.equal(503)
  })
})
