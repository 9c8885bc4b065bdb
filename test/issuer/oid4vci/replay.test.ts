import { expect } from 'chai'
import { systemClock } from '../../../shared/clock.ts'
import { sha256Base64url } from '../../../shared/hash.ts'
import { signJwt } from '../../../shared/jose/jws.ts'
import type { JsonObject } from '../../../shared/json.ts'
import type { Es256Signer } from '../../../shared/key/signer.ts'
import { PRE_AUTHORIZED_CODE_GRANT } from '../../../shared/oid4vci/offer.ts'
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
import { malleate } from '../../support/malleate.ts'

describe('a pre-authorized code that is used again', () => {
  let issuer: TestIssuer
  let passed = 0
  before(async () => {
    issuer = await openIssuer(fixturePipeline(), { clock: () => systemClock() + passed })
  })
  after(() => issuer.close())
  beforeEach(() => {
    passed = 0
  })

  const redeemed = async () => {
    const { code, txCode } = codeOf(await (await submittedSession(issuer.url)).offer())
    const wallet = testWallet(issuer.url)
    const { body } = await wallet.redeem(code, txCode)
    const again = (tx = txCode) => wallet.redeem(code, tx)
    return { wallet, token: body.access_token as string, again }
  }

  it('at once, by a double click, leaves the first token usable', async () => {
    const { wallet, token, again } = await redeemed()
    passed = 9
    expect((await again()).body.error).to.equal('invalid_grant')
    expect((await wallet.credential(token, newKeys(1))).status).to.equal(200)
  })

  it('later, without its transaction code, takes nothing back', async () => {
    const { wallet, token, again } = await redeemed()
    passed = 11
    expect((await again('000000')).body.error).to.equal('invalid_grant')
    expect((await wallet.credential(token, newKeys(1))).status).to.equal(200)
  })

  it('later, takes back the token that it gave (RFC 6749 §4.1.2)', async () => {
    const { wallet, token, again } = await redeemed()
    passed = 11
    expect((await again()).body.error).to.equal('invalid_grant')
    const answer = await wallet.credential(token, newKeys(1))
    expect([answer.status, answer.body.error]).to.deep.equal([401, 'invalid_token'])
  })
})

/** The ways to another text that says the same: by whoever saw one, and by whoever has the key. */
const TWINS: Readonly<Record<string, (jwt: string, key: Es256Signer) => string | Promise<string>>> =
  {
    'with the other valid signature (r, n - s)': malleate,
    'signed a second time': resign,
    'with its claims in another order': (jwt, key) =>
      resign(jwt, key, (claims) => Object.fromEntries(Object.entries(claims).reverse())),
  }

function resign(
  jwt: string,
  signer: Es256Signer,
  change = (claims: JsonObject): JsonObject => claims,
): Promise<string> {
  const [header, payload] = jwt
    .split('.', 2)
    .map((part): JsonObject => JSON.parse(Buffer.from(part, 'base64url').toString()))
  return signJwt({ header: header ?? {}, payload: change(payload ?? {}), signer })
}

/** Sets the bits after the signature's last byte, which some decoders ignore. RFC 4648 §3.5. */
function withUnusedBits(jwt: string): string {
  const last = Buffer.from(`${jwt.at(-1)}A`, 'base64url').readUInt8() >> 2
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return jwt.slice(0, -1) + alphabet[last + 1]
}

