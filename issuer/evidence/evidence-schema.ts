import { z } from 'zod'
import {
  COMPARISON_REASONS,
  DOCUMENT_TYPES,
  type DrivingCategory,
  type Evidence,
  type FaceSearch,
  FIELD_NAMES,
  type FieldComparison,
  NOT_ASSURED,
  SIGN_NAMES,
  type Sign,
  WARNING_CODES,
  type WarningCode,
} from './evidence.ts'

const COMPARED = [
  'family_name',
  'given_name',
  'document_number',
  'birthdate',
  'date_of_expiry',
  'issuing_country',
] as const

const scoreSchema = z.strictObject({
  value: z.number(),
  threshold: z.number(),
  review: z.number(),
  models: z.array(z.string()),
  assurance: z.enum(['measured', 'not_assured']),
})

const side = z.enum(['front', 'back'])
const source = z.enum(['mrz', 'viz', 'barcode', 'chip'])
const region = z.strictObject({
  side,
  corners: z.array(z.tuple([z.number(), z.number()])).length(4),
})

const fieldSchema = z.strictObject({
  value: z.string(),
  source,
  confidence: z.number(),
  region: region.exactOptional(),
  alternatives: z.array(z.string()).exactOptional(),
})

export const comparisonSchema: z.ZodType<FieldComparison> = z.strictObject({
  field: z.enum(FIELD_NAMES),
  sources: z.tuple([source, source]),
  result: z.enum(['agrees', 'differs', 'not_found']),
  reason: z.enum(COMPARISON_REASONS).exactOptional(),
})

export const categorySchema: z.ZodType<DrivingCategory> = z.strictObject({
  code: z.string(),
  issued: z.string().exactOptional(),
  expires: z.string().exactOptional(),
  codes: z.string().exactOptional(),
  confidence: z.number(),
  region: region.exactOptional(),
})

export const signSchema: z.ZodType<Sign> = z.strictObject({
  name: z.enum(SIGN_NAMES),
  side,
  value: z.number(),
  limit: z.number(),
  assurance: z.literal('not_assured'),
})

export const faceSearchSchema: z.ZodType<FaceSearch> = z.strictObject({
  model: z.strictObject({ id: z.string(), sha256: z.string() }),
  threshold: z.number(),
  compared: z.int(),
  hits: z.array(
    z.strictObject({
      list: z.enum(['seen', 'blocklist']),
      id: z.string(),
      value: z.number(),
      sameData: z.boolean(),
    }),
  ),
  assurance: z.literal('not_assured'),
})

const warningCode: z.ZodType<WarningCode> = z.enum(WARNING_CODES)

/** Evidence as it comes back from a store: read again like anything from outside. */
/** Whether one check digit of the zone is right. ICAO 9303-3 §4.9. */
export const checkDigitSchema: z.ZodType<Evidence['document']['checkDigits'][number]> =
  z.strictObject({
    field: z.enum(['document_number', 'birth_date', 'expiry_date', 'optional_data', 'composite']),
    valid: z.boolean(),
  })

export const evidenceSchema: z.ZodType<Evidence> = z.strictObject({
  pipeline: z.string(),
  collectedAt: z.number().int(),
  models: z.array(z.strictObject({ id: z.string(), sha256: z.string() })),
  document: z.strictObject({
    type: z.enum(DOCUMENT_TYPES),
    reading: z.enum(['ok', 'uncertain']),
    repaired: z.boolean(),
    fields: z.partialRecord(z.enum(FIELD_NAMES), fieldSchema) as z.ZodType<
      Evidence['document']['fields']
    >,
    checkDigits: z.array(checkDigitSchema),
    printedZone: z
      .partialRecord(z.enum(COMPARED), z.enum(['agrees', 'differs', 'not_found']))
      .optional() as z.ZodType<Evidence['document']['printedZone']>,
    comparisons: z.array(comparisonSchema).optional(),
    categories: z.array(categorySchema).optional(),
    signs: z.array(signSchema).optional(),
  }) as z.ZodType<Evidence['document']>,
  faceMatch: scoreSchema,
  liveness: scoreSchema,
  clip: z
    .strictObject({
      frames: z.number().int(),
      liveness: scoreSchema,
      likeness: scoreSchema,
      repeated: z.number().int(),
      motion: scoreSchema,
    })
    .optional() as z.ZodType<Evidence['clip']>,
  faceSearch: faceSearchSchema.optional() as z.ZodType<Evidence['faceSearch']>,
  warnings: z.array(
    z.strictObject({
      code: warningCode,
      feature: z.enum(['document', 'face', 'liveness']),
      detail: z.array(z.string()).optional() as z.ZodType<readonly string[]>,
    }),
  ) as z.ZodType<Evidence['warnings']>,
  notAssured: z.array(z.enum(NOT_ASSURED)),
})
