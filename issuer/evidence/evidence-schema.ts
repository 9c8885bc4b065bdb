import { z } from 'zod'
import { type Evidence, NOT_ASSURED, WARNING_CODES, type WarningCode } from './evidence.ts'

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

const fieldSchema = z.strictObject({
  value: z.string(),
  source: z.enum(['mrz', 'viz', 'barcode', 'chip']),
  confidence: z.number(),
})

const warningCode: z.ZodType<WarningCode> = z.enum(WARNING_CODES)

/** Evidence as it comes back from a store: read again like anything from outside. */
export const evidenceSchema: z.ZodType<Evidence> = z.strictObject({
  pipeline: z.string(),
  collectedAt: z.number().int(),
  models: z.array(z.strictObject({ id: z.string(), sha256: z.string() })),
  document: z.strictObject({
    type: z.enum(['TD1', 'TD2', 'TD3', 'MRVA', 'MRVB']),
    reading: z.enum(['ok', 'uncertain']),
    repaired: z.boolean(),
    fields: z.strictObject({
      family_name: fieldSchema.optional(),
      given_name: fieldSchema.optional(),
      birthdate: fieldSchema.optional(),
      sex: fieldSchema.optional(),
      nationality: fieldSchema.optional(),
      document_number: fieldSchema.optional(),
      issuing_country: fieldSchema.optional(),
      date_of_expiry: fieldSchema.optional(),
      personal_administrative_number: fieldSchema.optional(),
    }) as z.ZodType<Evidence['document']['fields']>,
    checkDigits: z.array(
      z.strictObject({
        field: z.enum([
          'document_number',
          'birth_date',
          'expiry_date',
          'optional_data',
          'composite',
        ]),
        valid: z.boolean(),
      }),
    ),
    printedZone: z
      .partialRecord(z.enum(COMPARED), z.enum(['agrees', 'differs', 'not_found']))
      .optional() as z.ZodType<Evidence['document']['printedZone']>,
  }) as z.ZodType<Evidence['document']>,
  faceMatch: scoreSchema,
  liveness: scoreSchema,
  warnings: z.array(
    z.strictObject({
      code: warningCode,
      feature: z.enum(['document', 'face', 'liveness']),
      detail: z.array(z.string()).optional() as z.ZodType<readonly string[]>,
    }),
  ) as z.ZodType<Evidence['warnings']>,
  notAssured: z.array(z.enum(NOT_ASSURED)),
})
