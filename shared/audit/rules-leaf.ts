import { z } from 'zod'
import type { AuditEntry } from './entry.ts'

const digest = z.string().regex(/^[A-Za-z0-9_-]{43}$/)

/** The leaf of a workflow version that decisions follow from here on. docs/log.md. */
export interface WorkflowAdopted extends AuditEntry {
  readonly type: 'workflow.adopted'
  readonly id: string
  readonly version: number
  /** SHA-256 of the workflow in canonical JSON, base64url. */
  readonly sha256: string
}

/** Reads a {@link WorkflowAdopted}. */
export const workflowAdoptedEntry: z.ZodType<WorkflowAdopted> = z.strictObject({
  type: z.literal('workflow.adopted'),
  at: z.int(),
  id: z.string().min(1).max(128),
  version: z.int().positive(),
  sha256: digest,
}) as unknown as z.ZodType<WorkflowAdopted>

/**
 * The leaf of a rulebook that is in force from here on: which watchlists and which evidence pipeline, in which
 * versions. It commits to them and names none, because a list that is named beside a revocation would tell why.
 * docs/log.md.
 */
export interface RulebookAdopted extends AuditEntry {
  readonly type: 'rulebook.adopted'
  readonly commitment: string
}

/** Reads a {@link RulebookAdopted}. */
export const rulebookAdoptedEntry: z.ZodType<RulebookAdopted> = z.strictObject({
  type: z.literal('rulebook.adopted'),
  at: z.int(),
  commitment: digest,
}) as unknown as z.ZodType<RulebookAdopted>
