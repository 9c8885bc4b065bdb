import { verify } from 'node:crypto'
import { decodeBase64url, encodeBase64url } from '../base64url.ts'
import type { NumericDate } from '../clock.ts'
import {
  isJsonObject,
  JsonError,
  type JsonLimits,
  type JsonObject,
  parseJsonBytes,
} from '../json.ts'
import type { PublicJwk, Signer } from '../key/signer.ts'
import { JoseError } from './error.ts'
import { publicKeyObject } from './jwk.ts'

/** A JWT taken apart. Nothing in it is verified. */
export interface ParsedJwt {
  readonly header: JsonObject
  readonly payload: JsonObject
  readonly signingInput: string
  readonly signature: Buffer
}

/** The algorithms that a key may have signed with; a message never chooses among key types. RFC 8725 §3.1. */
const ALGORITHMS: Readonly<Record<PublicJwk['crv'], readonly string[]>> = {
  'P-256': ['ES256'],
  Ed25519: ['Ed25519', 'EdDSA'],
}

/** Seconds that an `iat` or `nbf` may be ahead of our clock. FAPI 2.0 Security Profile §5.3.2.1 asks for 0 to 10. */
export const CLOCK_TOLERANCE = 10

const DEFAULT_LIMITS: JsonLimits = { maxLength: 1 << 20, maxDepth: 32 }

/** Signs a JWT in the compact serialization; `alg` is the signer's own. RFC 7515 §7.1, RFC 7519 §7.1. */
export async function signJwt({
  header,
  payload,
  signer,
}: {
  header: JsonObject
  payload: JsonObject
  signer: Signer
}): Promise<string> {
  return signJwtText({ header, payload: JSON.stringify(payload), signer })
}

/** {@link signJwt} for a payload that is JSON text already. */
export async function signJwtText({
  header,
  payload,
  signer,
}: {
  header: JsonObject
  payload: string
  signer: Signer
}): Promise<string> {
  const protectedHeader = encodeBase64url(JSON.stringify({ alg: signer.alg, ...header }))
  const signingInput = `${protectedHeader}.${encodeBase64url(payload)}`
  const signature = await signer.sign(Buffer.from(signingInput, 'latin1'))
  return `${signingInput}.${encodeBase64url(signature)}`
}

/**
 * Takes a compact JWT apart under bounds: canonical base64url, UTF-8 JSON objects without repeated members, an `alg`,
 * and no `crit`, because no extension is understood here (RFC 7515 §4.1.11). Does not verify anything. RFC 7519 §7.2.
 * @throws JoseError
 */
export function parseJwt(
  token: string,
  {
    maxLength = DEFAULT_LIMITS.maxLength,
    maxDepth = DEFAULT_LIMITS.maxDepth,
  }: Partial<JsonLimits> = {},
): ParsedJwt {
  if (token.length > maxLength) throw new JoseError('too_large', 'jwt is too long')
  const firstDot = token.indexOf('.')
  const lastDot = token.lastIndexOf('.')
  if (firstDot < 1 || lastDot === firstDot || token.indexOf('.', firstDot + 1) !== lastDot) {
    throw new JoseError('malformed', 'jwt does not have three parts')
  }
  const header = parseHeader(token.slice(0, firstDot), maxLength)
  const payload = parsePart(token.slice(firstDot + 1, lastDot), 'payload', { maxLength, maxDepth })
  const signature = decodeBase64url(token.slice(lastDot + 1))
  if (!signature) throw new JoseError('malformed', 'signature is not base64url')
  return { header, payload, signingInput: token.slice(0, lastDot), signature }
}

/**
 * Verifies the signature under `key` with an algorithm of that key's own type. RFC 7515 §5.2, RFC 7518 §3.4,
 * RFC 8037 §3.1.
 * @throws JoseError
 */
export function verifyJwtSignature(
  { header, signingInput, signature }: ParsedJwt,
  key: PublicJwk,
): void {
  if (!ALGORITHMS[key.crv].includes(header.alg as string)) {
    throw new JoseError('algorithm_not_allowed', 'alg is not allowed for this key')
  }
  if (!verifySignature(key, Buffer.from(signingInput, 'latin1'), signature)) {
    throw new JoseError('signature_invalid', 'signature does not verify')
  }
}

