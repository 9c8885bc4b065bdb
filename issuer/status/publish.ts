import { chunkRoot } from '../../shared/audit/chunk-proof.ts'
import type { AuditLog } from '../../shared/audit/log.ts'
import { herdOf, type StatusPublished } from '../../shared/audit/status-leaf.ts'
import type { NumericDate } from '../../shared/clock.ts'
import { sha256Base64url } from '../../shared/hash.ts'
import { parseJwt } from '../../shared/jose/jws.ts'
import { readStatus, statusListBytes, writeStatus } from '../../shared/status-list/bits.ts'
import { readStatusListClaims } from '../../shared/status-list/token.ts'
import {
  type ListDraft,
  type NewPublication,
  type Publication,
  PublicationMismatch,
  STATUS_VALUES,
  type StatusStore,
} from './status.ts'

/** What a token says of its list. Token Status List §5.1. */
export interface StatusClaims {
  readonly uri: string
  readonly bits: 2
  readonly list: Uint8Array
  readonly iat: NumericDate
  readonly exp: NumericDate
  readonly ttl: number
}

/** How often lists are published and how long a token may be used. */
export interface Cadence {
  /** Seconds between publications, changed or not; becomes `ttl`. */
  readonly intervalSeconds: number
  /** Seconds from `iat` to `exp`. */
  readonly validitySeconds: number
}

/** Every five minutes; a token may be used for an hour when no newer one can be had. */
export const DEFAULT_CADENCE: Cadence = { intervalSeconds: 300, validitySeconds: 3600 }

/** What {@link publishStatusLists} works with. */
export interface Publisher {
  readonly store: StatusStore
  readonly log: AuditLog
  readonly cadence: Cadence
  /** Signs a token with the key that verifiers trust for this list. */
  signToken(claims: StatusClaims): Promise<string>
  /** Signs the same claims in CWT form, for lists that are served in both. */
  signCwt?(claims: StatusClaims): Promise<Uint8Array>
  /** As {@link verifyToken}; needed with `signCwt`. */
  verifyCwt?(token: Uint8Array, expectedUri: string, now: NumericDate): Promise<Uint8Array>
  /** Verifies a token with the code a verifier uses and answers its uncompressed list; throws when it does not verify. */
  verifyToken(token: string, expectedUri: string, now: NumericDate): Promise<Uint8Array>
}

/**
 * Publishes every list: one view of the database, compared with the publication before and again with what was
 * signed; then token, archive and leaf in one transaction; then a checkpoint that covers them all. Only then does the
 * store serve them, so that nobody ever holds a token that is not in the log. Nothing is recorded for any list while
 * one does not agree.
 * @throws PublicationMismatch, and whatever signing or the store throws: what was published before stays served
 */
export async function publishStatusLists(
  publisher: Publisher,
  now: NumericDate,
  reason: StatusPublished['reason'] = 'scheduled',
): Promise<Publication[]> {
  const { store, log } = publisher
  const signed: NewPublication[] = []
  for (const list of await store.publishedLists(now)) {
    signed.push(await signList(publisher, await store.draft(list), { now, reason }))
  }
  const publications: Publication[] = []
  for (const publication of signed) publications.push(await store.record(publication))
  await log.publish(now)
  return publications
}

async function signList(
  publisher: Publisher,
  draft: ListDraft,
  { now, reason }: { readonly now: NumericDate; readonly reason: StatusPublished['reason'] },
): Promise<NewPublication> {
  const { cadence, signToken, verifyToken } = publisher
  const { id, uri, bits, size, previous, lastEvent } = draft
  if (previous !== undefined && now < previous.iat) {
    throw new PublicationMismatch('the clock is behind the last publication')
  }
  const list = composeList(draft)
  const [iat, exp, ttl] = [now, now + cadence.validitySeconds, cadence.intervalSeconds]
  const claims = { uri, bits, list, iat, exp, ttl }
  const token = await signToken(claims)
  if (Buffer.compare(await verifyToken(token, uri, now), list) !== 0) {
    throw new PublicationMismatch('the signed token does not hold the list')
  }
  const cwt = await signCwt(publisher, claims, now)
  const sequence = (previous?.sequence ?? 0) + 1
  const sha256 = sha256Base64url(token)
  const entry: StatusPublished = {
    type: 'status.published',
    at: now,
    list: uri,
    sequence,
    sha256,
    ...(cwt === undefined ? {} : { cwt_sha256: sha256Base64url(cwt) }),
    ...(previous === undefined ? {} : { previous: previous.leafHash }),
    iat,
    exp,
    ttl,
    bits,
    size,
    root: chunkRoot(list).toString('base64url'),
    herd: herdOf(draft.given),
    reason,
  }
  return {
    ...{ list: id, sequence, token, sha256, iat, exp, ttl, lastEvent, entry },
    carried: draft.changes.length,
    ...(cwt === undefined ? {} : { cwt }),
  }
}

async function signCwt(
  { signCwt, verifyCwt }: Publisher,
  claims: StatusClaims,
  now: NumericDate,
): Promise<Uint8Array | undefined> {
  const cwt = await signCwt?.(claims)
  if (cwt === undefined) return undefined
  const signed = await verifyCwt?.(cwt, claims.uri, now)
  if (signed === undefined || Buffer.compare(signed, claims.list) !== 0) {
    throw new PublicationMismatch('the signed CWT does not hold the list')
  }
  return cwt
}

/**
 * The bytes of a list, after showing that they are what was published before with exactly the changes since: a change
 * that was lost, a row that was altered and a revocation that would come back all stop the publication.
 * Token Status List §4.1.
 */
function composeList(draft: ListDraft): Uint8Array {
  const { bits } = draft
  const list = statusListBytes(draft.size, bits)
  for (const { idx, value } of draft.entries) writeStatus(list, { bits, idx, status: value })
  const expected = statusListBytes(draft.size, bits)
  if (draft.previous !== undefined) expected.set(publishedList(draft.previous, list.length))
  for (const { idx, value } of draft.changes) {
    if (readStatus(expected, bits, idx) === STATUS_VALUES.revoked) {
      throw new PublicationMismatch('a revoked entry would change')
    }
    writeStatus(expected, { bits, idx, status: value })
  }
  if (Buffer.compare(list, expected) !== 0) {
    throw new PublicationMismatch('the database is not the last publication with the changes since')
  }
  return list
}

/** The list of an archived token of our own, which was verified before it was archived. */
function publishedList({ token, uri }: Publication, length: number): Uint8Array {
  const { list } = readStatusListClaims(parseJwt(token, { maxLength: token.length }).payload, uri)
  if (list.length !== length) throw new PublicationMismatch('a list has changed its size')
  return list
}
