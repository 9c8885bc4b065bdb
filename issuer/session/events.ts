import type { NumericDate } from '../../shared/clock.ts'
import type { NewEvent } from '../../shared/webhook/store.ts'
import type { Decision } from '../decision/decide.ts'
import type { Review } from '../decision/review.ts'

/** Of which session an event tells, and the platform that opened it. */
export interface EventSession {
  readonly id: string
  readonly platform: string | null
}

/** Tells what was decided, and not why. */
export function decidedEvent(session: EventSession, decision: Decision): NewEvent {
  const data = { outcome: decision.outcome }
  return eventOf(session, decision.decidedAt, 'carnet.session.decided.v1', data)
}

/** Tells what a person has decided of a session that was referred. */
export function reviewedEvent(session: EventSession, review: Review): NewEvent {
  const data = { outcome: review.outcome, reviewed: true }
  return eventOf(session, review.reviewedAt, 'carnet.session.decided.v1', data)
}

/** Tells that the wallet can have its copies. */
export function issuedEvent(session: EventSession, copies: number, at: NumericDate): NewEvent {
  return eventOf(session, at, 'carnet.credential.issued.v1', { copies })
}

function eventOf(
  { id, platform }: EventSession,
  at: NumericDate,
  type: NewEvent['type'],
  data: NewEvent['data'],
): NewEvent {
  return { type, subject: id, platform: platform ?? undefined, at, data }
}