/** Whether a raw signature of 64 bytes is one of `key` over `data`: ES256 for P-256, EdDSA for Ed25519. */
export function verifySignature(key: PublicJwk, data: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64) return false
  const keyObject = publicKeyObject(key)
  if (key.kty === 'OKP') return verify(null, data, keyObject, signature)
  return verify('sha256', data, { key: keyObject, dsaEncoding: 'ieee-p1363' }, signature)
}

/** What a JWT must say and be; see {@link verifyJwt}. */
export interface JwtExpectation {
  readonly key: PublicJwk
  /** The `typ` that keeps one kind of JWT from being taken for another. RFC 8725 §3.11. */
  readonly typ: string
  readonly now: NumericDate
  /** With it, `iat` is required and may be at most this many seconds old. */
  readonly maxAge?: number
  /** Seconds that `iat` and `nbf` may be ahead; `exp` has no tolerance. */
  readonly clockTolerance?: number
  readonly limits?: Partial<JsonLimits>
}

/**
 * Verifies the type, the signature and the time claims of a compact JWT. Does not check `iss`, `aud` or `jti`.
 * RFC 7519 §7.2.
 * @throws JoseError
 */
export function verifyJwt(
  token: string,
  { key, typ, limits, ...times }: JwtExpectation,
): ParsedJwt {
  const parsed = parseJwt(token, limits)
  if (parsed.header.typ !== typ) throw new JoseError('type_mismatch', `typ is not ${typ}`)
  verifyJwtSignature(parsed, key)
  checkTimes(parsed.payload, times)
  return parsed
}

/**
 * Checks `exp`, `nbf` and `iat` where they are present, each of which must be a number. RFC 7519 §4.1.4 to §4.1.6.
 * @throws JoseError
 */
export function checkTimes(
  claims: JsonObject,
  {
    now,
    maxAge,
    clockTolerance = CLOCK_TOLERANCE,
  }: { now: NumericDate; maxAge?: number; clockTolerance?: number },
): void {
  const exp = numericDate(claims, 'exp')
  const nbf = numericDate(claims, 'nbf')
  const iat = numericDate(claims, 'iat')
  // "on or after which the JWT MUST NOT be accepted for processing"
  if (exp !== undefined && now >= exp) throw new JoseError('expired', 'exp has passed')
  if (nbf !== undefined && nbf > now + clockTolerance) {
    throw new JoseError('not_yet_valid', 'nbf is in the future')
  }
  if (iat !== undefined && iat > now + clockTolerance) {
    throw new JoseError('not_yet_valid', 'iat is in the future')
  }
  if (maxAge === undefined) return
  if (iat === undefined) throw new JoseError('claim_invalid', 'iat is missing')
  if (iat < now - maxAge) throw new JoseError('too_old', 'iat is too long ago')
}

function numericDate(claims: JsonObject, name: string): NumericDate | undefined {
  if (!Object.hasOwn(claims, name)) return undefined
  const value = claims[name]
  if (typeof value !== 'number') throw new JoseError('claim_invalid', `${name} is not a number`)
  return value
}

/** Headers that were read lately, by their text: an issuer's header, chain and all, is the same in every credential. */
const headers = new Map<string, JsonObject>()
/** Chains and keys are two levels deep. */
const HEADER_DEPTH = 8
const HEADERS_KEPT = 256
const LONGEST_KEPT = 16_384

function parseHeader(part: string, maxLength: number): JsonObject {
  const known = headers.get(part)
  if (known) return known
  const header = parsePart(part, 'header', { maxLength, maxDepth: HEADER_DEPTH })
  if (typeof header.alg !== 'string') throw new JoseError('malformed', 'alg is missing')
  if (Object.hasOwn(header, 'crit') || Object.hasOwn(header, 'b64')) {
    throw new JoseError('critical_header', 'crit names an extension that is not understood')
  }
  if (part.length > LONGEST_KEPT) return header
  if (headers.size >= HEADERS_KEPT) headers.delete(headers.keys().next().value as string)
  headers.set(part, Object.freeze(header))
  return header
}

function parsePart(part: string, name: string, limits: JsonLimits): JsonObject {
  const bytes = decodeBase64url(part)
  if (!bytes) throw new JoseError('malformed', `${name} is not base64url`)
  try {
    const value = parseJsonBytes(bytes, limits)
    if (isJsonObject(value)) return value
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause
    throw new JoseError('malformed', `${name}: ${cause.message}`, { cause })
  }
  throw new JoseError('malformed', `${name} is not an object`)
}
