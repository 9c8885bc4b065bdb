import type { NewEvent } from '../../shared/webhook/store.ts'
import type { Answer } from '../store.ts'
import type { AnsweredRequest, RefusedRequest } from './request.ts'

/** Tells the platform what its policy made of an answer: no claim, and nothing that names the person. */
export function answeredEvent(request: AnsweredRequest, { acceptance }: Answer): NewEvent {
  return {
    type: 'carnet.presentation.answered.v1',
    subject: request.id,
    platform: request.platform,
    at: request.endedAt,
    data: { outcome: acceptance.outcome, codes: [...acceptance.codes] },
  }
}

/** Tells the platform that no answer will come. */
export function refusedEvent(request: RefusedRequest): NewEvent {
  return {
    type: 'carnet.presentation.refused.v1',
    subject: request.id,
    platform: request.platform,
    at: request.endedAt,
    data: { reason: request.reason },
  }
}
