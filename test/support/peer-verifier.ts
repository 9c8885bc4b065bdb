import { createHash } from 'node:crypto'
import { calculateX509HashClientIdPrefixValue, Openid4vpVerifier } from '@openid4vc/openid4vp'
import { compactDecrypt, exportJWK, generateKeyPair } from 'jose'
import type { NumericDate } from '../../shared/clock.ts'
import type { Fetch } from '../../shared/fetch.ts'
import { signJwt } from '../../shared/jose/jws.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Es256Signer } from '../../shared/key/signer.ts'
import { systemRandom } from '../../shared/random.ts'
import { NOW, type TestAuthority } from './pki.ts'

/** Where a test makes the verifier misbehave. */
export interface VerifierFaults {
  payload?(payload: JsonObject): JsonObject
  header?(header: JsonObject): JsonObject
  /** Another key signs than the one of the certificate. */
  signer?: Es256Signer
  /** What the request URI answers, instead of or after the signed object. */
  object?(jwt: string): Response
  /** What the response URI answers. */
  answer?(): Response | 'no answer'
}

/** What arrived at the response URI, as another implementation reads it. */
export interface Arrived {
  readonly form: Readonly<Record<string, string>>
  readonly presentations: Readonly<Record<string, readonly string[]>> | undefined
  readonly state: string | undefined
}

/** A verifier for wallet tests, whose messages another implementation, `@openid4vc`, makes and reads. */
export interface PeerVerifier {
  readonly fetch: Fetch
  readonly clientId: string
  readonly link: string
  readonly requestUri: string
  readonly nonce: string
  readonly arrived: Arrived[]
  readonly faults: VerifierFaults
}

