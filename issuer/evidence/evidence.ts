import type { NumericDate } from '../../shared/clock.ts'

/** A model that took part, by manifest id and by the SHA-256 of the file that ran. */
export interface ModelReference {
  readonly id: string
  readonly sha256: string
}

/**
 * A number that a model gave, with what is needed to read it again later: at or above `threshold` it speaks for the
 * applicant, from `review` up to `threshold` a person looks, below `review` it speaks against.
 */
export interface Score {
  readonly value: number
  readonly threshold: number
  readonly review: number
  readonly models: readonly string[]
  /** Whether error rates were measured on named data (`docs/accuracy.md`); `not_assured` may refer, never pass or reject. */
  readonly assurance: 'measured' | 'not_assured'
}

/** A field of the document as it was read. `confidence` is 0 to 1. */
export interface Field {
  readonly value: string
  readonly source: 'mrz' | 'viz' | 'barcode' | 'chip'
  readonly confidence: number
}

/** One check digit of a machine-readable zone. ICAO 9303-3 §4.9. */
export interface CheckDigit {
  readonly field: 'document_number' | 'birth_date' | 'expiry_date' | 'optional_data' | 'composite'
  readonly valid: boolean
}

/** Something about the evidence that decisions depend on. Codes are stable: `docs/evidence-codes.md`. */
export interface Warning {
  readonly code: WarningCode
  readonly feature: 'document' | 'face' | 'liveness'
  /** What exactly, in the words of `docs/evidence-codes.md`: fields that differ, faults of a picture. */
  readonly detail?: readonly string[]
}

export const WARNING_CODES = [
  'mrz_check_digit_wrong',
  'mrz_uncertain',
  'mrz_repaired',
  'zones_differ',
  'document_expired',
  'document_type_not_accepted',
  'document_date_impossible',
  'country_unknown',
  'portrait_quality_low',
  'selfie_quality_low',
  'face_match_low',
  'face_match_review',
  'liveness_low',
  'liveness_review',
  'duplicate_suspected',
] as const

export type WarningCode = (typeof WARNING_CODES)[number]

/** The names of document fields: PID names where there is one. */
export type FieldName =
  | 'family_name'
  | 'given_name'
  | 'birthdate'
  | 'sex'
  | 'nationality'
  | 'document_number'
  | 'issuing_country'
  | 'date_of_expiry'
  | 'personal_administrative_number'

/** What was read from the identity document. Dates are YYYY-MM-DD; countries are ICAO 9303-3 codes. */
export interface DocumentEvidence {
  readonly type: 'TD1' | 'TD2' | 'TD3' | 'MRVA' | 'MRVB'
  /** `ok` only where two readings agree; check digits alone prove nothing. */
  readonly reading: 'ok' | 'uncertain'
  readonly repaired: boolean
  readonly fields: Readonly<Partial<Record<FieldName, Field>>>
  readonly checkDigits: readonly CheckDigit[]
  /** What the printed zone says of each field that it shows as well: a label that names another value is `differs`. */
  readonly printedZone?: Readonly<Partial<Record<FieldName, 'agrees' | 'differs' | 'not_found'>>>
}

/** What no measurement of ours covers, so that no score speaks for it. `docs/accuracy.md` says why. */
export const NOT_ASSURED = [
  'demographic_groups',
  'document_authenticity',
  'portrait_replaced',
  'text_edited',
  'liveness_mask',
  'liveness_deepfake',
  'liveness_injected_stream',
] as const

export type NotAssured = (typeof NOT_ASSURED)[number]

/**
 * What one proofing session showed: fields, scores, warnings and the models by digest, never an image or a template.
 * It holds all that {@link decide} depends on, so a stored one replays to the same decision.
 */
export interface Evidence {
  readonly pipeline: string
  readonly collectedAt: NumericDate
  readonly models: readonly ModelReference[]
  readonly document: DocumentEvidence
  /** Document portrait against selfie. */
  readonly faceMatch: Score
  /** Presentation attack detection on the selfie, one still. */
  readonly liveness: Score
  readonly warnings: readonly Warning[]
  /** What this evidence says nothing of. */
  readonly notAssured: readonly NotAssured[]
}
