import type { NumericDate } from '../clock.ts'
import { jwkThumbprint } from '../jose/thumbprint.ts'
import type { AnchorsAt } from '../trust/role.ts'
import type { VerifiedLeaf } from '../trust/x5c.ts'
import { readStatus } from './bits.ts'
import type { CachedStatusList, StatusListCache } from './cache.ts'
import { StatusListError, type StatusListErrorCode } from './error.ts'
import type { StatusReference } from './reference.ts'
import { type DidKey, type StatusList, verifyStatusListToken } from './token.ts'

/** Why nothing can be said; each is a stable code. */
export type UndeterminedReason =
  | 'credential_expired'
  | 'list_unreachable'
  | 'list_stale'
  | 'list_went_back'
  | 'index_out_of_range'
  | 'status_not_understood'
  | `list_${StatusListErrorCode}`

/** What a list says about a credential. Only `valid` is valid. */
export interface StatusVerdict {
  readonly verdict: 'valid' | 'suspended' | 'revoked' | 'undetermined'
  readonly reason?: UndeterminedReason
  /** The evidence: the token that said so, its digest and when it was signed. */
  readonly tokenSha256?: string
  readonly iat?: NumericDate
  readonly token?: string
}

/** How a status is looked up and how fresh the answer must be. */
export interface StatusResolution {
  readonly fetchToken: (uri: string) => Promise<string>
  readonly anchors: AnchorsAt
  readonly now: NumericDate
  readonly cache: StatusListCache
  /** The oldest `iat` that still counts. */
  readonly maxStalenessSeconds: number
  /** The credential's own `exp`. */
  readonly credentialExpires?: NumericDate
  /** With it, the list must be signed under a leaf certificate that it accepts: one of the credential's own issuer. */
  readonly acceptsSigner?: (leaf: VerifiedLeaf) => boolean
  /** The key that signed the credential where its issuer is a decentralized identifier; its lists may be signed with it. */
  readonly didKey?: DidKey
}

/** Longest that a token without `ttl` is kept. Token Status List §13.7 asks to clamp. */
const DEFAULT_TTL = 300
const MAX_TTL = 86_400

/**
 * Looks a status up, from the cache while its `ttl` and `exp` hold and by fetching otherwise. Whatever is wrong — not
 * reached, not trusted, stale, older than what was seen before, an index outside of the list, a value without meaning —
 * the verdict is `undetermined` with its reason and never `valid`. Call it for a credential that was verified; an
 * expired one is not looked up. Token Status List §8.3.
 */
export async function resolveStatus(
  reference: StatusReference,
  resolution: StatusResolution,
): Promise<StatusVerdict> {
  const { now, maxStalenessSeconds, credentialExpires } = resolution
  // §7.1: the expiry of the referenced token overrides what the list says
  if (credentialExpires !== undefined && credentialExpires <= now) {
    return undetermined('credential_expired')
  }
  const found = await currentList(reference.uri, resolution)
  if (typeof found === 'string') return undetermined(found)
  const { statusList, token } = found
  if (statusList.iat < now - maxStalenessSeconds) return undetermined('list_stale', found)
  const status = readStatus(statusList.list, statusList.bits, reference.idx)
  if (status === undefined) return undetermined('index_out_of_range', found)
  const verdict = VERDICTS[status]
  if (!verdict) return undetermined('status_not_understood', found)
  return { verdict, ...evidenceOf(statusList), token }
}

/** Token Status List §7.1: VALID, INVALID, SUSPENDED. */
const VERDICTS: readonly StatusVerdict['verdict'][] = ['valid', 'revoked', 'suspended']

async function currentList(
  uri: string,
  resolution: StatusResolution,
): Promise<CachedStatusList | UndeterminedReason> {
  const { now, cache, fetchToken, anchors, didKey } = resolution
  const cached = cache.get(uri)
  if (cached && isCurrent(cached, now) && isSignedAsExpected(cached.statusList, resolution))
    return cached
  let token: string
  try {
    token = await fetchToken(uri)
  } catch {
    return 'list_unreachable'
  }
  try {
    const statusList = verifyStatusListToken(token, { expectedUri: uri, anchors, now, didKey })
    if (!isSignedAsExpected(statusList, resolution)) return 'list_signer_unexpected'
    if (cached && statusList.iat < cached.statusList.iat) return 'list_went_back'
    const entry = { token, statusList, fetchedAt: now }
    cache.set(uri, entry)
    return entry
  } catch (error) {
    if (!(error instanceof StatusListError)) throw error
    return `list_${error.code}`
  }
}

function isCurrent({ statusList, fetchedAt }: CachedStatusList, now: NumericDate): boolean {
  const ttl = Math.min(statusList.ttl ?? DEFAULT_TTL, MAX_TTL)
  return (
    now >= fetchedAt && now < fetchedAt + ttl && now < (statusList.exp ?? Number.POSITIVE_INFINITY)
  )
}

/** A cached list must be signed by whom this caller expects; a withdrawn anchor is noticed when the `ttl` ends. */
function isSignedAsExpected(
  { signer }: StatusList,
  { acceptsSigner, didKey }: StatusResolution,
): boolean {
  if (signer.leaf) return acceptsSigner === undefined || acceptsSigner(signer.leaf)
  const { keyId, publicJwk } = signer.didKey
  return keyId === didKey?.keyId && jwkThumbprint(publicJwk) === jwkThumbprint(didKey.publicJwk)
}

function undetermined(reason: UndeterminedReason, found?: CachedStatusList): StatusVerdict {
  if (!found) return { verdict: 'undetermined', reason }
  return { verdict: 'undetermined', reason, ...evidenceOf(found.statusList), token: found.token }
}

function evidenceOf({ tokenSha256, iat }: StatusList): { tokenSha256: string; iat: NumericDate } {
  return { tokenSha256, iat }
}
