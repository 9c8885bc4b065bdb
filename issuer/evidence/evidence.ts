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

/** One of the two pictures of a document. A page with one side is a front. */
export type DocumentSideName = 'front' | 'back'

/** Where something stands: the corners of its line, in parts of the width and height of the picture of that side. */
export interface Region {
  readonly side: DocumentSideName
  /** Clockwise from the upper left of the text. */
  readonly corners: readonly (readonly [x: number, y: number])[]
}

export type FieldSource = 'mrz' | 'viz' | 'barcode' | 'chip'

/** A field of the document as it was read. `confidence` is 0 to 1. */
export interface Field {
  readonly value: string
  readonly source: FieldSource
  readonly confidence: number
  readonly region?: Region
  /** What else the recogniser left open, likeliest first. */
  readonly alternatives?: readonly string[]
}

/** Why two sources of a field do not show the same. `docs/evidence-codes.md` says each in words. */
export const COMPARISON_REASONS = [
  'other_value',
  'other_date',
  'one_character',
  'cut_off',
  'check_digit_wrong',
  'not_printed',
  'not_encoded',
] as const

export type ComparisonReason = (typeof COMPARISON_REASONS)[number]

/** One field in two sources: the printed zone against what a machine reads. */
export interface FieldComparison {
  readonly field: FieldName
  readonly sources: readonly [FieldSource, FieldSource]
  readonly result: 'agrees' | 'differs' | 'not_found'
  /** Present unless both agree. */
  readonly reason?: ComparisonReason
}

/** A category of vehicles that a licence is for: field 9 with the dates of fields 10 and 11. Directive 2006/126/EC. */
export interface DrivingCategory {
  readonly code: string
  readonly issued?: string
  readonly expires?: string
  /** Union and national codes of field 12. */
  readonly codes?: string
  readonly confidence: number
  readonly region?: Region
}

/** What may speak against a document's being genuine, or being the document itself. */
export const SIGN_NAMES = [
  'screen_recapture',
  'printed_copy',
  'portrait_replaced',
  'text_edited',
  'layout_inconsistent',
] as const

export type SignName = (typeof SIGN_NAMES)[number]

/**
 * A sign of fraud: from `limit` on it is so strong that a person looks. None is measured on real forgeries, so each is
 * `not_assured`: its warning can refer and does nothing else, and its absence speaks for nobody.
 */
export interface Sign {
  readonly name: SignName
  readonly side: DocumentSideName
  readonly value: number
  readonly limit: number
  readonly assurance: 'not_assured'
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
  'mrz_name_truncated',
  'mrz_repaired',
  'zones_differ',
  'document_expired',
  'document_type_not_accepted',
  'document_date_impossible',
  'country_unknown',
  'print_uncertain',
  'barcode_differs',
  'document_side_missing',
  'sides_differ',
  'sides_not_linked',
  'driving_rule_broken',
  'screen_recapture_suspected',
  'printed_copy_suspected',
  'portrait_replaced_suspected',
  'text_edited_suspected',
  'layout_inconsistent_suspected',
  'document_seen_with_other_data',
  'portrait_seen_with_other_data',
  'portrait_quality_low',
  'selfie_quality_low',
  'face_match_low',
  'face_match_review',
  'liveness_low',
  'liveness_review',
  'duplicate_suspected',
  'face_on_blocklist',
  'clip_frames_repeated',
  'clip_person_differs',
  'clip_without_motion',
  'clip_liveness_low',
] as const

export type WarningCode = (typeof WARNING_CODES)[number]

/** The names of document fields: PID names where there is one. */
export const FIELD_NAMES = [
  'family_name',
  'given_name',
  'birthdate',
  'sex',
  'nationality',
  'document_number',
  'issuing_country',
  'date_of_expiry',
  'personal_administrative_number',
  'place_of_birth',
  'date_of_issue',
  'issuing_authority',
  'resident_address',
] as const

export type FieldName = (typeof FIELD_NAMES)[number]

/**
 * Kinds of document: by the format of the machine-readable zone (ICAO 9303), the driving licence of Directive
 * 2006/126/EC, and by barcode the driving licence and identity card of AAMVA.
 */
export const DOCUMENT_TYPES = [
  'TD1',
  'TD2',
  'TD3',
  'MRVA',
  'MRVB',
  'EU_DL',
  'AAMVA_DL',
  'AAMVA_ID',
] as const

export type DocumentType = (typeof DOCUMENT_TYPES)[number]

/** What was read from the identity document. Dates are YYYY-MM-DD; countries are ICAO 9303-3 codes. */
export interface DocumentEvidence {
  readonly type: DocumentType
  /** `ok` only where two readings agree; check digits alone prove nothing. */
  readonly reading: 'ok' | 'uncertain'
  readonly repaired: boolean
  readonly fields: Readonly<Partial<Record<FieldName, Field>>>
  readonly checkDigits: readonly CheckDigit[]
  /** What the printed zone says of each field that it shows as well: a label that names another value is `differs`. */
  readonly printedZone?: Readonly<Partial<Record<FieldName, 'agrees' | 'differs' | 'not_found'>>>
  /** Every field that two sources show, and why they differ where they do. */
  readonly comparisons?: readonly FieldComparison[]
  /** What a driving licence is for. */
  readonly categories?: readonly DrivingCategory[]
  readonly signs?: readonly Sign[]
}

/** A short clip as frames. No clips of attacks are at hand, so its scores are `not_assured`: they can have a person look. */
export interface ClipEvidence {
  readonly frames: number
  /** Passive liveness, mean of the frames. */
  readonly liveness: Score
  /** The selfie against the frame that is least like it. */
  readonly likeness: Score
  /** Frames that show what an earlier one shows. */
  readonly repeated: number
  /** How much the face moves within itself, in distances between the eyes. */
  readonly motion: Score
}

/** A kept face that is alike: of a session, or of the blocklist under the name that an operator gave. */
export interface FaceHit {
  readonly list: 'seen' | 'blocklist'
  readonly id: string
  /** Cosine of the two templates, -1 to 1. */
  readonly value: number
  /** Whether the document of that session showed the same name and date of birth: somebody who comes again as themselves. */
  readonly sameData: boolean
}

/** A search 1:N among the faces that this issuer keeps for it. Reviewers see it, nobody else. */
export interface FaceSearch {
  readonly model: ModelReference
  /** From this value on a person looks. No rate is measured among so many, so it is `not_assured`. */
  readonly threshold: number
  /** With how many faces it was compared; the more, the likelier is a stranger who is alike. */
  readonly compared: number
  /** Most alike first, at most ten. */
  readonly hits: readonly FaceHit[]
  readonly assurance: 'not_assured'
}

/** What no measurement of ours covers, so that no score speaks for it. `docs/accuracy.md` says why. */
export const NOT_ASSURED = [
  'demographic_groups',
  'document_authenticity',
  'portrait_replaced',
  'text_edited',
  'document_recaptured',
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
  /** Present where a clip was taken beside the selfie. */
  readonly clip?: ClipEvidence | undefined
  /** Present where the issuer keeps faces for searching. */
  readonly faceSearch?: FaceSearch | undefined
  readonly warnings: readonly Warning[]
  /** What this evidence says nothing of. */
  readonly notAssured: readonly NotAssured[]
}
