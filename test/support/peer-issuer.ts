import { createHash, createPublicKey, verify } from 'node:crypto'
import {
  type AuthorizationServerMetadata,
  Oauth2AuthorizationServer,
  setGlobalConfig,
  type VerifyJwtCallback,
} from '@openid4vc/oauth2'
import { Openid4vciIssuer } from '@openid4vc/openid4vci'
import type { NumericDate } from '../../shared/clock.ts'
import type { Fetch } from '../../shared/fetch.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import { generateEs256Key } from '../../shared/key/signer.software.ts'
import type { EcPublicJwk } from '../../shared/key/signer.ts'
import { systemRandom } from '../../shared/random.ts'
import { issueSdJwt } from '../../shared/sd-jwt/issue.ts'
import { statusListBytes, writeStatus } from '../../shared/status-list/bits.ts'
import { signStatusListToken } from '../../shared/status-list/token.ts'
import { signTrustList } from '../../shared/trust/trust-list.ts'
import { NOW, type TestAuthority, testAuthority } from './pki.ts'

const DAY = 86_400
const CODE = 'pre-authorized-1'
const TOKEN = 'access-token-1'

setGlobalConfig({ allowInsecureUrls: true }) // for peers on the loopback interface

/** Where a test makes the issuer misbehave. Each answers what the issuer would, changed. */
export interface PeerFaults {
  metadata?(metadata: JsonObject): Json
  serverMetadata?(metadata: JsonObject): Json
  offer?(offer: JsonObject): Json
  /** More members of the token response. */
  token?(): JsonObject
  /** Runs before a request is handled; what it answers is sent instead. */
  before?(path: string): Response | undefined | 'no answer'
  /** What stands in a copy. */
  claims?(claims: JsonObject, copy: number): JsonObject
  /** What is delivered. */
  deliver?(compacts: string[]): string[]
  /** Runs after a request was handled; the answer is lost when it says so. */
  loses?(path: string): boolean
}

/** An issuer for wallet tests, whose judgement of requests is that of another implementation, `@openid4vc`. */
export interface PeerIssuer {
  readonly origin: string
  readonly fetch: Fetch
  readonly offer: string
  readonly offerObject: JsonObject
  /** A signed trust list that names the issuer's authority, and the key that signed it. */
  readonly trustList: string
  readonly trustSigner: EcPublicJwk
  /** The next list, which names one authority more. */
  trustListWith(authority: TestAuthority): Promise<string>
  /** The authority of the same list that verifiers have their access certificates from. */
  readonly accessAuthority: TestAuthority
  readonly txCode: string
  /** Paths in the order in which they were asked for. */
  readonly asked: string[]
  readonly notifications: JsonObject[]
  /** By what name credentials were asked for. */
  readonly named: string[]
  readonly faults: PeerFaults
  /** What the lists say by index; valid when absent. Token Status List §7.1. */
  readonly statuses: Map<number, number>
  /** Attempts at the transaction code that were wrong. */
  attempts: number
  redeemed: boolean
}