describe('what was used once, in another text', () => {
  let issuer: TestIssuer
  let wallet: TestWallet
  before(async () => {
    issuer = await openIssuer(fixturePipeline())
  })
  after(() => issuer.close())
  beforeEach(() => {
    wallet = testWallet(issuer.url)
  })

  const refused = ({ status, body }: Reply) => [status, body.error, body.error_description]
  const dpopProof = (claims: JsonObject, signer = wallet.dpopKey) =>
    signJwt({
      header: { typ: 'dpop+jwt', jwk: { ...signer.publicJwk } },
      payload: { htm: 'POST', iat: systemClock(), ...claims },
      signer,
    })

  describe('a DPoP proof at the credential endpoint (RFC 9449 §11.1)', () => {
    let token: string
    let proofOf: (jti: string) => Promise<string>
    beforeEach(async () => {
      token = await tokenFor(await submittedSession(issuer.url), wallet)
      const { headers } = await send(`${issuer.url}/nonce`, { method: 'POST' })
      const nonce = headers.get('dpop-nonce') ?? ''
      const bound = { htu: `${issuer.url}/credential`, ath: sha256Base64url(token), nonce }
      proofOf = (jti) => dpopProof({ ...bound, jti })
    })
    const post = (proof: string) =>
      send(`${issuer.url}/credential`, {
        method: 'POST',
        headers: {
          authorization: `DPoP ${token}`,
          dpop: proof,
          'content-type': 'application/json',
        },
        body: '{}',
      })
    const admitted = async (proof: string) => (await post(proof)).body.error

    for (const [how, twinOf] of Object.entries(TWINS)) {
      it(`is a replay ${how}, and either text may be the first`, async () => {
        for (const jti of ['one', 'other']) {
          const proof = await proofOf(jti)
          const twin = await twinOf(proof, wallet.dpopKey)
          expect(twin).to.not.equal(proof)
          const [first, second] = jti === 'one' ? [proof, twin] : [twin, proof]
          expect(await admitted(first)).to.equal('invalid_credential_request')
          expect(refused(await post(second))).to.deep.equal([
            401,
            'invalid_dpop_proof',
            'jti was used before',
          ])
        }
      })
    }

    it('is no proof in another encoding (RFC 7515 §2), used before or not', async () => {
      const proof = await proofOf('one')
      for (const text of [withUnusedBits(proof), `${proof}==`, `${proof}.`]) {
        expect(await admitted(text)).to.equal('invalid_dpop_proof')
      }
      expect(await admitted(proof)).to.equal('invalid_credential_request')
      expect(await admitted(withUnusedBits(proof))).to.equal('invalid_dpop_proof')
    })
  })

  describe('a DPoP proof at the token endpoint (RFC 9449 §11.1)', () => {
    const redeem = async (proof: string) => {
      const { code, txCode } = codeOf(await (await submittedSession(issuer.url)).offer())
      return send(`${issuer.url}/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', dpop: proof },
        body: new URLSearchParams({
          grant_type: PRE_AUTHORIZED_CODE_GRANT,
          'pre-authorized_code': code,
          tx_code: txCode,
        }).toString(),
      })
    }
    const marks = () =>
      issuer.db
        .prepare("SELECT count(*) FROM artefact WHERE model = 'ReplayDetection'")
        .pluck()
        .get()

    for (const [how, twinOf] of Object.entries(TWINS)) {
      it(`is a replay ${how}, for another code too`, async () => {
        const htu = `${issuer.url}/token`
        const asked = await redeem(await dpopProof({ htu, jti: how }))
        const nonce = asked.headers.get('dpop-nonce') ?? ''
        const proof = await dpopProof({ htu, jti: how, nonce })
        const twin = await twinOf(proof, wallet.dpopKey)
        expect(twin).to.not.equal(proof)
        expect((await redeem(twin)).status).to.equal(200)
        const before = marks()
        expect((await redeem(proof)).body).to.include({ error: 'invalid_grant' })
        expect(marks()).to.equal(before)
        const next = await dpopProof({ htu, jti: `${how}, next`, nonce })
        expect((await redeem(next)).status).to.equal(200)
        expect(marks()).to.equal(Number(before) + 1)
      })
    }
  })

  describe('a key proof (OpenID4VCI 1.0 §7.2 c_nonce)', () => {
    let token: string
    beforeEach(async () => {
      token = await tokenFor(await submittedSession(issuer.url), wallet)
    })
    const post = (proof: string) =>
      wallet.credential(token, [], { body: { proofs: { jwt: [proof] } } })
    const proofBy = async (signer: Es256Signer, nonce: string) =>
      signJwt({
        header: { typ: 'openid4vci-proof+jwt', jwk: { ...signer.publicJwk } },
        payload: { aud: issuer.url, iat: systemClock(), nonce },
        signer,
      })

    for (const [how, twinOf] of Object.entries({
      ...TWINS,
      'made a second later': (jwt: string, key: Es256Signer) =>
        resign(jwt, key, (claims) => ({ ...claims, iat: Number(claims.iat) + 1 })),
    })) {
      it(`is a replay ${how}, and either text may be the first`, async () => {
        for (const order of [0, 1]) {
          const [key] = newKeys(1) as [Es256Signer]
          const proof = await proofBy(key, await wallet.cNonce())
          const twin = await twinOf(proof, key)
          expect(twin).to.not.equal(proof)
          token = await tokenFor(await submittedSession(issuer.url), wallet)
          const [first, second] = order === 0 ? [proof, twin] : [twin, proof]
          expect((await post(first)).status).to.equal(200)
          expect(refused(await post(second))).to.deep.equal([
            400,
            'invalid_nonce',
            'a key proof was used before, get a new c_nonce',
          ])
        }
      })
    }

    it('is a replay for another session too', async () => {
      const [key] = newKeys(1) as [Es256Signer]
      const proof = await proofBy(key, await wallet.cNonce())
      expect((await post(proof)).status).to.equal(200)
      token = await tokenFor(await submittedSession(issuer.url), wallet)
      expect((await post(malleate(proof))).body.error).to.equal('invalid_nonce')
    })

    it('is no proof in another encoding (RFC 7515 §2), used before or not', async () => {
      const [key] = newKeys(1) as [Es256Signer]
      const proof = await proofBy(key, await wallet.cNonce())
      for (const text of [withUnusedBits(proof), `${proof}==`]) {
        expect((await post(text)).body.error).to.equal('invalid_proof')
      }
      expect((await post(proof)).status).to.equal(200)
      expect((await post(withUnusedBits(proof))).body.error).to.equal('invalid_proof')
    })
  })
})
