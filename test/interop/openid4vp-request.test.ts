import { createHash, X509Certificate } from 'node:crypto'
import { setGlobalConfig } from '@openid4vc/oauth2'
import { Openid4vpClient } from '@openid4vc/openid4vp'
import { expect } from 'chai'
import * as jose from 'jose'
import { encodeBase64url } from '../../shared/base64url.ts'
import { systemClock } from '../../shared/clock.ts'
import type { JsonObject } from '../../shared/json.ts'
import { generateEs256Key } from '../../shared/key/signer.software.ts'
import type { Es256Signer } from '../../shared/key/signer.ts'
import { x509HashClientId } from '../../shared/oid4vp/client-id.ts'
import {
  REQUEST_OBJECT_MEDIA_TYPE,
  renderRequestReference,
  verifyRequestObject,
} from '../../shared/oid4vp/request.ts'
import { testAuthority } from '../support/pki.ts'
import { refuses } from '../support/refusal.ts'
import { respelt } from '../support/respelt.ts'

const YEAR = 31_536_000
const REQUEST_URI = 'https://driver.example/requests/1/object'
const IDENTITY = {
  id: 'identity',
  format: 'dc+sd-jwt',
  meta: { vct_values: ['urn:carnet:identity:1'] },
  claims: [{ path: ['family_name'] }],
}

/** What a verifier sends: the object's header and payload, who signs, and the text that is sent in the end. */
interface Sent {
  header: JsonObject
  payload: JsonObject
  signer: Es256Signer
  respell?: (jwt: string) => string
  /** Put before the members of the payload. */
  twice?: string
}

