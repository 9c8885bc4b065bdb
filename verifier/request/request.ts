import type { NumericDate } from '../../shared/clock.ts'
import type { EncryptionJwk } from '../../shared/jose/jwe.ts'
import { Problem, type ProblemCode } from '../../shared/problem.ts'

/** What never changes about a request. Identifiers are unrelated random secrets: OpenID4VP 1.0 §13.3. */
interface RequestFacts {
  /** Names the request to the platform that made it, and to nobody else. */
  readonly id: string
  /** The name of the API key that made it. */
  readonly platform: string
  readonly policySha256: string
  /**
   * Where the user's browser comes back to in a same-device flow; absent for another device. OpenID4VP 1.0 §3.1,
   * §3.2.
   */
  readonly redirectUri?: string | undefined
  readonly clientId: string
  readonly nonce: string
  /** What the wallet knows: where the request object is, and where the response goes. */
  readonly objectId: string
  readonly responseId: string
  readonly createdAt: NumericDate
  readonly expiresAt: NumericDate
}

/** The key that one response is encrypted to. It exists as long as a response may come. HAIP 1.0 §5. */
interface EphemeralKey {
  readonly encryptionKey: EncryptionJwk
  readonly pkcs8: string
}

/** A response that was turned away without using up the request. */
export interface Rejection {
  readonly at: NumericDate
  readonly code: ProblemCode
}

export type RequestedRequest = RequestFacts & EphemeralKey & { readonly state: 'requested' }
export type RetrievedRequest = RequestFacts &
  EphemeralKey & { readonly state: 'retrieved'; readonly rejections: readonly Rejection[] }
export type AnsweredRequest = RequestFacts & {
  readonly state: 'answered'
  readonly endedAt: NumericDate
  readonly rejections: readonly Rejection[]
}
export type RefusedRequest = RequestFacts & {
  readonly state: 'refused'
  readonly endedAt: NumericDate
  readonly rejections: readonly Rejection[]
  /** The wallet's error code (OpenID4VP 1.0 §8.5), or `too_many_rejections`. */
  readonly reason: string
}
export type ExpiredRequest = RequestFacts & {
  readonly state: 'expired'
  readonly endedAt: NumericDate
  readonly rejections: readonly Rejection[]
}

/** A presentation request in one of five states; the functions of this file are its only moves. */
export type PresentationRequest =
  | RequestedRequest
  | RetrievedRequest
  | AnsweredRequest
  | RefusedRequest
  | ExpiredRequest

/** How many responses may be turned away before the request is refused. */
export const MAX_REJECTIONS = 5

/** A wallet fetches the request object; it may do so again until it answers. OpenID4VP 1.0 §5.10. @throws Problem */
export function retrieve(request: PresentationRequest, now: NumericDate): RetrievedRequest {
  if (request.state === 'retrieved') return stillOpen(request, now)
  if (request.state !== 'requested') throw ended(request)
  return { ...stillOpen(request, now), state: 'retrieved', rejections: [] }
}

/**
 * A response may be looked at only after its request object was fetched and before anything ended it. @throws Problem
 */
export function awaitingResponse(request: PresentationRequest, now: NumericDate): RetrievedRequest {
  if (request.state === 'retrieved') return stillOpen(request, now)
  if (request.state === 'requested') {
    stillOpen(request, now)
    throw new Problem('request_state', 'fetch the request object before answering')
  }
  throw ended(request)
}

/** A verified presentation ends the request, whatever the policy then says of it. @throws Problem */
export function answer(request: PresentationRequest, now: NumericDate): AnsweredRequest {
  const { encryptionKey, pkcs8, ...kept } = awaitingResponse(request, now)
  return { ...kept, state: 'answered', endedAt: now }
}

/** The wallet says no, or says that it cannot. @throws Problem */
export function refuse(
  request: PresentationRequest,
  reason: string,
  now: NumericDate,
): RefusedRequest {
  const { encryptionKey, pkcs8, ...kept } = awaitingResponse(request, now)
  return { ...kept, state: 'refused', endedAt: now, reason }
}

/**
 * A response that does not verify leaves the request open, so that a wallet can mend a mistake and nobody ends another
 * person's request with rubbish; the fifth one ends it. @throws Problem
 */
export function reject(
  request: PresentationRequest,
  code: ProblemCode,
  now: NumericDate,
): RetrievedRequest | RefusedRequest {
  const open = awaitingResponse(request, now)
  const rejected = { ...open, rejections: [...open.rejections, { at: now, code }] }
  return rejected.rejections.length < MAX_REJECTIONS
    ? rejected
    : refuse(rejected, 'too_many_rejections', now)
}

/** The request with its end put down if its time has passed; any other request unchanged. */
export function expire(request: PresentationRequest, now: NumericDate): PresentationRequest {
  if (request.state !== 'requested' && request.state !== 'retrieved') return request
  if (now < request.expiresAt) return request
  const { encryptionKey, pkcs8, ...kept } = request
  const rejections = request.state === 'retrieved' ? request.rejections : []
  return { ...kept, state: 'expired', endedAt: request.expiresAt, rejections }
}

function stillOpen<Open extends RequestedRequest | RetrievedRequest>(
  request: Open,
  now: NumericDate,
): Open {
  if (now < request.expiresAt) return request
  throw new Problem('request_expired', 'ask the platform for a new request')
}

function ended(request: AnsweredRequest | RefusedRequest | ExpiredRequest): Problem {
  switch (request.state) {
    case 'answered':
      return new Problem('request_answered', 'a request takes one answer')
    case 'refused':
      return new Problem('request_refused', 'ask the platform for a new request')
    case 'expired':
      return new Problem('request_expired', 'ask the platform for a new request')
  }
}
