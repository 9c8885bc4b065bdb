import { decodeBase64url, encodeBase64url } from '../base64url.ts'
import type { NumericDate } from '../clock.ts'
import { sha256Hex } from '../hash.ts'
import { JoseError, type JoseErrorCode } from '../jose/error.ts'
import { checkTimes, type ParsedJwt, parseJwt, signJwt, verifyJwtSignature } from '../jose/jws.ts'
import { isJsonObject, type JsonObject } from '../json.ts'
import type { EcPublicJwk, Signer } from '../key/signer.ts'
import { TrustError } from '../trust/error.ts'
import type { AnchorsAt } from '../trust/role.ts'
import { type VerifiedLeaf, verifyX5c } from '../trust/x5c.ts'
import { isStatusBits, type StatusBits } from './bits.ts'
import { deflateStatusList, inflateStatusList } from './compress.ts'
import { StatusListError, type StatusListErrorCode } from './error.ts'

/** The key of a decentralized identifier that the caller trusts and resolved, and the `kid` that names it. */
export interface DidKey {
  readonly keyId: string
  readonly publicJwk: EcPublicJwk
}

/** Who signed a list: a certificate under a trusted anchor, or the key of a trusted decentralized identifier. */
export type StatusListSigner =
  | { readonly leaf: VerifiedLeaf; readonly didKey?: never }
  | { readonly didKey: DidKey; readonly leaf?: never }

/** A status list whose token was verified. */
export interface StatusList {
  readonly uri: string
  readonly bits: StatusBits
  /** The packed statuses, inflated. */
  readonly list: Uint8Array
  readonly iat: NumericDate
  readonly exp?: NumericDate
  readonly ttl?: number
  /** Of the token as it was sent, lower-case hexadecimal. */
  readonly tokenSha256: string
  readonly signer: StatusListSigner
}

/** The media type and `typ` of a Status List Token in JWT form. Token Status List §5.1. */
export const STATUS_LIST_TYPE = 'statuslist+jwt'

const MAX_TOKEN_LENGTH = 8 << 20

/** Signs a Status List Token in JWT form over a packed list. Token Status List §5.1, HAIP 1.0 §6.1. */
export async function signStatusListToken({
  uri,
  bits,
  list,
  iat,
  exp,
  ttl,
  aggregationUri,
  signer,
  x5c,
}: {
  uri: string
  bits: StatusBits
  list: Uint8Array
  iat: NumericDate
  exp: NumericDate
  ttl: number
  aggregationUri?: string
  signer: Signer
  x5c: readonly string[]
}): Promise<string> {
  const statusList: JsonObject = {
    bits,
    lst: encodeBase64url(deflateStatusList(list)),
    ...(aggregationUri === undefined ? {} : { aggregation_uri: aggregationUri }),
  }
  return signJwt({
    header: { typ: STATUS_LIST_TYPE, x5c },
    payload: { sub: uri, iat, exp, ttl, status_list: statusList },
    signer,
  })
}

/**
 * Verifies a Status List Token in JWT form: type, chain, signature, `sub` equal to the address it was fetched for,
 * `iat` not ahead, `exp` not passed, `ttl` positive, a known width, and a list that inflates within its bound. With
 * `expectedSignerSha256` the leaf certificate must be that one. With `didKey`, a token without `x5c` whose `kid` names
 * that key is verified under it. How fresh it must be is {@link resolveStatus}'s question. Token Status List §5.1, §8.3.
 * @throws StatusListError
 */
export function verifyStatusListToken(
  token: string,
  {
    expectedUri,
    anchors,
    now,
    expectedSignerSha256,
    didKey,
  }: {
    expectedUri: string
    anchors: AnchorsAt
    now: NumericDate
    expectedSignerSha256?: string
    didKey?: DidKey | undefined
  },
): StatusList {
  const { parsed, signer } = verifySigned(token, { anchors, now, didKey })
  if (expectedSignerSha256 !== undefined && signer.leaf?.sha256 !== expectedSignerSha256) {
    throw new StatusListError('signer_unexpected', 'x5c is not the expected signer')
  }
  return {
    ...readStatusListClaims(parsed.payload, expectedUri),
    tokenSha256: sha256Hex(token),
    signer,
  }
}