/** The wallet library of the OpenWallet Foundation beside ours, over the same request objects. OpenID4VP 1.0 §5. */
describe('@openid4vc/openid4vp 0.4.6 over the requests that a wallet gets', () => {
  const now = systemClock()
  let valid: Sent
  let clientId: string
  let anchors: Awaited<ReturnType<typeof testAuthority>>['anchors']
  let anchor: string

  before(async () => {
    setGlobalConfig({ allowInsecureUrls: true })
    const authority = await testAuthority('relying-party-access', 'Test access CA', now)
    anchors = authority.anchors
    const names = { sanUris: ['https://driver.example'], sanDns: ['driver.example'] }
    const { signer, x5c } = await authority.leaf(names)
    clientId = x509HashClientId(x5c[0] as string)
    anchor = Buffer.from(authority.certificate).toString('base64')
    const { x, y } = generateEs256Key().signer.publicJwk
    valid = {
      signer,
      header: { alg: 'ES256', typ: 'oauth-authz-req+jwt', x5c },
      payload: {
        client_id: clientId,
        aud: 'https://self-issued.me/v2',
        response_type: 'vp_token',
        response_mode: 'direct_post.jwt',
        response_uri: 'https://driver.example/responses/1',
        nonce: 'n-0S6_WzA2Mj',
        state: 'state-1',
        dcql_query: { credentials: [IDENTITY] },
        client_metadata: {
          jwks: { keys: [{ kty: 'EC', crv: 'P-256', x, y, kid: '1', alg: 'ECDH-ES', use: 'enc' }] },
          encrypted_response_enc_values_supported: ['A128GCM', 'A256GCM'],
          vp_formats_supported: {
            'dc+sd-jwt': { 'sd-jwt_alg_values': ['ES256'], 'kb-jwt_alg_values': ['ES256'] },
          },
        },
        iat: now,
        exp: now + 300,
      },
    }
  })

  /** As the library's documentation has it: the signature is checked with the key of the first certificate. */
  const theirs = async (jwt: string) => {
    const wallet = new Openid4vpClient({
      callbacks: {
        hash: (data: Uint8Array, alg: string) =>
          createHash(alg.replace('-', '')).update(data).digest(),
        fetch: async () =>
          new Response(jwt, { headers: { 'content-type': REQUEST_OBJECT_MEDIA_TYPE } }),
        verifyJwt: async (signer: { x5c: string[] }, { compact }: { compact: string }) => {
          const certificate = new X509Certificate(Buffer.from(signer.x5c[0] ?? '', 'base64'))
          await jose.compactVerify(compact, certificate.publicKey)
          return { verified: true, signerJwk: await jose.exportJWK(certificate.publicKey) }
        },
        getX509CertificateMetadata: () => ({
          sanDnsNames: ['driver.example'],
          sanUriNames: ['https://driver.example'],
        }),
      } as unknown as ConstructorParameters<typeof Openid4vpClient>[0]['callbacks'],
    })
    const authorizationRequest = renderRequestReference({
      clientId,
      requestUri: REQUEST_URI,
      requestUriMethod: 'get',
    })
    const { params } = wallet.parseOpenid4vpAuthorizationRequest({ authorizationRequest })
    return wallet.resolveOpenId4vpAuthorizationRequest({ authorizationRequestPayload: params })
  }
  const ours = (jwt: string) =>
    verifyRequestObject(jwt, { expectedClientId: clientId, anchors, now })

  const sent = async (change: (request: Sent) => Sent): Promise<string> => {
    const { header, payload, signer, respell, twice = '' } = change(valid)
    const text = `{${twice}${JSON.stringify(payload).slice(1)}`
    const input = `${encodeBase64url(JSON.stringify(header))}.${encodeBase64url(text)}`
    const jwt = `${input}.${encodeBase64url(await signer.sign(Buffer.from(input)))}`
    return respell?.(jwt) ?? jwt
  }
  const payload = (change: Record<string, unknown>) => (one: Sent) => ({
    ...one,
    payload: { ...one.payload, ...change } as JsonObject,
  })

  it('takes what we take', async () => {
    const jwt = await sent((one) => one)
    expect((await theirs(jwt)).client.prefix).to.equal('x509_hash')
    expect(ours(jwt).clientId).to.equal(clientId)
  })

  for (const [what, clause, change] of [
    ['from a year ahead', 'RFC 7519 §4.1.6', payload({ iat: now + YEAR, exp: now + YEAR + 300 })],
    ['without an audience', 'OpenID4VP 1.0 §5.8', payload({ aud: undefined })],
    ['for another audience', 'OpenID4VP 1.0 §5.8', payload({ aud: 'https://evil.example' })],
    ['answered in the clear', 'HAIP 1.0 §5', payload({ response_mode: 'direct_post' })],
    [
      'with a redirect URI beside the response URI',
      'OpenID4VP 1.0 §8.2',
      payload({ redirect_uri: 'https://driver.example/r' }),
    ],
    ['with a request URI inside', 'RFC 9101 §4', payload({ request_uri: REQUEST_URI })],
    ['whose nonce is not URL safe', 'OpenID4VP 1.0 §5.2', payload({ nonce: 'a b' })],
    ['without client metadata', 'OpenID4VP 1.0 §5.1', payload({ client_metadata: undefined })],
    [
      'without a key to encrypt to',
      'OpenID4VP 1.0 §8.3',
      payload({ client_metadata: { vp_formats_supported: {}, jwks: { keys: [] } } }),
    ],
    [
      'with two queries of one id',
      'OpenID4VP 1.0 §6.1',
      payload({ dcql_query: { credentials: [IDENTITY, IDENTITY] } }),
    ],
    [
      'with a set of a query that is not there',
      'OpenID4VP 1.0 §6.2',
      payload({
        dcql_query: { credentials: [IDENTITY], credential_sets: [{ options: [['other']] }] },
      }),
    ],
    [
      'of another spelling of one signature',
      'RFC 7515 §2',
      (one: Sent) => ({ ...one, respell: respelt }),
    ],
    [
      'that names a member twice',
      'RFC 7519 §4',
      (one: Sent) => ({ ...one, twice: '"nonce":"x",' }),
    ],
    [
      'with the anchor in its chain',
      'HAIP 1.0 §5',
      (one: Sent) => ({
        ...one,
        header: { ...one.header, x5c: [...(one.header.x5c as string[]), anchor] },
      }),
    ],
  ] as [string, string, (one: Sent) => Sent][]) {
    it(`takes a request ${what}, which we refuse (${clause})`, async () => {
      const jwt = await sent(change)
      await theirs(jwt)
      await refuses('invalid_request', () => ours(jwt))
    })
  }

  it('takes a request of somebody whom no trust list names, which we refuse (HAIP 1.0 §5)', async () => {
    const jwt = await sent((one) => one)
    await theirs(jwt)
    await refuses('invalid_request', () =>
      verifyRequestObject(jwt, { expectedClientId: clientId, anchors: () => [], now }),
    )
  })
})
