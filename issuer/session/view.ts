import { z } from 'zod'
import type { NumericDate } from '../../shared/clock.ts'
import { type Decision, severityOf } from '../decision/decide.ts'
import type { Review } from '../decision/review.ts'
import type {
  CheckDigit,
  DrivingCategory,
  FaceSearch,
  FieldComparison,
  ModelReference,
  Score,
  Sign,
} from '../evidence/evidence.ts'
import {
  categorySchema,
  checkDigitSchema,
  comparisonSchema,
  faceSearchSchema,
  signSchema,
} from '../evidence/evidence-schema.ts'
import type { Screening } from '../screening/screen.ts'
import type { DecidedSession, Session } from './session.ts'
import { decisionSchema, screeningSchema } from './stored-facts.ts'

/** How far an image has come; where one is arriving, the upload that takes the rest. */
export interface ImageState {
  readonly state: 'missing' | 'arriving' | 'read'
  readonly upload?: string | undefined
  readonly offset?: number | undefined
}

/** By name: the two that are needed, and the others that were begun. */
export type ImageStates = Readonly<Record<string, ImageState>>

interface Scores {
  readonly scores: { readonly face_match: Score; readonly liveness: Score }
  readonly pipeline: string
  readonly models: readonly ModelReference[]
}

interface SessionView {
  readonly session_id: string
  readonly state: Session['state']
  readonly expires_at: NumericDate
  readonly uploaded?: { readonly document: boolean; readonly selfie: boolean } | undefined
  readonly images?: ImageStates | undefined
  readonly decision?: { readonly outcome: string; readonly codes: readonly string[] } | undefined
  readonly scores?: Scores['scores'] | undefined
  readonly pipeline?: string | undefined
  readonly models?: readonly ModelReference[] | undefined
}

interface Dossier extends Scores {
  readonly session_id: string
  readonly state: DecidedSession['state']
  readonly issuance: DecidedSession['issuance']
  readonly decision: Decision
  readonly document: {
    readonly type: string
    readonly reading: string
    readonly fields: Readonly<Record<string, string>>
    readonly check_digits: readonly CheckDigit[]
    readonly comparisons: readonly FieldComparison[]
    readonly categories: readonly DrivingCategory[]
    readonly signs: readonly Sign[]
  }
  readonly warnings: readonly string[]
  readonly face_search?: FaceSearch | undefined
  readonly screening: Screening
  readonly review?: Review | undefined
}

const score: z.ZodType<Score> = z
  .strictObject({
    value: z.number(),
    threshold: z.number(),
    review: z.number(),
    assurance: z.enum(['measured', 'not_assured']),
    models: z.array(z.string()),
  })
  .meta({ id: 'Score' })
const scoresOfSession = {
  scores: z.strictObject({ face_match: score, liveness: score }),
  pipeline: z.string(),
  models: z.array(z.strictObject({ id: z.string(), sha256: z.string() })),
}
const imageState: z.ZodType<ImageState> = z
  .strictObject({
    state: z.enum(['missing', 'arriving', 'read']),
    upload: z.string().optional(),
    offset: z.int().optional(),
  })
  .meta({ id: 'ImageState' })

/** What {@link workerView} answers. */
export const sessionViewSchema: z.ZodType<SessionView> = z
  .strictObject({
    session_id: z.string(),
    state: z.enum(['collecting', 'referred', 'approved', 'rejected']),
    expires_at: z.int(),
    uploaded: z.strictObject({ document: z.boolean(), selfie: z.boolean() }).optional(),
    images: z.record(z.string(), imageState).optional(),
    decision: z
      .strictObject({ outcome: z.enum(['approve', 'refer', 'reject']), codes: z.array(z.string()) })
      .optional(),
    scores: scoresOfSession.scores.optional(),
    pipeline: scoresOfSession.pipeline.optional(),
    models: scoresOfSession.models.optional(),
  })
  .meta({ id: 'Session' })

/** What {@link reviewerView} answers. */
export const dossierSchema: z.ZodType<Dossier> = z
  .strictObject({
    session_id: z.string(),
    state: z.enum(['referred', 'approved', 'rejected']),
    issuance: z.enum(['none', 'intended', 'done', 'revoked']),
    decision: decisionSchema,
    document: z.strictObject({
      type: z.string(),
      reading: z.string(),
      fields: z.record(z.string(), z.string()),
      check_digits: z.array(checkDigitSchema),
      comparisons: z.array(comparisonSchema),
      categories: z.array(categorySchema),
      signs: z.array(signSchema),
    }),
    warnings: z.array(z.string()),
    face_search: faceSearchSchema.optional() as z.ZodType<Dossier['face_search']>,
    screening: screeningSchema,
    ...scoresOfSession,
    review: z
      .strictObject({
        outcome: z.enum(['approve', 'reject']),
        reason: z.string(),
        reviewer: z.string(),
        reviewedAt: z.int(),
      })
      .optional(),
  })
  .meta({ id: 'Dossier' })

/**
 * What the worker is shown. A referral says that a person will look and not why, because a reason may be a watchlist;
 * scores of the face are shown, those of screening never.
 */
export function workerView(session: Session, images: ImageStates = {}): SessionView {
  const base = { session_id: session.id, state: session.state, expires_at: session.expiresAt }
  if (session.state === 'collecting') {
    const isRead = (name: string) => images[name]?.state === 'read'
    const uploaded = { document: isRead('document'), selfie: isRead('selfie') }
    return { ...base, uploaded, images }
  }
  return { ...base, decision: workerDecision(session), ...scores(session) }
}

/** What the reviewer is shown: everything that the decision followed from. */
export function reviewerView(session: DecidedSession): Dossier {
  const { evidence, screening, decision, review } = session
  const fields = Object.entries(evidence.document.fields)
  return {
    session_id: session.id,
    state: session.state,
    issuance: session.issuance,
    decision,
    document: {
      type: evidence.document.type,
      reading: evidence.document.reading,
      fields: Object.fromEntries(fields.map(([name, { value }]) => [name, value])),
      check_digits: evidence.document.checkDigits,
      comparisons: evidence.document.comparisons ?? [],
      categories: evidence.document.categories ?? [],
      signs: evidence.document.signs ?? [],
    },
    warnings: evidence.warnings.map(({ code }) => code),
    ...(evidence.faceSearch === undefined ? {} : { face_search: evidence.faceSearch }),
    screening,
    ...scores(session),
    ...(review === undefined ? {} : { review }),
  }
}

/** Of a rejection the codes that it rests on; what a person would have looked at stays with the reviewers. */
function workerDecision({
  state,
  decision,
  review,
  workflow,
}: DecidedSession): NonNullable<SessionView['decision']> {
  if (state === 'referred') return { outcome: 'refer', codes: ['person_reviews'] }
  if (state === 'approved') return { outcome: 'approve', codes: [] }
  return {
    outcome: 'reject',
    codes:
      review === undefined
        ? decision.codes.filter((code) => severityOf(code, workflow) === 'reject')
        : ['rejected_by_person'],
  }
}

function scores({ evidence: { faceMatch, liveness, pipeline, models } }: DecidedSession): Scores {
  return {
    scores: { face_match: scoreView(faceMatch), liveness: scoreView(liveness) },
    pipeline,
    models: models.map(({ id, sha256 }) => ({ id, sha256 })),
  }
}

function scoreView({ value, threshold, review, assurance, models }: Score): Score {
  return { value, threshold, review, assurance, models }
}
