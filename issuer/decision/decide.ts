import { type NumericDate, startOfDate } from '../../shared/clock.ts'
import type { Evidence, Score } from '../evidence/evidence.ts'
import type { Screening } from '../screening/screen.ts'
import {
  type DecisionCode,
  NOT_ASSURED_CODES,
  type Severity,
  type Workflow,
  type WorkflowReference,
} from './workflow.ts'

/** What was decided, by which version of the workflow, and why: every code that weighed, in a fixed order. */
export interface Decision {
  readonly outcome: 'approve' | 'refer' | 'reject'
  readonly codes: readonly DecisionCode[]
  readonly workflow: WorkflowReference
  readonly decidedAt: NumericDate
}

/**
 * Decides from evidence and screening alone: the same inputs give the same decision. What the workflow rejects for
 * outweighs what it refers for; a score and a likeness can only refer, and so can what is not
 * assured, whatever a workflow says.
 */
export function decide(
  evidence: Evidence,
  screening: Screening,
  { workflow, reference }: { readonly workflow: Workflow; readonly reference: WorkflowReference },
  now: NumericDate,
): Decision {
  const found = codesOf(evidence, screening, workflow, now)
  const rejecting = [...found].filter((code) => severityOf(code, workflow) === 'reject')
  const referring = [...found].filter((code) => severityOf(code, workflow) === 'refer')
  const base = { codes: [...rejecting, ...referring].sort(), workflow: reference, decidedAt: now }
  if (rejecting.length > 0) return { outcome: 'reject', ...base }
  if (referring.length > 0) return { outcome: 'refer', ...base }
  return { outcome: 'approve', ...base }
}

/** What a code leads to under a workflow: what is not assured never rejects, whatever it says. */
export function severityOf(code: DecisionCode, { severities }: Workflow): Severity {
  const severity = severities[code]
  return severity === 'reject' && NOT_ASSURED_CODES.includes(code) ? 'refer' : severity
}

/** The pipeline's warnings, and what follows from fields and scores even where it did not warn. */
function codesOf(
  evidence: Evidence,
  screening: Screening,
  workflow: Workflow,
  now: NumericDate,
): Set<DecisionCode> {
  const { document, faceMatch, liveness, warnings, faceSearch } = evidence
  const codes = new Set<DecisionCode>(warnings.map(({ code }) => code))
  const add = (code: DecisionCode, applies: boolean) => {
    if (applies) codes.add(code)
  }
  add('document_type_not_accepted', !workflow.documentTypes.includes(document.type))
  add(
    'field_missing',
    workflow.requiredFields.some((name) => (document.fields[name]?.value ?? '') === ''),
  )
  add(
    'mrz_check_digit_wrong',
    document.checkDigits.some(({ valid }) => !valid),
  )
  add('mrz_repaired', document.repaired)
  add('reading_uncertain', document.reading !== 'ok')
  add('document_expired', isPast(document.fields.date_of_expiry?.value, now))
  for (const { name, value, limit } of document.signs ?? []) {
    add(`${name}_suspected`, !(value < limit))
  }
  for (const { list, sameData } of faceSearch?.hits ?? []) add(FACE_CODES[list], !sameData)
  addScore(codes, faceMatch, 'face_match_low', 'face_match_review')
  addScore(codes, liveness, 'liveness_low', 'liveness_review')
  add('screening_impossible', !screening.compared.includes('name') || screening.lists.length === 0)
  add('screening_hit', screening.hits.length > 0)
  return codes
}

/** What a face on a list gives. */
const FACE_CODES = { seen: 'duplicate_suspected', blocklist: 'face_on_blocklist' } as const

/** A score that is no number speaks for nobody. */
function addScore(
  codes: Set<DecisionCode>,
  { value, threshold, review }: Score,
  low: DecisionCode,
  close: DecisionCode,
): void {
  if (value >= threshold) return
  codes.add(value >= review ? close : low)
}

/** A document is good to the end of its last day, wherever on Earth that ends last (UTC−12). */
function isPast(date: string | undefined, now: NumericDate): boolean {
  if (date === undefined) return false
  const lastDay = startOfDate(date)
  return lastDay === undefined || now >= lastDay + 36 * 3600
}
