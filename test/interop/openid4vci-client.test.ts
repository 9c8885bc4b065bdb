import { createHash, randomBytes } from 'node:crypto'
import {
  type CallbackContext,
  clientAuthenticationAnonymous,
  type JwtSigner,
  setGlobalConfig,
} from '@openid4vc/oauth2'
import { Openid4vciClient } from '@openid4vc/openid4vci'
import { expect } from 'chai'
import { systemClock } from '../../shared/clock.ts'
import { signJwt } from '../../shared/jose/jws.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Es256Signer } from '../../shared/key/signer.ts'
import { verifySdJwtVc } from '../../shared/sd-jwt/vc.ts'
import { fixturePipeline } from '../support/evidence.ts'
import { failureOf } from '../support/failure.ts'
import { openIssuer, type TestIssuer } from '../support/issuer.ts'
import { newKeys, submittedSession } from '../support/issuer-client.ts'

/** The client library of the OpenWallet Foundation, on which Credo's wallet is built, against our issuer. */
describe('@openid4vc/openid4vci as a wallet', () => {
  let issuer: TestIssuer
  const [dpopKey, ...holderKeys] = newKeys(4) as [Es256Signer, ...Es256Signer[]]
  const keys = [dpopKey, ...holderKeys]
  const client = new Openid4vciClient({
    callbacks: {
      hash: (data: Uint8Array) => createHash('sha256').update(data).digest(),
      generateRandom: (length: number) => randomBytes(length),
      signJwt: async (signer: JwtSigner, jwt: { header: object; payload: object }) => {
        if (signer.method !== 'jwk') throw new Error('another method')
        const key = keys.find(({ publicJwk }) => publicJwk.x === signer.publicJwk.x)
        if (key === undefined) throw new Error('an unknown key')
        const { alg, ...header } = jwt.header as JsonObject
        expect(alg).to.equal('ES256')
        const signed = await signJwt({
          header: header as JsonObject,
          payload: jwt.payload as JsonObject,
          signer: key,
        })
        return { jwt: signed, signerJwk: signer.publicJwk }
      },
      clientAuthentication: clientAuthenticationAnonymous(),
    } as unknown as CallbackContext,
  })
  const jwkSigner = (key: Es256Signer): JwtSigner & { method: 'jwk' } => ({
    method: 'jwk',
    alg: 'ES256',
    publicJwk: { ...key.publicJwk },
  })

  before(async () => {
    setGlobalConfig({ allowInsecureUrls: true }) // loopback without TLS
    issuer = await openIssuer(fixturePipeline())
  })
  after(() => issuer.close())

  it('resolves the offer, accepts both metadata documents, redeems and stores three copies', async () => {
    const { body } = await (await submittedSession(issuer.url)).offer()
    const credentialOffer = await client.resolveCredentialOffer(body.credential_offer_link)
    const issuerMetadata = await client.resolveIssuerMetadata(credentialOffer.credential_issuer)
    expect(issuerMetadata.authorizationServers[0]?.issuer).to.equal(issuer.url)
    const token = await client.retrievePreAuthorizedCodeAccessTokenFromOffer({
      credentialOffer,
      issuerMetadata,
      txCode: body.tx_code,
      dpop: { signer: jwkSigner(dpopKey) },
    })
    expect(token.accessTokenResponse.token_type).to.equal('DPoP')
    const { c_nonce: nonce } = await client.requestNonce({ issuerMetadata })
    const [credentialConfigurationId] = credentialOffer.credential_configuration_ids as [string]
    const jwt = await Promise.all(
      holderKeys.map(async (key) => {
        const signer = jwkSigner(key)
        const options = { issuerMetadata, credentialConfigurationId, nonce, signer }
        return (await client.createCredentialRequestJwtProof(options)).jwt
      }),
    )
    const answer = await client.retrieveCredentials({
      issuerMetadata,
      credentialConfigurationId,
      proofs: { jwt },
      accessToken: token.accessTokenResponse.access_token,
      dpop: { signer: jwkSigner(dpopKey) },
    })
    const { credentials, notification_id } = answer.credentialResponse
    expect(credentials).to.have.length(3)
    for (const entry of credentials as { credential: string }[]) {
      const { claims } = verifySdJwtVc(entry.credential, {
        anchors: issuer.anchors,
        now: systemClock(),
        keyBinding: 'not_required',
      })
      expect(claims.given_name).to.equal('ERIKA')
    }
    await client.sendNotification({
      issuerMetadata,
      accessToken: token.accessTokenResponse.access_token,
      dpop: { signer: jwkSigner(dpopKey) },
      notification: {
        notificationId: String(notification_id),
        event: 'credential_accepted',
      },
    })
  })

  it('is told of a wrong transaction code in the protocol’s own words, and can go on', async () => {
    const { body } = await (await submittedSession(issuer.url)).offer()
    const credentialOffer = await client.resolveCredentialOffer(body.credential_offer_link)
    const issuerMetadata = await client.resolveIssuerMetadata(credentialOffer.credential_issuer)
    const redeem = (txCode: string) =>
      client.retrievePreAuthorizedCodeAccessTokenFromOffer({
        credentialOffer,
        issuerMetadata,
        txCode,
        dpop: { signer: jwkSigner(dpopKey) },
      })
    const wrong = body.tx_code === '111111' ? '222222' : '111111'
    const failure = (await failureOf(redeem(wrong))) as Error & {
      errorResponse?: { error: string }
    }
    expect(failure.errorResponse?.error).to.equal('invalid_grant')
    expect((await redeem(body.tx_code)).accessTokenResponse.access_token).to.be.a('string')
  })
})