/** Makes an issuer with one offer that asks for a transaction code, unless `txCode` is false. */
export async function peerIssuer({
  txCode = true,
  batchSize = 10,
  origin = 'https://issuer.example',
  now = NOW,
}: {
  txCode?: boolean
  batchSize?: number
  origin?: string
  now?: NumericDate
} = {}): Promise<PeerIssuer> {
  const authority = await testAuthority('attestation', undefined, now)
  const access = await testAuthority('relying-party-access', undefined, now)
  const leaf = await authority.leaf({ sanUris: [origin], sanDns: [new URL(origin).hostname] })
  const listSigner = generateEs256Key().signer
  const metadata = metadataOf(origin, batchSize)
  const serverMetadata: AuthorizationServerMetadata = {
    issuer: origin,
    token_endpoint: `${origin}/token`,
    response_types_supported: ['code'],
    grant_types_supported: ['urn:ietf:params:oauth:grant-type:pre-authorized_code'],
    dpop_signing_alg_values_supported: ['ES256'],
    'pre-authorized_grant_anonymous_access_supported': true,
  }
  const offerObject: JsonObject = {
    credential_issuer: origin,
    credential_configuration_ids: ['identity'],
    grants: {
      'urn:ietf:params:oauth:grant-type:pre-authorized_code': {
        'pre-authorized_code': CODE,
        ...(txCode
          ? { tx_code: { input_mode: 'numeric', length: 6, description: 'by post' } }
          : {}),
      },
    },
  }
  const callbacks = {
    hash: (data: Uint8Array) => createHash('sha256').update(data).digest(),
    generateRandom: (length: number) => systemRandom(length),
    verifyJwt,
    signJwt: unused,
    encryptJwe: unused,
    decryptJwe: unused,
    clientAuthentication: unused,
    fetch: unused,
  }
  const vci = new Openid4vciIssuer({ callbacks })
  const oauth = new Oauth2AuthorizationServer({ callbacks })
  const nonces = new Set<string>()
  const seenProofs = new Set<string>()
  let dpopNonce = 'dpop-nonce-1'
  let dpopKey: string | undefined

  const endpoints: Record<string, (request: Request) => Promise<Response>> = {
    '/offers/1': async () => json(peer.faults.offer?.(offerObject) ?? offerObject),
    '/.well-known/openid-credential-issuer': async () =>
      json(peer.faults.metadata?.(metadata) ?? metadata),
    '/.well-known/oauth-authorization-server': async () => {
      const object = serverMetadata as unknown as JsonObject
      return json(peer.faults.serverMetadata?.(object) ?? object)
    },
    '/token': async (request) => {
      const headers = { 'dpop-nonce': dpopNonce, 'cache-control': 'no-store' }
      const form = Object.fromEntries(new URLSearchParams(await request.text()))
      const like = { method: 'POST' as const, url: request.url, headers: request.headers }
      const parsed = oauth.parseAccessTokenRequest({ request: like, accessTokenRequest: form })
      if (parsed.grant.grantType !== 'urn:ietf:params:oauth:grant-type:pre-authorized_code') {
        return json({ error: 'unsupported_grant_type' }, 400, headers)
      }
      const proof = request.headers.get('dpop') as string
      if (payloadOf(proof).nonce !== dpopNonce) {
        return json({ error: 'use_dpop_nonce' }, 400, headers)
      }
      if (peer.redeemed) return json({ error: 'invalid_grant' }, 400, headers)
      try {
        const verified = await oauth.verifyPreAuthorizedCodeAccessTokenRequest({
          authorizationServerMetadata: serverMetadata,
          grant: parsed.grant,
          accessTokenRequest: parsed.accessTokenRequest,
          request: like,
          expectedPreAuthorizedCode: CODE,
          ...(txCode ? { expectedTxCode: peer.txCode } : {}),
          dpop: { required: true, jwt: proof, allowedSigningAlgs: ['ES256'] },
          now: new Date(now * 1000),
        })
        dpopKey = verified.dpop?.jwkThumbprint
      } catch (error) {
        peer.attempts += 1
        const code = peer.attempts >= 5 ? 'spent' : 'tx_code'
        return json(
          { error: 'invalid_grant', error_description: code, why: String(error) },
          400,
          headers,
        )
      }
      peer.redeemed = true
      dpopNonce = 'dpop-nonce-2'
      const token = { access_token: TOKEN, token_type: 'DPoP', expires_in: 300 }
      return json({ ...token, ...peer.faults.token?.() }, 200, headers)
    },
    '/nonce': async () => {
      const nonce = `c-nonce-${nonces.size + 1}`
      nonces.add(nonce)
      return json({ c_nonce: nonce }, 200, {
        'dpop-nonce': dpopNonce,
        'cache-control': 'no-store',
      })
    },
    '/credential': async (request) => {
      const refused = await checkResource(request)
      if (refused) return refused
      const parsed = vci.parseCredentialRequest({
        issuerMetadata: issuerMetadataResult(),
        credentialRequest: (await request.json()) as Record<string, unknown>,
      })
      peer.named.push(
        parsed.credentialIdentifier ?? `configuration ${parsed.credentialConfigurationId}`,
      )
      const proofs = parsed.proofs?.jwt ?? []
      if (proofs.length > batchSize) return json({ error: 'invalid_proof' }, 400)
      const holderKeys: JsonObject[] = []
      for (const jwt of proofs) {
        const nonce = payloadOf(jwt).nonce as string
        if (!nonces.has(nonce)) return json({ error: 'invalid_nonce' }, 400)
        const { signer } = await vci.verifyCredentialRequestJwtProof({
          issuerMetadata: issuerMetadataResult(),
          jwt,
          expectedNonce: nonce,
          now: new Date(now * 1000),
        })
        holderKeys.push(signer.publicJwk as unknown as JsonObject)
      }
      if (new Set(holderKeys.map(({ x }) => x)).size !== holderKeys.length) {
        return json({ error: 'invalid_proof' }, 400)
      }
      const compacts = await Promise.all(
        holderKeys.map((jwk, copy) => {
          const claims = claimsOf(origin, now, jwk, copy)
          return issueSdJwt({
            header: { typ: 'dc+sd-jwt', x5c: leaf.x5c },
            claims: peer.faults.claims?.(claims, copy) ?? claims,
            disclosable: DISCLOSABLE,
            signer: leaf.signer,
            random: systemRandom,
          })
        }),
      )
      const delivered = peer.faults.deliver?.(compacts) ?? compacts
      return json({
        credentials: delivered.map((credential) => ({ credential })),
        notification_id: 'notification-1',
      })
    },
    '/notification': async (request) => {
      const refused = await checkResource(request)
      if (refused) return refused
      peer.notifications.push((await request.json()) as JsonObject)
      return new Response(null, { status: 204 })
    },
  }

  async function statusList(uri: string): Promise<Response> {
    const list = statusListBytes(4096, 2)
    for (const [idx, value] of peer.statuses) writeStatus(list, { bits: 2, idx, status: value })
    const token = await signStatusListToken({
      uri,
      bits: 2,
      list,
      iat: now,
      exp: now + DAY,
      ttl: 300,
      signer: leaf.signer,
      x5c: leaf.x5c,
    })
    return new Response(token, { headers: { 'content-type': 'application/statuslist+jwt' } })
  }

  async function checkResource(request: Request): Promise<Response | undefined> {
    const headers = { 'dpop-nonce': dpopNonce }
    if (request.headers.get('authorization') !== `DPoP ${TOKEN}`) {
      return json({ error: 'invalid_token' }, 401, headers)
    }
    const proof = request.headers.get('dpop') as string
    const { jti, nonce } = payloadOf(proof)
    if (nonce !== dpopNonce) {
      return json({}, 401, { ...headers, 'www-authenticate': 'DPoP error="use_dpop_nonce"' })
    }
    if (seenProofs.has(jti as string)) return json({ error: 'invalid_dpop_proof' }, 401, headers)
    seenProofs.add(jti as string)
    await oauth.verifyDpopJwt({
      dpopJwt: proof,
      request: { method: 'POST', url: request.url, headers: request.headers },
      allowedSigningAlgs: ['ES256'],
      accessToken: TOKEN,
      expectedNonce: dpopNonce,
      ...(dpopKey === undefined ? {} : { expectedJwkThumbprint: dpopKey }),
      now: new Date(now * 1000),
    })
    return undefined
  }

  function issuerMetadataResult() {
    const credentialIssuer = vci.createCredentialIssuerMetadata(metadata as never)
    return {
      credentialIssuer,
      authorizationServers: [serverMetadata],
      originalDraftVersion: 'V1',
      knownCredentialConfigurations: credentialIssuer.credential_configurations_supported,
    } as Parameters<typeof vci.parseCredentialRequest>[0]['issuerMetadata']
  }

  function trustList(sequence: number, authorities: readonly TestAuthority[]): Promise<string> {
    return signTrustList(
      {
        sequence,
        operator: 'Carnet Test Scheme',
        territory: 'UT',
        issuedAt: now - DAY,
        nextUpdate: now + 30 * DAY,
        entities: [
          {
            name: 'Carnet test',
            services: authorities.map(({ role, certificate }) => ({
              role,
              name: role,
              status: 'granted',
              from: now - 300 * DAY,
              certificates: [Buffer.from(certificate).toString('base64')],
            })),
          },
        ],
      },
      listSigner,
    )
  }

  const peer: PeerIssuer = {
    origin,
    fetch: async (input, init) => {
      const request = new Request(input, init)
      const { pathname, origin: asked } = new URL(request.url)
      peer.asked.push(pathname)
      const instead = peer.faults.before?.(pathname)
      if (instead === 'no answer') throw new TypeError('fetch failed')
      if (instead) return instead
      if (pathname.startsWith('/status/')) return statusList(request.url)
      const endpoint = asked === origin ? endpoints[pathname] : undefined
      const response = endpoint ? await endpoint(request) : json({ error: 'not_found' }, 404)
      if (peer.faults.loses?.(pathname)) throw new TypeError('fetch failed')
      return response
    },
    offer: `openid-credential-offer://?credential_offer_uri=${encodeURIComponent(`${origin}/offers/1`)}`,
    offerObject,
    trustList: await trustList(1, [authority, access]),
    trustListWith: (more) => trustList(2, [authority, access, more]),
    trustSigner: listSigner.publicJwk,
    accessAuthority: access,
    txCode: '493536',
    asked: [],
    notifications: [],
    named: [],
    faults: {},
    statuses: new Map(),
    attempts: 0,
    redeemed: false,
  }
  return peer
}

