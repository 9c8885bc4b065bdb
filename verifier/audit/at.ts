import { decodeEntry, parseLeaf } from '../../shared/audit/entry.ts'
import { type StatusPublished, statusPublishedEntry } from '../../shared/audit/status-leaf.ts'
import { type TrustListPublished, trustListPublishedEntry } from '../../shared/audit/trust-leaf.ts'
import type { NumericDate } from '../../shared/clock.ts'
import { readStatus } from '../../shared/status-list/bits.ts'
import type { TokenFacts } from './judge.ts'
import type { LogEntry } from './read-log.ts'

/** The question: what did `list` say of `idx` at `time`? */
export interface StatusQuestion {
  readonly list: string
  readonly idx: number
  readonly time: NumericDate
}

/** A leaf with the entry that it was read from. */
export interface Placed<Leaf> {
  readonly leaf: Leaf
  readonly entry: LogEntry
}

/** The leaves that decide a question. */
export interface DecidingLeaves {
  /** The publication that was current at the time. */
  readonly published: Placed<StatusPublished>
  /** The next publication of the list, which bounds how long it was current; none when it is the newest. */
  readonly successor: Placed<StatusPublished> | undefined
  /** The trust list that was in force when the token was logged; none among leaves that do not hold it. */
  readonly trustList: Placed<TrustListPublished> | undefined
}

/** The names of the values that Token Status List §7.1 registers. */
const STATUS_NAMES = ['valid', 'revoked', 'suspended'] as const

/** Finds the leaves that decide a question; `undefined` when the list said nothing at that time. */
export function findLeaves(
  entries: readonly LogEntry[],
  { list, time }: Omit<StatusQuestion, 'idx'>,
): DecidingLeaves | undefined {
  let found: Omit<DecidingLeaves, 'successor'> | undefined
  let trustList: Placed<TrustListPublished> | undefined
  for (const entry of entries) {
    const value = decodeEntry(entry.bytes)
    if (value.type === 'trust-list.published') {
      trustList = { leaf: parseLeaf(trustListPublishedEntry, value), entry }
    }
    if (value.type !== 'status.published') continue
    const leaf = parseLeaf(statusPublishedEntry, value)
    if (leaf.list !== list) continue
    if (leaf.iat > time) return decided(found, { leaf, entry }, time)
    found = { published: { leaf, entry }, trustList }
  }
  return decided(found, undefined, time)
}

function decided(
  found: Omit<DecidingLeaves, 'successor'> | undefined,
  successor: Placed<StatusPublished> | undefined,
  time: NumericDate,
): DecidingLeaves | undefined {
  return found !== undefined && time <= found.published.leaf.exp
    ? { ...found, successor }
    : undefined
}

/** The word for what a verified list says of an index; `undefined` when the index lies outside of it. */
export function statusName({ list, bits }: TokenFacts, idx: number): string | undefined {
  const value = readStatus(list, bits, idx)
  return value === undefined ? undefined : nameOfStatus(value)
}

/** The word for a value of a list. Token Status List §7.1. */
export function nameOfStatus(value: number): string {
  return STATUS_NAMES[value] ?? `application-specific-${value}`
}
