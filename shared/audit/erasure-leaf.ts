import { z } from 'zod'
import type { AuditEntry } from './entry.ts'

/** The leaf of an erasure: that somebody was erased, and when. docs/log.md. */
export interface SessionErased extends AuditEntry {
  readonly type: 'session.erased'
  /** To session, actor, reason and time, under a salt that only the receipt has. */
  readonly commitment: string
}

/** Reads a {@link SessionErased}. */
export const sessionErasedEntry: z.ZodType<SessionErased> = z.strictObject({
  type: z.literal('session.erased'),
  at: z.int(),
  commitment: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
}) as unknown as z.ZodType<SessionErased>