const DISCLOSABLE = [
  ['given_name'],
  ['family_name'],
  ['birthdate'],
  ['nationalities', null],
  ['age_equal_or_over', '18'],
  ['age_equal_or_over', '21'],
  ['document', 'number'],
] as const

function claimsOf(origin: string, now: NumericDate, jwk: JsonObject, copy: number): JsonObject {
  const { kty, crv, x, y } = jwk
  return {
    iss: origin,
    iat: now - (now % DAY),
    exp: now - (now % DAY) + 14 * DAY,
    vct: 'urn:carnet:identity:1',
    cnf: { jwk: { kty, crv, x, y } as JsonObject },
    status: { status_list: { idx: 1000 + 7 * copy, uri: `${origin}/status/${copy}` } },
    given_name: 'Anna Maria',
    family_name: 'Eriksson',
    birthdate: '1974-08-12',
    nationalities: ['UT'],
    age_equal_or_over: { 18: true, 21: true },
    document: { type: 'passport', number: 'L898902C3' },
  }
}

function metadataOf(origin: string, batchSize: number): JsonObject {
  return {
    credential_issuer: origin,
    credential_endpoint: `${origin}/credential`,
    nonce_endpoint: `${origin}/nonce`,
    notification_endpoint: `${origin}/notification`,
    ...(batchSize > 1 ? { batch_credential_issuance: { batch_size: batchSize } } : {}),
    display: [{ name: 'Carnet Test Issuer' }],
    credential_configurations_supported: {
      identity: {
        format: 'dc+sd-jwt',
        vct: 'urn:carnet:identity:1',
        scope: 'identity',
        cryptographic_binding_methods_supported: ['jwk'],
        credential_signing_alg_values_supported: ['ES256'],
        proof_types_supported: { jwt: { proof_signing_alg_values_supported: ['ES256'] } },
      },
    },
  }
}

function json(body: Json, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  })
}

function payloadOf(jwt: string): JsonObject {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as JsonObject
}

/** Verifies with the key in the JWT's own header, by node:crypto and none of our code. */
const verifyJwt: VerifyJwtCallback = (jwtSigner, { compact }) => {
  if (jwtSigner.method !== 'jwk') return { verified: false }
  const [header, payload, signature] = compact.split('.') as [string, string, string]
  const key = createPublicKey({ format: 'jwk', key: jwtSigner.publicJwk as never })
  const verified = verify(
    'sha256',
    Buffer.from(`${header}.${payload}`),
    { key, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  )
  return verified ? { verified, signerJwk: jwtSigner.publicJwk } : { verified }
}

function unused(): never {
  throw new Error('this issuer has no use for it')
}
