import { createHash } from 'node:crypto'
import { type CallbackContext, type JwtSigner, setGlobalConfig } from '@openid4vc/oauth2'
import { Openid4vciIssuer } from '@openid4vc/openid4vci'
import { expect } from 'chai'
import * as jose from 'jose'
import { encodeBase64url } from '../../shared/base64url.ts'
import { toDate } from '../../shared/clock.ts'
import type { JsonObject } from '../../shared/json.ts'
import { generateEs256Key } from '../../shared/key/signer.software.ts'
import { createKeyProof, verifyKeyProof } from '../../shared/oid4vci/key-proof.ts'
import { refuses } from '../support/refusal.ts'
import { respelt } from '../support/respelt.ts'

const ISSUER = 'https://issuer.example'
const NONCE = 'n-0S6_WzA2Mj'
const NOW = 1_782_864_000
const YEAR = 31_536_000

/** The issuer library of the OpenWallet Foundation beside ours, over the same key proofs. OpenID4VCI 1.0 Appendix F. */
describe('@openid4vc/openid4vci 0.4.6 as an issuer', () => {
  const { signer } = generateEs256Key()
  const { x, y } = signer.publicJwk
  const jwk = { kty: 'EC', crv: 'P-256', x, y }
  const library = new Openid4vciIssuer({
    callbacks: {
      hash: (data: Uint8Array, alg: string) =>
        createHash(alg.replace('-', '')).update(data).digest(),
      verifyJwt: async (jwtSigner: JwtSigner, { compact }: { compact: string }) => {
        if (jwtSigner.method !== 'jwk') return { verified: false }
        const key = await jose.importJWK(jwtSigner.publicJwk as jose.JWK, 'ES256')
        await jose.compactVerify(compact, key)
        return { verified: true, signerJwk: jwtSigner.publicJwk }
      },
    } as unknown as CallbackContext,
  })
  before(() => setGlobalConfig({ allowInsecureUrls: true }))

  const theirs = (jwt: string) =>
    library.verifyCredentialRequestJwtProof({
      jwt,
      expectedNonce: NONCE,
      issuerMetadata: { credentialIssuer: { credential_issuer: ISSUER } } as never,
      now: toDate(NOW),
    })
  const ours = (jwt: string) =>
    verifyKeyProof(jwt, {
      expectedIssuer: ISSUER,
      expectedClientId: undefined,
      isNonce: (nonce) => nonce === NONCE,
      now: NOW,
    })

  const proofOf = async (headerText: string, payloadText: string): Promise<string> => {
    const input = `${encodeBase64url(headerText)}.${encodeBase64url(payloadText)}`
    return `${input}.${encodeBase64url(await signer.sign(Buffer.from(input)))}`
  }
  const proof = (header: JsonObject, payload: JsonObject): Promise<string> =>
    proofOf(
      JSON.stringify({ alg: 'ES256', typ: 'openid4vci-proof+jwt', jwk, ...header }),
      JSON.stringify({ aud: ISSUER, iat: NOW, nonce: NONCE, ...payload }),
    )

  it('takes a key proof of ours, and we take one of the same form', async () => {
    const made = await createKeyProof({ signer, issuer: ISSUER, nonce: NONCE, now: NOW })
    const { signer: proven } = await theirs(made)
    expect((proven as { publicJwk: JsonObject }).publicJwk).to.include({ x, y })
    expect(ours(await proof({}, {})).jwk).to.deep.equal(signer.publicJwk)
  })

  for (const [what, clause, make] of [
    ['a year old', 'OpenID4VCI 1.0 Appendix F.4', () => proof({}, { iat: NOW - YEAR })],
    ['a year from now', 'OpenID4VCI 1.0 Appendix F.4', () => proof({}, { iat: NOW + YEAR })],
    [
      'for several audiences',
      'OpenID4VCI 1.0 Appendix F.1',
      () => proof({}, { aud: [ISSUER, 'https://other.example'] }),
    ],
    [
      'that names two audiences under one name',
      'RFC 7519 §4',
      () =>
        proofOf(
          JSON.stringify({ alg: 'ES256', typ: 'openid4vci-proof+jwt', jwk }),
          `{"aud":"https://other.example","aud":"${ISSUER}","iat":${NOW},"nonce":"${NONCE}"}`,
        ),
    ],
    [
      'of another spelling of one signature',
      'RFC 7515 §2',
      async () => respelt(await proof({}, {})),
    ],
  ] as const) {
    it(`takes a key proof ${what}, which we refuse (${clause})`, async () => {
      const jwt = await make()
      await theirs(jwt)
      await refuses('invalid_proof', () => ours(jwt))
    })
  }
})
