import { z } from 'zod'
import type { NumericDate } from '../clock.ts'
import { DcqlError } from '../dcql/error.ts'
import { type DcqlQuery, parseDcqlQuery } from '../dcql/query.ts'
import { ProtocolError } from '../error.ts'
import { JoseError } from '../jose/error.ts'
import type { ContentEncryption, EncryptionJwk } from '../jose/jwe.ts'
import { parsePublicJwk } from '../jose/jwk.ts'
import { parseJwt, signJwt, verifyJwt } from '../jose/jws.ts'
import type { JsonObject } from '../json.ts'
import type { Es256Signer } from '../key/signer.ts'
import { TrustError } from '../trust/error.ts'
import type { AnchorsAt } from '../trust/role.ts'
import { type VerifiedChain, verifyX5c } from '../trust/x5c.ts'
import {
  type ClientIdentifier,
  checkCertificateOf,
  checkResponseHost,
  parseClientId,
  x509HashClientId,
} from './client-id.ts'

/** The media type of a request object as served. RFC 9101 §5.2.3, OpenID4VP 1.0 §5.10.1. */
export const REQUEST_OBJECT_MEDIA_TYPE = 'application/oauth-authz-req+jwt'

/** The schemes under which a wallet is called. HAIP 1.0 §5.1, OpenID4VP 1.0 §13.1.2. */
export const REQUEST_SCHEMES = ['haip-vp:', 'openid4vp:'] as const

const REQUEST_OBJECT_TYP = 'oauth-authz-req+jwt'
/**
 * "the aud claim MUST be equal to https://self-issued.me/v2" where the wallet's metadata is not discovered. OpenID4VP
 * 1.0 §5.8.
 */
const STATIC_DISCOVERY_AUDIENCE = 'https://self-issued.me/v2'
const CLOCK_TOLERANCE_SECONDS = 60
/** Our entry of `verifier_info`, which a wallet that does not know it ignores. OpenID4VP 1.0 §5.1. */
const PURPOSE_FORMAT = 'urn:carnet:verifier-info:purpose:1'

const urlSafe = z
  .string()
  .min(1)
  .max(512)
  .regex(/^[A-Za-z0-9\-._~]+$/, 'has characters that are not URL safe')
const webUrl = z
  .string()
  .max(2048)
  .refine(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
    'is not an http URL',
  )

/** The parameters of a request object that both sides use, as on the wire. OpenID4VP 1.0 §5. */
export interface RequestObject {
  readonly client_id: string
  readonly response_uri: string
  readonly nonce: string
  readonly state?: string | undefined
  readonly wallet_nonce?: string | undefined
  readonly dcql_query: Readonly<Record<string, unknown>>
  readonly verifier_info?:
    | readonly { readonly format: string; readonly data?: unknown }[]
    | undefined
  readonly client_metadata: {
    readonly jwks: { readonly keys: readonly Readonly<Record<string, unknown>>[] }
    readonly encrypted_response_enc_values_supported: readonly string[]
    readonly vp_formats_supported: Readonly<Record<string, unknown>>
  }
}

// Unknown members are ignored: OpenID4VP 1.0 §5.1 for client_metadata, RFC 9101 §4 for the object.
const clientMetadataSchema = z.object({
  jwks: z.object({ keys: z.array(z.record(z.string(), z.unknown())).min(1).max(16) }),
  encrypted_response_enc_values_supported: z.array(z.string()).min(1).max(16).default(['A128GCM']),
  vp_formats_supported: z.record(z.string(), z.unknown()),
})

