import { z } from 'zod'
import type { Decision } from '../decision/decide.ts'
import { DECISION_CODES, type DecisionCode } from '../decision/workflow.ts'
import type { Screening } from '../screening/screen.ts'

const decisionCode: z.ZodType<DecisionCode> = z.enum([...DECISION_CODES] as [
  DecisionCode,
  ...DecisionCode[],
])

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
