import { z } from 'zod'
import type { Decision } from '../decision/decide.ts'
import { DECISION_CODES, type DecisionCode } from '../decision/workflow.ts'
import { type Evidence, WARNING_CODES, type WarningCode } from '../evidence/evidence.ts'
import type { Screening } from '../screening/screen.ts'

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
const decisionCode: z.ZodType<DecisionCode> = z.enum([...DECISION_CODES] as [
  DecisionCode,
  ...DecisionCode[],
])

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
  }),
  faceMatch: scoreSchema,
  liveness: scoreSchema,
  warnings: z.array(
    z.strictObject({ code: warningCode, feature: z.enum(['document', 'face', 'liveness']) }),
  ),
})

const featureSchema = z.enum(['name', 'birthdate', 'nationality'])

/** Screening as it comes back from a store. */
export const screeningSchema: z.ZodType<Screening> = z.strictObject({
  algorithm: z.string(),
  screenedAt: z.number().int(),
  threshold: z.number(),
  lists: z.array(
    z.strictObject({
      id: z.string(),
      version: z.string(),
      sha256: z.string(),
      entries: z.number().int(),
    }),
  ),
  compared: z.array(featureSchema),
  hits: z.array(
    z.strictObject({
      list: z.string(),
      entry: z.string(),
      programme: z.string(),
      score: z.number(),
      features: z.array(
        z.strictObject({
          feature: featureSchema,
          score: z.number(),
          subject: z.string(),
          listed: z.string(),
        }),
      ),
    }),
  ),
})

/** A decision as it comes back from a store. */
export const decisionSchema: z.ZodType<Decision> = z.strictObject({
  outcome: z.enum(['approve', 'refer', 'reject']),
  codes: z.array(decisionCode),
  workflow: z.strictObject({
    id: z.string(),
    version: z.number().int(),
    sha256: z.string(),
  }),
  decidedAt: z.number().int(),
})