/** Makes a verifier with one request under an access certificate of `authority`. */
export async function peerVerifier(
  authority: TestAuthority,
  {
    host = 'driver.example',
    origin = `https://${host}`,
    now = NOW,
    query = AGE_AND_NAME,
    method = 'post',
    purpose = 'To know who drives' as string | undefined,
  }: {
    host?: string
    origin?: string
    now?: NumericDate
    query?: JsonObject
    method?: 'get' | 'post'
    purpose?: string | undefined
  } = {},
): Promise<PeerVerifier> {
  const { signer, x5c } = await authority.leaf({ sanUris: [origin], sanDns: [host] })
  const hash = (data: Uint8Array) => createHash('sha256').update(data).digest()
  const clientId = `x509_hash:${await calculateX509HashClientIdPrefixValue({
    x509Certificate: x5c[0] as string,
    hash,
  })}`
  const requestUri = `${origin}/requests/1/object`
  const responseUri = `${origin}/responses/1`
  const nonce = 'nonce-of-this-request-0001'
  const keys = await generateKeyPair('ECDH-ES', { crv: 'P-256', extractable: true })
  const encryptionKey = {
    ...(await exportJWK(keys.publicKey)),
    kid: 'encryption-1',
    alg: 'ECDH-ES',
    use: 'enc',
  }
  const unused = (): never => {
    throw new Error('this verifier has no use for it')
  }
  const callbacks = {
    hash,
    fetch: unused,
    generateRandom: (length: number) => systemRandom(length),
    signJwt: async (_: unknown, jwt: { header: unknown; payload: unknown }) => {
      const { alg: _alg, ...header } = jwt.header as JsonObject
      // The library stamps the time of the machine; these tests live at another.
      const payload = { ...(jwt.payload as JsonObject), iat: now, exp: now + 300 }
      return {
        jwt: await signJwt({
          header: peer.faults.header?.(header as JsonObject) ?? (header as JsonObject),
          payload: peer.faults.payload?.(payload) ?? payload,
          signer: peer.faults.signer ?? signer,
        }),
        signerJwk: { ...signer.publicJwk },
      }
    },
    verifyJwt: unused,
    encryptJwe: unused,
    decryptJwe: async (jwe: string) => {
      const { plaintext } = await compactDecrypt(jwe, keys.privateKey)
      return {
        decrypted: true as const,
        payload: new TextDecoder().decode(plaintext),
        decryptionJwk: encryptionKey as never,
      }
    },
    getX509CertificateMetadata: () => ({
      sanDnsNames: [host],
      sanUriNames: [origin],
    }),
  }
  const openid = new Openid4vpVerifier({ callbacks })
  const parameters = {
    response_type: 'vp_token',
    client_id: clientId,
    nonce,
    state: 'state-1',
    response_mode: 'direct_post.jwt',
    response_uri: responseUri,
    dcql_query: query,
    ...(purpose === undefined
      ? {}
      : {
          verifier_info: [
            { format: 'unknown', data: 'ignored' },
            { format: 'urn:carnet:verifier-info:purpose:1', data: { purpose } },
          ],
        }),
    client_metadata: {
      jwks: { keys: [encryptionKey] },
      encrypted_response_enc_values_supported: ['A128GCM', 'A256GCM'],
      vp_formats_supported: {
        'dc+sd-jwt': { 'sd-jwt_alg_values': ['ES256'], 'kb-jwt_alg_values': ['ES256'] },
      },
    },
  } as const
  const requestObject = async (walletNonce: string | undefined): Promise<string> => {
    const { jar } = await openid.createOpenId4vpAuthorizationRequest({
      authorizationRequestPayload: {
        ...parameters,
        ...(walletNonce === undefined ? {} : { wallet_nonce: walletNonce }),
      } as never,
      jar: {
        requestUri,
        jwtSigner: { method: 'x5c', x5c, alg: 'ES256' },
        expiresInSeconds: 300,
        additionalJwtPayload: { aud: 'https://self-issued.me/v2' },
      },
      ...(walletNonce === undefined ? {} : { wallet: { expectedNonce: walletNonce } }),
      now: new Date(now * 1000),
    })
    return jar?.authorizationRequestJwt as string
  }
  const arrive = async (form: Record<string, string>): Promise<void> => {
    if (form.response === undefined) {
      peer.arrived.push({ form, presentations: undefined, state: form.state })
      return
    }
    const parsed = await openid.parseOpenid4vpAuthorizationResponse({
      authorizationRequestPayload: parameters as never,
      authorizationResponse: form,
      callbacks,
    })
    peer.arrived.push({
      form,
      presentations:
        'dcql' in parsed ? (parsed.dcql.presentations as Record<string, string[]>) : undefined,
      state: parsed.authorizationResponsePayload.state,
    })
  }

  const peer: PeerVerifier = {
    fetch: async (input, init) => {
      const request = new Request(input, init)
      const text = request.method === 'POST' ? await request.text() : ''
      const form = Object.fromEntries(new URLSearchParams(text))
      if (request.url === requestUri) {
        const jwt = await requestObject(form.wallet_nonce)
        const headers = { 'content-type': 'application/oauth-authz-req+jwt' }
        return peer.faults.object?.(jwt) ?? new Response(jwt, { headers })
      }
      if (request.url !== responseUri) return new Response(null, { status: 404 })
      await arrive(form)
      const answer = peer.faults.answer?.() ?? Response.json({})
      if (answer === 'no answer') throw new TypeError('fetch failed')
      return answer
    },
    clientId,
    link: `haip-vp://?${new URLSearchParams({
      client_id: clientId,
      request_uri: requestUri,
      ...(method === 'post' ? { request_uri_method: 'post' } : {}),
    })}`,
    requestUri,
    nonce,
    arrived: [],
    faults: {},
  }
  return peer
}

const AGE_AND_NAME: JsonObject = {
  credentials: [
    {
      id: 'identity',
      format: 'dc+sd-jwt',
      meta: { vct_values: ['urn:carnet:identity:1'] },
      claims: [{ path: ['family_name'] }, { path: ['age_equal_or_over', '18'] }],
    },
  ],
}