const requestObjectSchema: z.ZodType<RequestObject> = z.object({
  client_id: z.string().max(512),
  aud: z.literal(STATIC_DISCOVERY_AUDIENCE),
  response_type: z.literal('vp_token'),
  response_mode: z.literal('direct_post.jwt'),
  response_uri: webUrl,
  nonce: urlSafe,
  state: urlSafe.optional(),
  wallet_nonce: z.string().min(1).max(512).optional(),
  dcql_query: z.record(z.string(), z.unknown()),
  verifier_info: z
    .array(z.object({ format: z.string().max(256), data: z.unknown() }))
    .min(1)
    .max(16)
    .optional(),
  client_metadata: clientMetadataSchema,
  redirect_uri: z.never({ error: 'must not be present with direct_post.jwt' }).optional(),
  scope: z.never({ error: 'must not be present beside dcql_query' }).optional(),
  request: z.never({ error: 'must not be inside a request object' }).optional(),
  request_uri: z.never({ error: 'must not be inside a request object' }).optional(),
})

/** What a verifier decides of a request object; the rest follows from the profile. */
export interface RequestObjectParameters {
  readonly responseUri: string
  readonly nonce: string
  readonly state?: string | undefined
  readonly walletNonce?: string | undefined
  readonly query: JsonObject
  /** Why the verifier asks, in its own words, for the consent screen. */
  readonly purpose?: string | undefined
  readonly encryptionKey: EncryptionJwk
  readonly issuedAt: NumericDate
  readonly expiresAt: NumericDate
}

/** The content encryptions that a response may use. HAIP 1.0 §5. */
export const RESPONSE_ENCRYPTIONS: readonly ContentEncryption[] = ['A128GCM', 'A256GCM']

/**
 * Signs a request object under the `x509_hash` identifier of its own leaf certificate, so that the two cannot
 * disagree. Does not check that the chain leads to an anchor. OpenID4VP 1.0 §5, HAIP 1.0 §5.
 */
export function signRequestObject(
  parameters: RequestObjectParameters,
  { signer, x5c }: { readonly signer: Es256Signer; readonly x5c: readonly string[] },
): Promise<string> {
  const { state, walletNonce, purpose } = parameters
  const payload: JsonObject = {
    client_id: x509HashClientId(x5c[0] ?? ''),
    aud: STATIC_DISCOVERY_AUDIENCE,
    response_type: 'vp_token',
    response_mode: 'direct_post.jwt',
    response_uri: parameters.responseUri,
    nonce: parameters.nonce,
    ...(state === undefined ? {} : { state }),
    ...(walletNonce === undefined ? {} : { wallet_nonce: walletNonce }),
    dcql_query: parameters.query,
    ...(purpose === undefined
      ? {}
      : { verifier_info: [{ format: PURPOSE_FORMAT, data: { purpose } }] }),
    client_metadata: {
      jwks: { keys: [{ ...parameters.encryptionKey }] },
      encrypted_response_enc_values_supported: [...RESPONSE_ENCRYPTIONS],
      vp_formats_supported: {
        'dc+sd-jwt': { 'sd-jwt_alg_values': ['ES256'], 'kb-jwt_alg_values': ['ES256'] },
      },
    },
    iat: parameters.issuedAt,
    exp: parameters.expiresAt,
  }
  return signJwt({ header: { typ: REQUEST_OBJECT_TYP, x5c: [...x5c] }, payload, signer })
}

/** A request object whose signer is known and trusted, with what a wallet needs to answer it. */
export interface VerifiedRequest {
  readonly clientId: string
  readonly request: RequestObject
  readonly query: DcqlQuery
  /** Why the verifier asks, in its own words: signed by it, and vouched for by nobody else. */
  readonly purpose?: string
  /** The access certificate chain: who asks, in the words of whoever registered them. */
  readonly verifier: VerifiedChain
  readonly encryption: { readonly recipient: EncryptionJwk; readonly enc: ContentEncryption }
}

/**
 * Verifies a request object: type, access certificate chain to an anchor, a client identifier that is the same inside
 * and outside and that the certificate proves (`x509_hash`, `x509_san_dns`), signature, validity, audience and
 * `wallet_nonce`. Only its own parameters are used, and `iss` is ignored. OpenID4VP 1.0 §5, §5.8, §5.9.3, §5.10.1,
 * HAIP 1.0 §5. Does not ask the user, and ties the response URI to the certificate for `x509_san_dns` alone:
 * `x509_hash` names no host.
 * @throws ProtocolError with the code to tell the verifier; what exactly failed is in `cause`
 */
