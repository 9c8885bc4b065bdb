import type { Json, JsonObject } from '../../shared/json.ts'
import type { Score } from '../evidence/evidence.ts'
import type { DecidedSession, Session } from './session.ts'

/** How far each image of a session has come; where one is arriving, the upload that takes the rest. */
export type ImageStates = Readonly<
  Record<
    'document' | 'selfie',
    { readonly state: string; readonly upload?: string; readonly offset?: number }
  >
>

const MISSING = { document: { state: 'missing' }, selfie: { state: 'missing' } }

/**
 * What the worker is shown. A referral says that a person will look and not why, because a reason may be a watchlist;
 * scores of the face are shown, those of screening never.
 */
export function workerView(session: Session, images: ImageStates = MISSING): JsonObject {
  const base = { session_id: session.id, state: session.state, expires_at: session.expiresAt }
  if (session.state === 'collecting') {
    const { document, selfie } = images
    const uploaded = { document: document.state === 'read', selfie: selfie.state === 'read' }
    return { ...base, uploaded, images: { document: { ...document }, selfie: { ...selfie } } }
  }
  return { ...base, decision: workerDecision(session), ...scores(session) }
}

/** What the reviewer is shown: everything that the decision followed from. */
export function reviewerView(session: DecidedSession): JsonObject {
  const { evidence, screening, decision, review } = session
  const fields = Object.entries(evidence.document.fields)
  return {
    session_id: session.id,
    state: session.state,
    issuance: session.issuance,
    decision: decision as unknown as Json,
    document: {
      type: evidence.document.type,
      reading: evidence.document.reading,
      fields: Object.fromEntries(fields.map(([name, { value }]) => [name, value])),
      check_digits: evidence.document.checkDigits as unknown as Json,
    },
    warnings: evidence.warnings.map(({ code }) => code),
    screening: screening as unknown as Json,
    ...scores(session),
    ...(review === undefined ? {} : { review: review as unknown as Json }),
  }
}

function workerDecision({ state, decision, review }: DecidedSession): JsonObject {
  if (state === 'referred') return { outcome: 'refer', codes: ['person_reviews'] }
  if (state === 'approved') return { outcome: 'approve', codes: [] }
  return {
    outcome: 'reject',
    codes: review === undefined ? [...decision.codes] : ['rejected_by_person'],
  }
}

function scores({
  evidence: { faceMatch, liveness, pipeline, models },
}: DecidedSession): JsonObject {
  return {
    scores: { face_match: scoreView(faceMatch), liveness: scoreView(liveness) },
    pipeline,
    models: models.map(({ id, sha256 }) => ({ id, sha256 })),
  }
}

function scoreView({ value, threshold, review, assurance, models }: Score): JsonObject {
  return { value, threshold, review, assurance, models: [...models] }
}
