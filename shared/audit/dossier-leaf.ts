import { z } from 'zod'
import type { AuditEntry } from './entry.ts'

/** Who may open a dossier, in classes. */
export type DossierReader = 'reviewer'

/** Why, in classes that tell of nobody: `referral` is a session that waits for a person, `follow_up` anything after. */
export type DossierReason = 'referral' | 'follow_up'

/** The leaf of one reading of a person's file. docs/log.md. */
export interface DossierOpened extends AuditEntry {
  readonly type: 'dossier.opened'
  readonly reader: DossierReader
  readonly reason: DossierReason
  /** To the session, who read it and when, under a salt from the person's key. */
  readonly commitment: string
}

/** Reads a {@link DossierOpened}. */
export const dossierOpenedEntry: z.ZodType<DossierOpened> = z.strictObject({
  type: z.literal('dossier.opened'),
  at: z.int(),
  reader: z.literal('reviewer'),
  reason: z.enum(['referral', 'follow_up']),
  commitment: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
}) as unknown as z.ZodType<DossierOpened>
