import type { AuditEntry } from '../../shared/audit/entry.ts'
import type { NumericDate } from '../../shared/clock.ts'
import { Problem } from '../../shared/problem.ts'

/** What a list says of one credential copy. Token Status List §7.1. */
export type CredentialStatus = 'valid' | 'suspended' | 'revoked'

/** The values of the list. Token Status List §7.1: VALID, INVALID, SUSPENDED. */
export const STATUS_VALUES: Readonly<Record<CredentialStatus, number>> = {
  valid: 0,
  revoked: 1,
  suspended: 2,
}

/** Why a status changed, in classes that the regulator sees. A public list shows none of them. */
export type ReasonClass =
  | 'holder_request'
  | 'attribute_change'
  | 'document_expired'
  | 'superseded'
  | 'key_or_wallet_compromise'
  | 'fraud'
  | 'issuer_error'
  | 'deceased'
  | 'legal_order'
  | 'compliance'

/** The classes with the words that a holder may see. Those that could tell of an investigation share one neutral text. */
const REASON_TEXTS: Readonly<Record<ReasonClass, string>> = {
  holder_request: 'You asked for it.',
  attribute_change: 'Something the credential states has changed.',
  document_expired: 'The document behind the credential has expired.',
  superseded: 'A newer credential has replaced it.',
  key_or_wallet_compromise: 'Its key or its wallet may no longer be safe.',
  fraud: 'The issuer has withdrawn it.',
  issuer_error: 'The issuer made a mistake when issuing it.',
  deceased: 'The issuer has withdrawn it.',
  legal_order: 'The issuer has withdrawn it.',
  compliance: 'The issuer has withdrawn it.',
}

/** Every reason class, for schemas and usage texts. */
export const REASON_CLASSES: readonly ReasonClass[] = Object.keys(REASON_TEXTS) as ReasonClass[]

/** The words for the holder and nobody else. They never tell of a watchlist, an order or an investigation. */
export function reasonText(reasonClass: ReasonClass): string {
  return REASON_TEXTS[reasonClass]
}

/** Which statuses may follow which: nothing comes back from revoked. */
const TRANSITIONS: Readonly<Record<CredentialStatus, readonly CredentialStatus[]>> = {
  valid: ['suspended', 'revoked'],
  suspended: ['valid', 'revoked'],
  revoked: [],
}

/** @throws Problem `status_final` for what is revoked, `request_invalid` for a change to the same status */
export function checkTransition(from: CredentialStatus, to: CredentialStatus): void {
  if (TRANSITIONS[from].includes(to)) return
  if (from === 'revoked') throw new Problem('status_final', 'the credential is revoked')
  throw new Problem('request_invalid', `the credential is ${from} already`)
}

/** The name of a status value that our own lists hold. */
export function statusOf(value: number): CredentialStatus {
  if (value === STATUS_VALUES.valid) return 'valid'
  if (value === STATUS_VALUES.suspended) return 'suspended'
  if (value === STATUS_VALUES.revoked) return 'revoked'
  throw new RangeError('not a status value of our lists')
}

/** The database and what is published or was signed do not agree. Nothing was published; an operator must look. */
export class PublicationMismatch extends Error {
  override readonly name = 'PublicationMismatch'
}

/** Credentials of one class end at about the same time, so that a list of theirs is published no longer than it must. */
const LIFETIME_CLASSES: readonly (readonly [days: number, name: string])[] = [
  [7, 'week'],
  [31, 'month'],
  [92, 'quarter'],
  [366, 'year'],
]

/** The name of the {@link ListPool} for credentials that live this many seconds. */
export function lifetimeClass(seconds: number): string {
  return LIFETIME_CLASSES.find(([days]) => seconds <= days * 86_400)?.[1] ?? 'years'
}

/** Lists from which credentials of one tenant and lifetime class take their indexes. */
export interface ListPool {
  readonly name: string
  /** Entries of a new list. */
  readonly size: number
  /** Lists open at a time; copies of one batch stand on as many different ones. */
  readonly lanes: number
  /** Entries of a new list that belong to nobody. */
  readonly decoys?: number
}

/** A list as the database has it now, and the publication that came before. */
export interface ListDraft {
  readonly id: string
  readonly uri: string
  readonly bits: 2
  readonly size: number
  /** Entries given so far, those that belong to nobody among them. */
  readonly given: number
  /** What is not valid; every other entry is. */
  readonly entries: readonly { readonly idx: number; readonly value: number }[]
  /** The changes that this draft carries and the previous publication does not, oldest first. */
  readonly changes: readonly { readonly idx: number; readonly value: number }[]
  /** The last change in the draft, 0 when there is none. */
  readonly lastEvent: number
  readonly previous: Publication | undefined
}

/** A signed token that was archived and logged. */
export interface Publication {
  readonly list: string
  readonly uri: string
  readonly sequence: number
  /** The token byte for byte. */
  readonly token: string
  /** SHA-256 of the token, base64url. */
  readonly sha256: string
  readonly iat: NumericDate
  readonly exp: NumericDate
  readonly ttl: number
  /** Index of its leaf in the audit log. */
  readonly leaf: number
  /** Hash of its leaf, base64url. */
  readonly leafHash: string
}

/** What {@link StatusStore.record} makes durable. */
export interface NewPublication {
  readonly list: string
  readonly sequence: number
  readonly token: string
  readonly sha256: string
  readonly iat: NumericDate
  readonly exp: NumericDate
  readonly ttl: number
  readonly lastEvent: number
  /** How many changes it carries, so that one withdrawn meanwhile is noticed. */
  readonly carried: number
  readonly entry: AuditEntry
  /** The same list in CWT form. Token Status List §5.2. */
  readonly cwt?: Uint8Array
}

/** What a list answers over HTTP. */
export interface ServedToken {
  readonly token: string
  readonly gzip: Buffer
  readonly sha256: string
  readonly iat: NumericDate
  readonly exp: NumericDate
  readonly ttl: number
  readonly cwt: Buffer | null
  readonly cwtSha256: string | null
}

/** The lists of an issuer. Every method is one transaction. */
export interface StatusStore {
  /** Opens lists until the pool has its lanes with room in them, and retires full ones that nobody needs any more. */
  keepOpen(pool: ListPool, now: NumericDate): Promise<void>
  /** Lists that are still published: those a credential that has not expired may point to. */
  publishedLists(now: NumericDate): Promise<readonly string[]>
  /** One consistent view of a list for signing. */
  draft(list: string): Promise<ListDraft>
  /**
   * Archives a token, appends its leaf and marks the changes that it carries, all or nothing. It refuses what is not
   * the next sequence or has an earlier `iat`, so that of two publishers one wins and an older state never comes after.
   */
  record(publication: NewPublication): Promise<Publication>
  /** The newest publication of a list that a published checkpoint covers. */
  current(list: string): Promise<ServedToken | undefined>
  /** The publication that was current at `time`, if it was valid then. Token Status List §8.4. */
  at(list: string, time: NumericDate): Promise<ServedToken | undefined>
  /** An archived token by its digest, once a published checkpoint covers it. */
  bySha256(sha256: string): Promise<ServedToken | undefined>
  /** When the last credential on a list expires, 0 while it has none; `undefined` for an unknown list. */
  retainedUntil(list: string): Promise<NumericDate | undefined>
  /** URIs of the lists that are published, for aggregation. Token Status List §9. */
  uris(now: NumericDate): Promise<readonly string[]>
}
