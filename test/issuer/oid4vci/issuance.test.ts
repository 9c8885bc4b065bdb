import { expect } from 'chai'
import { sha256Base64url } from '../../../shared/hash.ts'
import { generateEs256Key } from '../../../shared/key/signer.software.ts'
import { createKeyProof } from '../../../shared/oid4vci/key-proof.ts'
import { PRE_AUTHORIZED_CODE_GRANT } from '../../../shared/oid4vci/offer.ts'
import { parseSdJwt } from '../../../shared/sd-jwt/parse.ts'
import { fixturePipeline } from '../../support/evidence.ts'
import { openIssuer, type TestIssuer } from '../../support/issuer.ts'
import {
  codeOf,
  newKeys,
  type Reply,
  send,
  submittedSession,
  type TestWallet,
  testWallet,
  tokenFor,
} from '../../support/issuer-client.ts'

describe('issuance to a wallet (OpenID4VCI 1.0)', () => {
  let issuer: TestIssuer
  let wallet: TestWallet
  before(async () => {
    issuer = await openIssuer(fixturePipeline())
  })
  after(() => issuer.close())
  beforeEach(() => {
    wallet = testWallet(issuer.url)
  })
  const refused = ({ status, body }: Reply) => [status, body.error]
  const offered = async () => codeOf(await (await submittedSession(issuer.url)).offer())
  const wrong = (txCode: string) => (txCode === '000000' ? '000001' : '000000')

  describe('the token endpoint (§6)', () => {
    it('gives a DPoP token for code and transaction code', async () => {
      const { code, txCode } = await offered()
      const { status, body, headers } = await wallet.redeem(code, txCode)
      expect(status).to.equal(200)
      expect(body).to.include({ token_type: 'DPoP', expires_in: 300 })
      expect(headers.get('cache-control')).to.equal('no-store')
    })

    it('takes an attempt for a wrong tx_code and not the offer (§6.3)', async () => {
      const { code, txCode } = await offered()
      for (let attempt = 0; attempt < 4; attempt++) {
        expect(refused(await wallet.redeem(code, wrong(txCode)))).to.deep.equal([
          400,
          'invalid_grant',
        ])
      }
      expect((await wallet.redeem(code, txCode)).status).to.equal(200)
    })

    it('is dead after five wrong ones, and another offer can be had', async () => {
      const worker = await submittedSession(issuer.url)
      const offer = await worker.offer()
      const { code, txCode } = codeOf(offer)
      for (let attempt = 0; attempt < 5; attempt++) await wallet.redeem(code, wrong(txCode))
      expect(refused(await wallet.redeem(code, txCode))).to.deep.equal([400, 'invalid_grant'])
      expect((await send(offer.body.credential_offer_uri)).status).to.equal(404)
      const again = codeOf(await worker.offer())
      expect((await wallet.redeem(again.code, again.txCode)).status).to.equal(200)
    })

    it('counts attempts that come at once', async () => {
      const { code, txCode } = await offered()
      const wallets = Array.from({ length: 12 }, () => testWallet(issuer.url))
      await Promise.all(wallets.map((each) => each.redeem('warm-up', '0')))
      await Promise.all(wallets.map((each) => each.redeem(code, wrong(txCode))))
      expect(refused(await wallet.redeem(code, txCode))).to.deep.equal([400, 'invalid_grant'])
    })

    it('asks for a missing tx_code without taking an attempt', async () => {
      const { code, txCode } = await offered()
      for (let attempt = 0; attempt < 6; attempt++) {
        expect(refused(await wallet.redeem(code, undefined))).to.deep.equal([
          400,
          'invalid_request',
        ])
      }
      expect((await wallet.redeem(code, txCode)).status).to.equal(200)
    })

    it('redeems a code once: spent, and two at once', async () => {
      const { code, txCode } = await offered()
      const other = testWallet(issuer.url)
      await Promise.all([wallet.redeem('warm-up', '0'), other.redeem('warm-up', '0')])
      const replies = await Promise.all([wallet.redeem(code, txCode), other.redeem(code, txCode)])
      expect(replies.map(({ status }) => status).sort()).to.deep.equal([200, 400])
      expect(refused(await wallet.redeem(code, txCode))).to.deep.equal([400, 'invalid_grant'])
      const [won] = replies.filter(({ status }) => status === 200)
      const winner = replies[0] === won ? wallet : other
      const answer = await winner.credential(won?.body.access_token, newKeys(1))
      expect(answer.status).to.equal(200)
    })

    it('ends an offer when another is made', async () => {
      const worker = await submittedSession(issuer.url)
      const first = codeOf(await worker.offer())
      const second = codeOf(await worker.offer())
      expect(refused(await wallet.redeem(first.code, first.txCode))[1]).to.equal('invalid_grant')
      expect((await wallet.redeem(second.code, second.txCode)).status).to.equal(200)
    })

    it('gives no token without a DPoP proof, to a foreign host, or for a repeated parameter', async () => {
      const { code, txCode } = await offered()
      const form = new URLSearchParams({
        grant_type: PRE_AUTHORIZED_CODE_GRANT,
        'pre-authorized_code': code,
        tx_code: txCode,
      }).toString()
      const post = (body: string) =>
        send(`${issuer.url}/token`, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body,
        })
      const bare = await post(form)
      expect(bare.status).to.equal(400)
      expect(bare.body.access_token).to.equal(undefined)
      expect(refused(await post(`${form}&tx_code=${txCode}`))).to.deep.equal([
        400,
        'invalid_request',
      ])
      expect((await wallet.redeem(code, txCode)).status).to.equal(200)
    })

    it('gives nothing beyond what was approved, whatever scope or resource is asked for', async () => {
      const { code, txCode } = await offered()
      const elsewhere = await wallet.redeem(code, txCode, { resource: 'https://other.example' })
      expect(refused(elsewhere)).to.deep.equal([400, 'invalid_target'])
      const worker = await submittedSession(issuer.url)
      const own = codeOf(await worker.offer())
      const token = await wallet.redeem(own.code, own.txCode, { scope: 'openid admin' })
      expect(token.body.scope ?? 'identity').to.equal('identity')
      expect(token.body).to.not.have.property('id_token')
      expect(token.body).to.not.have.property('refresh_token')
    })

    it('refuses another grant and a client that it does not know', async () => {
      const { code, txCode } = await offered()
      const other = await wallet.redeem(code, txCode, { grant_type: 'authorization_code' })
      expect(other.status).to.equal(400)
      const unknown = await wallet.redeem(code, txCode, { client_id: 'somebody' })
      expect(refused(unknown)).to.deep.equal([401, 'invalid_client'])
    })
  })

  describe('the nonce endpoint (§7)', () => {
    it('gives a different nonce each time, and it is not stored by caches', async () => {
      const replies = await Promise.all(
        [1, 2].map(() => send(`${issuer.url}/nonce`, { method: 'POST' })),
      )
      const [one, other] = replies.map(({ body }) => body.c_nonce)
      expect(one).to.not.equal(other)
      expect(replies[0]?.headers.get('cache-control')).to.equal('no-store')
      expect(replies[0]?.headers.get('dpop-nonce')).to.be.a('string')
    })
  })

  describe('the credential endpoint (§8)', () => {
    let token: string
    beforeEach(async () => {
      token = await tokenFor(await submittedSession(issuer.url), wallet)
    })

    it('gives one copy a key, each with an index on another list', async () => {
      const { status, body } = await wallet.credential(token, newKeys(10))
      expect(status).to.equal(200)
      expect(body.credentials).to.have.length(10)
      const uris = body.credentials.map(({ credential }: { credential: string }) => {
        const payload = parseSdJwt(credential).issuerJwt.split('.')[1] ?? ''
        return JSON.parse(Buffer.from(payload, 'base64url').toString()).status.status_list.uri
      })
      expect(new Set(uris).size).to.equal(10)
    })

    it('gives the same copies again to the same keys, and none to others', async () => {
      const keys = newKeys(2)
      const first = await wallet.credential(token, keys)
      const again = await wallet.credential(token, keys)
      expect(again.status).to.equal(200)
      const disclosures = ({ body }: Reply) =>
        body.credentials.map(
          ({ credential }: { credential: string }) => parseSdJwt(credential).disclosures,
        )
      expect(disclosures(again)).to.deep.equal(disclosures(first))
      expect(again.body.notification_id).to.equal(first.body.notification_id)
      expect(refused(await wallet.credential(token, newKeys(2)))).to.deep.equal([
        400,
        'credential_request_denied',
      ])
    })

    it('answers one of two requests that come at once with other keys', async () => {
      const replies = await Promise.all([
        wallet.credential(token, newKeys(1)),
        wallet.credential(token, newKeys(1)),
      ])
      expect(replies.filter(({ status }) => status === 200)).to.have.length(1)
    })

    it('takes a key proof once (§7.2 c_nonce)', async () => {
      const keys = newKeys(1)
      const nonce = await wallet.cNonce()
      expect((await wallet.credential(token, keys, { nonce })).status).to.equal(200)
      expect(refused(await wallet.credential(token, keys, { nonce }))).to.deep.equal([
        400,
        'invalid_nonce',
      ])
    })

    const nobody = 'A'.repeat(20)
    const cases: Readonly<Record<string, readonly [object, string]>> = {
      'no proofs': [{ proofs: undefined }, 'invalid_proof'],
      'an empty list of proofs': [{ proofs: { jwt: [] } }, 'invalid_proof'],
      'proofs of two types': [{ proofs: { jwt: ['x'], attestation: ['x'] } }, 'invalid_proof'],
      'proofs of another type': [{ proofs: { attestation: ['x'] } }, 'invalid_proof'],
      'a proof that is none': [{ proofs: { jwt: ['x.y.z'] } }, 'invalid_proof'],
      'a proof that is no text': [{ proofs: { jwt: [{}] } }, 'invalid_proof'],
      'the draft’s single proof': [{ proofs: undefined, proof: { jwt: 'x' } }, 'invalid_proof'],
      'an unknown configuration': [
        { credential_configuration_id: nobody },
        'unknown_credential_configuration',
      ],
      'an unknown identifier': [
        { credential_configuration_id: undefined, credential_identifier: nobody },
        'unknown_credential_identifier',
      ],
      'both identifiers': [{ credential_identifier: nobody }, 'invalid_credential_request'],
      'neither identifier': [
        { credential_configuration_id: undefined },
        'invalid_credential_request',
      ],
      'encryption, rather than answering in the clear': [
        { credential_response_encryption: { enc: 'A128GCM' } },
        'invalid_encryption_parameters',
      ],
      'proofs that are no object': [{ proofs: ['x'] }, 'invalid_credential_request'],
    }
    for (const [title, [body, code]] of Object.entries(cases)) {
      it(`refuses ${title} with ${code} (§8.3.1.2), and the approval is still there`, async () => {
        expect(refused(await wallet.credential(token, newKeys(1), { body }))).to.deep.equal([
          400,
          code,
        ])
        expect((await wallet.credential(token, newKeys(1))).status).to.equal(200)
      })
    }

    it('refuses a key that is proven twice, eleven keys, and a nonce that is not ours', async () => {
      const [key] = newKeys(1) as [ReturnType<typeof newKeys>[number]]
      expect(refused(await wallet.credential(token, [key, key]))[1]).to.equal('invalid_proof')
      expect(refused(await wallet.credential(token, newKeys(11)))[1]).to.equal('invalid_proof')
      expect(refused(await wallet.credential(token, [key], { nonce: 'made up' }))[1]).to.equal(
        'invalid_nonce',
      )
    })

    it('issues nothing, and writes nothing, for evidence that was changed in the database', async () => {
      const worker = await submittedSession(issuer.url)
      const other = testWallet(issuer.url)
      const own = await tokenFor(worker, other)
      const set = issuer.db.prepare(
        'UPDATE session SET evidence = replace(evidence, \'"value":0.9\', \'"value":0.1\') WHERE id = ?',
      )
      expect(set.run(worker.id).changes).to.equal(1)
      const count = () => issuer.db.prepare('SELECT count(*) FROM audit_entry').pluck().get()
      const before = count()
      expect(refused(await other.credential(own, newKeys(1)))).to.deep.equal([500, 'server_error'])
      expect(count()).to.equal(before)
    })

    it('refuses a proof for another issuer', async () => {
      const { signer } = generateEs256Key()
      const nonce = await wallet.cNonce()
      const now = Math.floor(Date.now() / 1000)
      const jwt = await createKeyProof({ issuer: 'https://other.example', nonce, signer, now })
      const body = { proofs: { jwt: [jwt] } }
      expect(refused(await wallet.credential(token, [], { body }))[1]).to.equal('invalid_proof')
    })

    it('takes a token only from its DPoP key, and challenges (RFC 9449 §7.1)', async () => {
      const dpopKey = generateEs256Key().signer
      const stolen = await wallet.credential(token, newKeys(1), { dpopKey })
      expect(refused(stolen)).to.deep.equal([401, 'invalid_token'])
      expect(stolen.headers.get('www-authenticate')).to.match(/^DPoP error="invalid_token"/)
      const bearer = await send(`${issuer.url}/credential`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: '{}',
      })
      expect(refused(bearer)).to.deep.equal([401, 'invalid_token'])
      expect(refused(await wallet.credential(nobody, newKeys(1)))).to.deep.equal([
        401,
        'invalid_token',
      ])
    })

    it('asks for a DPoP nonce and gives one (RFC 9449 §9)', async () => {
      const answer = await send(`${issuer.url}/credential`, {
        method: 'POST',
        headers: { authorization: `DPoP ${token}`, 'content-type': 'application/json', dpop: 'x' },
        body: '{}',
      })
      expect(refused(answer)).to.deep.equal([401, 'invalid_dpop_proof'])
      expect(answer.headers.get('dpop-nonce')).to.be.a('string')
    })

    it('takes a DPoP proof once (RFC 9449 §11.1)', async () => {
      const { createDpopProof } = await import('../../../shared/oauth/dpop.ts')
      const { systemRandom } = await import('../../../shared/random.ts')
      const { headers } = await send(`${issuer.url}/nonce`, { method: 'POST' })
      const proof = await createDpopProof({
        method: 'POST',
        url: `${issuer.url}/credential`,
        nonce: headers.get('dpop-nonce') ?? '',
        accessToken: token,
        signer: wallet.dpopKey,
        random: systemRandom,
        now: Math.floor(Date.now() / 1000),
      })
      const post = () =>
        send(`${issuer.url}/credential`, {
          method: 'POST',
          headers: {
            authorization: `DPoP ${token}`,
            dpop: proof,
            'content-type': 'application/json',
          },
          body: '{}',
        })
      expect(refused(await post())).to.deep.equal([400, 'invalid_credential_request'])
      expect(refused(await post())).to.deep.equal([401, 'invalid_dpop_proof'])
    })
  })

  describe('the notification endpoint (§11)', () => {
    it('takes a report about a delivery, also twice, and no other', async () => {
      const token = await tokenFor(await submittedSession(issuer.url), wallet)
      const { body } = await wallet.credential(token, newKeys(1))
      const report = { notification_id: body.notification_id, event: 'credential_accepted' }
      expect((await wallet.notify(token, report)).status).to.equal(204)
      expect((await wallet.notify(token, report)).status).to.equal(204)
      expect(
        refused(await wallet.notify(token, { ...report, notification_id: 'x' })),
      ).to.deep.equal([400, 'invalid_notification_id'])
      expect(refused(await wallet.notify(token, { ...report, event: 'lost' }))).to.deep.equal([
        400,
        'invalid_notification_request',
      ])
      expect(refused(await wallet.notify(token, 'no object'))[1]).to.equal(
        'invalid_notification_request',
      )
    })
  })

  describe('the offer endpoint (§4.1.3)', () => {
    it('serves an offer until it is redeemed, and then no more', async () => {
      const worker = await submittedSession(issuer.url)
      const offer = await worker.offer()
      const uri = offer.body.credential_offer_uri
      const served = await send(uri)
      expect(served.headers.get('content-type')).to.contain('application/json')
      expect(served.body).to.deep.equal(offer.body.credential_offer)
      expect(offer.body.credential_offer_link).to.equal(
        `openid-credential-offer://?credential_offer_uri=${encodeURIComponent(uri)}`,
      )
      const { code, txCode } = codeOf(offer)
      await wallet.redeem(code, txCode)
      expect((await send(uri)).status).to.equal(404)
      expect((await send(`${issuer.url}/offers/${sha256Base64url('x')}`)).status).to.equal(404)
    })

    it('is refused once the credential was issued', async () => {
      const worker = await submittedSession(issuer.url)
      await wallet.credential(await tokenFor(worker, wallet), newKeys(1))
      const again = await worker.offer()
      expect([again.status, again.body.code]).to.deep.equal([409, 'approval_redeemed'])
    })
  })
})
