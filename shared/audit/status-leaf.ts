import { z } from 'zod'
import type { NumericDate } from '../clock.ts'
import type { StatusBits } from '../status-list/bits.ts'
import type { AuditEntry } from './entry.ts'

const digest = z.string().regex(/^[A-Za-z0-9_-]{43}$/)

/** The leaf of a published status list token. docs/log.md. */
export const statusPublishedEntry: z.ZodType<StatusPublished> = z.strictObject({
  type: z.literal('status.published'),
  at: z.int(),
  list: z.url(),
  sequence: z.int().positive(),
  sha256: digest,
  cwt_sha256: digest.optional(),
  previous: digest.optional(),
  iat: z.int(),
  exp: z.int(),
  ttl: z.int().positive(),
  bits: z.literal([1, 2, 4, 8]),
  size: z.int().positive(),
  root: digest,
  herd: z.literal([0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8]).optional(),
  reason: z.enum(['scheduled', 'emergency']),
}) as unknown as z.ZodType<StatusPublished>

/** See {@link statusPublishedEntry}. */
export interface StatusPublished extends AuditEntry {
  readonly type: 'status.published'
  /** The list's URI. */
  readonly list: string
  /** 1 for the first publication of the list, then one more each time. */
  readonly sequence: number
  /** SHA-256 of the token as served, base64url. */
  readonly sha256: string
  /** The same of the token in CWT form, where there is one. */
  readonly cwt_sha256?: string
  readonly iat: NumericDate
  readonly exp: NumericDate
  readonly ttl: number
  readonly bits: StatusBits
  /** Entries of the list. */
  readonly size: number
  /** `chunkRoot` of the uncompressed list, base64url. */
  readonly root: string
  /** See {@link herdOf}; absent from leaves of earlier versions. */
  readonly herd?: number
  readonly reason: 'scheduled' | 'emergency'
}

/**
 * How large the crowd on a list is at least: the largest power of ten that is not above the number of entries given so
 * far, 0 below ten. It says when a crowd is too small to hide in and nothing of any smaller group.
 */
export function herdOf(given: number): number {
  return given < 10 ? 0 : 10 ** (String(Math.floor(given)).length - 1)
}

/**
 * Whether a log of this origin may speak of this list: both are at one host. Otherwise the log of one issuer could show
 * an old token of another as its newest. docs/log.md.
 */
export function isListOf(origin: string, list: string): boolean {
  return URL.canParse(list) && `${new URL(list).host}/log` === origin
}

/** The leaf of a list that is not published any more: it is full and its last credential has expired. docs/log.md. */
export const statusRetiredEntry: z.ZodType<StatusRetired> = z.strictObject({
  type: z.literal('status.retired'),
  at: z.int(),
  list: z.url(),
}) as unknown as z.ZodType<StatusRetired>

/** See {@link statusRetiredEntry}. */
export interface StatusRetired extends AuditEntry {
  readonly type: 'status.retired'
  readonly list: string
}