export function verifyRequestObject(
  jwt: string,
  expected: {
    readonly expectedClientId: string
    readonly expectedWalletNonce?: string | undefined
    readonly anchors: AnchorsAt
    readonly now: NumericDate
  },
): VerifiedRequest {
  const client = parseClientId(expected.expectedClientId)
  const { payload, verifier } = authenticate(jwt, client, expected)
  const request = parseRequestObject(payload)
  if (request.client_id !== expected.expectedClientId) {
    throw new ProtocolError('invalid_request', 'client_id differs inside the request object')
  }
  checkResponseHost(client, request.response_uri)
  // "the Wallet MUST validate whether the request object contains the respective nonce value in a wallet_nonce claim"
  if (request.wallet_nonce !== expected.expectedWalletNonce) {
    throw new ProtocolError('invalid_request', 'wallet_nonce is not the one that was sent')
  }
  return {
    clientId: request.client_id,
    request,
    query: refusing('dcql_query is not valid', () => parseDcqlQuery(request.dcql_query)),
    ...purposeOf(request),
    verifier,
    encryption: chooseEncryption(request.client_metadata),
  }
}

const purposeSchema = z.object({ purpose: z.string().min(1).max(500) })

/** "Wallets that do not … support the format … MUST ignore" an entry; one that is not ours is no error. */
function purposeOf({ verifier_info: entries = [] }: RequestObject): { purpose?: string } {
  const own = entries.find(({ format }) => format === PURPOSE_FORMAT)
  const parsed = purposeSchema.safeParse(own?.data)
  return parsed.success ? { purpose: parsed.data.purpose } : {}
}

function authenticate(
  jwt: string,
  client: ClientIdentifier,
  { anchors, now }: { readonly anchors: AnchorsAt; readonly now: NumericDate },
): { payload: JsonObject; verifier: VerifiedChain } {
  const { header } = refusing('request object is not a JWT', () => parseJwt(jwt))
  const x5c = z.array(z.string()).min(1).max(8).safeParse(header.x5c)
  if (!x5c.success) throw new ProtocolError('invalid_request', 'x5c is missing')
  const verifier = refusing('x5c does not lead to a trusted access certificate authority', () =>
    verifyX5c(x5c.data, { role: 'relying-party-access', anchors, now }),
  )
  checkCertificateOf(client, verifier.leaf)
  const { payload } = refusing(
    'request object is not signed by its certificate, or not valid now',
    () =>
      verifyJwt(jwt, {
        key: verifier.leaf.publicJwk,
        typ: REQUEST_OBJECT_TYP,
        now,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
      }),
  )
  return { payload, verifier }
}

function parseRequestObject(payload: JsonObject): RequestObject {
  // "Wallets that do not support this parameter MUST reject requests that contain it." OpenID4VP 1.0 §5, §8.5.
  if (payload.transaction_data !== undefined) {
    throw new ProtocolError('invalid_transaction_data', 'transaction_data is of no known type')
  }
  const parsed = requestObjectSchema.safeParse(payload)
  if (parsed.success) return parsed.data
  const member = parsed.error.issues[0]?.path.join('.') ?? 'request object'
  throw new ProtocolError('invalid_request', `${member} is missing or not valid`, {
    cause: parsed.error,
  })
}

/**
 * The first usable key and the strongest encryption; keys of other kinds are ignored. OpenID4VP 1.0 §8.3, HAIP 1.0
 * §5.
 */