/** The members of a token, in JWT or CWT form, that say what it holds. */
export interface StatusListMembers {
  readonly sub: unknown
  readonly iat: unknown
  readonly exp: unknown
  readonly ttl: unknown
  readonly bits: unknown
  /** Compressed; `undefined` when it could not be decoded. */
  readonly lst: Uint8Array | undefined
}

/** Reads the claims of a token in JWT form; signature and times are checked elsewhere. @throws StatusListError */
export function readStatusListClaims(
  { sub, iat, exp, ttl, status_list: statusList }: JsonObject,
  expectedUri: string,
): Omit<StatusList, 'tokenSha256' | 'signer'> {
  if (!isJsonObject(statusList)) throw new StatusListError('malformed', 'status_list is missing')
  const { bits, lst } = statusList
  const compressed = typeof lst === 'string' ? decodeBase64url(lst) : undefined
  return readStatusListMembers({ sub, iat, exp, ttl, bits, lst: compressed }, expectedUri)
}

/** Reads what a token holds, whatever its form. Token Status List §5.1, §5.2, §8.3. @throws StatusListError */
export function readStatusListMembers(
  { sub, iat, exp, ttl, bits, lst }: StatusListMembers,
  expectedUri: string,
): Omit<StatusList, 'tokenSha256' | 'signer'> {
  // "The subject claim … MUST be equal to that of the uri claim in the status_list of the Referenced Token."
  if (sub !== expectedUri) throw new StatusListError('uri_mismatch', 'sub is not the expected uri')
  if (typeof iat !== 'number') throw new StatusListError('claim_invalid', 'iat is missing')
  if (ttl !== undefined && !(typeof ttl === 'number' && ttl > 0)) {
    throw new StatusListError('claim_invalid', 'ttl is not a positive number')
  }
  if (!isStatusBits(bits)) throw new StatusListError('malformed', 'bits is not 1, 2, 4 or 8')
  if (!lst) throw new StatusListError('malformed', 'lst cannot be decoded')
  return {
    uri: expectedUri,
    bits,
    list: inflateStatusList(lst),
    iat,
    ...(typeof exp === 'number' ? { exp } : {}),
    ...(typeof ttl === 'number' ? { ttl } : {}),
  }
}

function verifySigned(
  token: string,
  context: { anchors: AnchorsAt; now: NumericDate; didKey: DidKey | undefined },
): { parsed: ParsedJwt; signer: StatusListSigner } {
  try {
    const parsed = parseJwt(token, { maxLength: MAX_TOKEN_LENGTH, maxDepth: 8 })
    if (parsed.header.typ !== STATUS_LIST_TYPE) {
      throw new StatusListError('type_mismatch', `typ is not ${STATUS_LIST_TYPE}`)
    }
    const signer = signerOf(parsed.header, context)
    verifyJwtSignature(parsed, (signer.leaf ?? signer.didKey).publicJwk)
    checkTimes(parsed.payload, { now: context.now })
    return { parsed, signer }
  } catch (cause) {
    if (cause instanceof TrustError) {
      throw new StatusListError('not_trusted', `x5c: ${cause.message}`, { cause })
    }
    if (!(cause instanceof JoseError)) throw cause
    throw new StatusListError(CODES[cause.code] ?? 'malformed', cause.message, { cause })
  }
}

function signerOf(
  { x5c, kid }: JsonObject,
  { anchors, now, didKey }: { anchors: AnchorsAt; now: NumericDate; didKey: DidKey | undefined },
): StatusListSigner {
  if (x5c === undefined && didKey && kid === didKey.keyId) return { didKey }
  const { leaf } = verifyX5c(x5c, { role: 'attestation', anchors, now })
  return { leaf }
}

const CODES: Readonly<Partial<Record<JoseErrorCode, StatusListErrorCode>>> = {
  too_large: 'too_large',
  signature_invalid: 'signature_invalid',
  algorithm_not_allowed: 'signature_invalid',
  expired: 'expired',
  not_yet_valid: 'not_yet_valid',
  claim_invalid: 'claim_invalid',
}
