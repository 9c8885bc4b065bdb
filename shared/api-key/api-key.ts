import { encodeBase64url } from '../base64url.ts'
import type { NumericDate } from '../clock.ts'
import { sha256Base64url } from '../hash.ts'
import type { Random } from '../random.ts'

/** What someone who holds an API key is to the server. */
export type KeyRole = 'reviewer' | 'operator' | 'platform' | 'regulator'

/** What one key may do; each endpoint names the one that it takes. */
export type Scope =
  | 'sessions:write'
  | 'requests:write'
  | 'requests:read'
  | 'reviews:read'
  | 'reviews:decide'
  | 'server:read'
  | 'status:read'
  | 'status:write'
  | 'sessions:erase'
  | 'webhooks:read'
  | 'webhooks:write'
  | 'history:read'

/** Everything that a key can be made for: the role that may have it, and what it opens. */
export const SCOPES: Readonly<Record<Scope, { readonly role: KeyRole; readonly opens: string }>> = {
  'sessions:write': {
    role: 'platform',
    opens: 'begin proofing sessions in the name of a platform',
  },
  'requests:write': {
    role: 'platform',
    opens: 'ask for presentations, redeem codes, erase, have a webhook sent again',
  },
  'requests:read': {
    role: 'platform',
    opens: 'read results and receipts of presentations, and deliveries of webhooks',
  },
  'reviews:read': { role: 'reviewer', opens: 'list referred sessions and open their dossiers' },
  'reviews:decide': { role: 'reviewer', opens: 'decide referred sessions' },
  'server:read': {
    role: 'operator',
    opens: 'read how a server and its tenants are, and what is known of keys',
  },
  'status:read': { role: 'operator', opens: 'read notices and timeliness' },
  'status:write': {
    role: 'operator',
    opens: 'change statuses, revoke, note that holders were told',
  },
  'sessions:erase': { role: 'operator', opens: 'erase what is kept of a person' },
  'webhooks:read': { role: 'operator', opens: 'read what was told to others by webhook' },
  'webhooks:write': { role: 'operator', opens: 'send a delivery once more' },
  'history:read': { role: 'regulator', opens: 'read status tokens of times that are not public' },
}

/** An API key; the store has its digest alone. */
export interface ApiKey {
  /** What tells keys apart, and stands in the text of a key: 12 hexadecimal digits. */
  readonly id: string
  /** Whose it is. The keys of one owner have one name, and what they did is recorded under it. */
  readonly name: string
  readonly role: KeyRole
  /** What it may do; `undefined` for everything that its role may. */
  readonly scopes: readonly Scope[] | undefined
  readonly createdAt: NumericDate
  /** From when on it is refused. */
  readonly expiresAt: NumericDate | undefined
  readonly revokedAt: NumericDate | undefined
  /** When it was last used, to the minute. */
  readonly lastUsedAt: NumericDate | undefined
}

/** A key that was just made: its text, which is shown once, and what is stored of it. */
export interface FreshKey {
  readonly text: string
  readonly id: string
  readonly sha256: string
}

/** How often at most it is written down that a key was used. */
export const LAST_USE_SECONDS = 60

/** The scopes of a role, in the order of {@link SCOPES}. */
export function scopesOf(role: KeyRole): readonly Scope[] {
  return (Object.keys(SCOPES) as Scope[]).filter((scope) => SCOPES[scope].role === role)
}

/**
 * Makes a key such as `carnet_operator_0123456789ab_…`: whoever finds one in a file can tell what it is and which one to
 * revoke. It has 256 unpredictable bits, so a plain digest hides it.
 */
export function makeKey(role: KeyRole, random: Random): FreshKey {
  const id = Buffer.from(random(6)).toString('hex')
  const text = `carnet_${role}_${id}_${encodeBase64url(random(32))}`
  return { text, id, sha256: keyDigest(text) }
}

/** What is stored of a key: SHA-256 of its whole text, base64url. Keys of an older form have the same. */
export function keyDigest(text: string): string {
  return sha256Base64url(text)
}

/** Whether a key may be used at `now`. */
export function isActive(
  { revokedAt, expiresAt }: Pick<ApiKey, 'revokedAt' | 'expiresAt'>,
  now: NumericDate,
): boolean {
  return revokedAt === undefined && (expiresAt === undefined || now < expiresAt)
}

/** Whether a key opens what needs `scope`. */
export function mayUse({ role, scopes }: Pick<ApiKey, 'role' | 'scopes'>, scope: Scope): boolean {
  return SCOPES[scope].role === role && (scopes === undefined || scopes.includes(scope))
}