function chooseEncryption(
  metadata: RequestObject['client_metadata'],
): VerifiedRequest['encryption'] {
  if (!supportsSdJwt(metadata.vp_formats_supported['dc+sd-jwt'])) {
    throw new ProtocolError(
      'vp_formats_not_supported',
      'vp_formats_supported has no dc+sd-jwt with ES256',
    )
  }
  const offered = metadata.encrypted_response_enc_values_supported
  const enc = (['A256GCM', 'A128GCM'] as const).find((name) => offered.includes(name))
  if (enc === undefined) {
    throw new ProtocolError(
      'invalid_request',
      'encrypted_response_enc_values_supported has no usable value',
    )
  }
  const usable = metadata.jwks.keys.find(
    (key) =>
      key.kty === 'EC' &&
      key.crv === 'P-256' &&
      key.alg === 'ECDH-ES' &&
      (key.use === undefined || key.use === 'enc'),
  )
  const kid = usable?.kid
  if (usable === undefined || typeof kid !== 'string' || kid === '') {
    throw new ProtocolError('invalid_request', 'jwks has no usable encryption key')
  }
  const publicJwk = refusing('jwks has an encryption key that is not valid', () =>
    parsePublicJwk(usable),
  )
  return { recipient: { ...publicJwk, kid, alg: 'ECDH-ES', use: 'enc' }, enc }
}

function supportsSdJwt(format: unknown): boolean {
  const parsed = z
    .object({
      'sd-jwt_alg_values': z.array(z.string()).optional(),
      'kb-jwt_alg_values': z.array(z.string()).optional(),
    })
    .safeParse(format)
  if (!parsed.success) return false
  return Object.values(parsed.data).every((names) => names === undefined || names.includes('ES256'))
}

/** Runs a check of another area and gives its failure this protocol's words; the reason stays in `cause`. */
function refusing<T>(message: string, check: () => T): T {
  try {
    return check()
  } catch (cause) {
    const known =
      cause instanceof JoseError || cause instanceof TrustError || cause instanceof DcqlError
    if (!known) throw cause
    throw new ProtocolError('invalid_request', message, { cause })
  }
}

/** What a link or QR code of a verifier holds. OpenID4VP 1.0 §5.10. */
export interface RequestReference {
  readonly clientId: string
  readonly requestUri: string
  readonly requestUriMethod: 'get' | 'post'
}

/** Renders the link that calls a wallet. OpenID4VP 1.0 §5.10, HAIP 1.0 §5.1. */
export function renderRequestReference(
  { clientId, requestUri, requestUriMethod }: RequestReference,
  scheme: (typeof REQUEST_SCHEMES)[number] = 'haip-vp:',
): string {
  const parameters = new URLSearchParams({ client_id: clientId, request_uri: requestUri })
  if (requestUriMethod === 'post') parameters.set('request_uri_method', 'post')
  return `${scheme}//?${parameters}`
}

/**
 * Reads the link that calls a wallet, under one of {@link REQUEST_SCHEMES} or `https:`. Parameters other than these
 * are ignored, as RFC 9101 §5 demands of a signed request; a repeated one is refused. Does not fetch.
 * @throws ProtocolError
 */
export function parseRequestReference(link: string): RequestReference {
  if (link.length > 4096 || !URL.canParse(link)) {
    throw new ProtocolError('invalid_request', 'the request is not a link')
  }
  const url = new URL(link)
  if (![...REQUEST_SCHEMES, 'https:'].includes(url.protocol)) {
    throw new ProtocolError('invalid_request', 'the link is not a presentation request')
  }
  const clientId = single(url.searchParams, 'client_id')
  const requestUri = single(url.searchParams, 'request_uri')
  const method = single(url.searchParams, 'request_uri_method') ?? 'get'
  if (clientId === undefined) throw new ProtocolError('invalid_request', 'client_id is missing')
  parseClientId(clientId)
  if (requestUri === undefined || !webUrl.safeParse(requestUri).success) {
    throw new ProtocolError('invalid_request', 'request_uri is missing or not a URL')
  }
  // "request_uri_method … case-sensitive"; anything else has a code of its own. OpenID4VP 1.0 §5.1, §8.5.
  if (method !== 'get' && method !== 'post') {
    throw new ProtocolError(
      'invalid_request_uri_method',
      'request_uri_method is neither get nor post',
    )
  }
  return { clientId, requestUri, requestUriMethod: method }
}

function single(parameters: URLSearchParams, name: string): string | undefined {
  const values = parameters.getAll(name)
  if (values.length > 1) throw new ProtocolError('invalid_request', `${name} is repeated`)
  return values[0]
}
