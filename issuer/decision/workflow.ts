import { z } from 'zod'
import {
  DOCUMENT_TYPES,
  type DocumentType,
  FIELD_NAMES,
  type FieldName,
  SIGN_NAMES,
  WARNING_CODES,
  type WarningCode,
} from '../evidence/evidence.ts'

/** Codes that {@link decide} adds to those of the evidence. Stable: docs/issuer.md. */
const OWN_CODES = [
  'field_missing',
  'reading_uncertain',
  'screening_hit',
  'screening_impossible',
] as const

export type DecisionCode = WarningCode | (typeof OWN_CODES)[number]
export type Severity = 'reject' | 'refer' | 'note'

/** Every code that a decision can carry. */
export const DECISION_CODES: readonly DecisionCode[] = [...WARNING_CODES, ...OWN_CODES]

/**
 * Codes that come of a score or a likeness, or of a name that is longer than its field. "Nobody is refused by a score
 * alone": a workflow can have a person look, or note them, and cannot refuse for them.
 */
export const SCORE_CODES: readonly DecisionCode[] = [
  'face_match_low',
  'face_match_review',
  'liveness_low',
  'liveness_review',
  'portrait_quality_low',
  'selfie_quality_low',
  'mrz_name_truncated',
  'zones_differ',
  'print_uncertain',
  'barcode_differs',
  'sides_differ',
  'sides_not_linked',
  'duplicate_suspected',
  'face_on_blocklist',
  'clip_frames_repeated',
  'clip_person_differs',
  'clip_without_motion',
  'clip_liveness_low',
  'document_seen_with_other_data',
  'portrait_seen_with_other_data',
  'screening_hit',
  ...SIGN_NAMES.map((name) => `${name}_suspected` as const),
]

/** Codes that come of what is not measured on real attempts: {@link decide} never rejects for one. */
export const NOT_ASSURED_CODES: readonly DecisionCode[] = [
  ...SIGN_NAMES.map((name) => `${name}_suspected` as const),
  'duplicate_suspected',
  'face_on_blocklist',
]

/**
 * What a workflow says, one immutable version of it. Every code has a severity, so that a new kind of warning cannot
 * pass unnoticed; what a workflow may not do, its schema does not let it say.
 */
export interface Workflow {
  readonly id: string
  readonly version: number
  readonly documentTypes: readonly DocumentType[]
  /** Fields without which no credential can be made. */
  readonly requiredFields: readonly FieldName[]
  readonly severities: Readonly<Record<DecisionCode, Severity>>
  readonly screening: { readonly threshold: number }
  readonly credential: {
    /** Technical validity in whole days, never beyond the document's. */
    readonly validDays: number
  }
}

/** How a session names the version that it began with and ends under. */
export interface WorkflowReference {
  readonly id: string
  readonly version: number
  readonly sha256: string
}

const severitySchema = z.strictObject(
  Object.fromEntries(
    DECISION_CODES.map((code) => [
      code,
      SCORE_CODES.includes(code) ? z.enum(['refer', 'note']) : z.enum(['reject', 'refer', 'note']),
    ]),
  ),
) as unknown as z.ZodType<Workflow['severities']>

export const workflowSchema: z.ZodType<Workflow> = z.strictObject({
  id: z.string().min(1).max(128),
  version: z.number().int().positive(),
  documentTypes: z.array(z.enum(DOCUMENT_TYPES)).min(1),
  requiredFields: z.array(z.enum(FIELD_NAMES)).min(1),
  severities: severitySchema,
  screening: z.strictObject({ threshold: z.number().min(0.5).max(1) }),
  credential: z.strictObject({ validDays: z.number().int().min(1).max(366) }),
})
