import type { AuditEntry } from '../shared/audit/entry.ts'
import type { NumericDate } from '../shared/clock.ts'
import type { KeptAnswer, Once } from '../shared/idempotency/once.ts'
import type { VpToken } from '../shared/oid4vp/response.ts'
import type { ProblemCode } from '../shared/problem.ts'
import type { StatusVerdict } from '../shared/status-list/resolve.ts'
import type { Acceptance } from './acceptance/accept.ts'
import type { PresentationRequest, RequestedRequest, RetrievedRequest } from './request/request.ts'

/** The status evidence of one presented credential, in the order of its presentation. */
export type StatusEvidence = Omit<StatusVerdict, 'token'>

/**
 * What is kept of an answered request: enough to verify it again, and nothing that was not asked for. The artefacts
 * it names by digest are kept beside it, each once.
 */
export interface Answer {
  readonly vpToken: VpToken
  readonly verifiedAt: NumericDate
  readonly policySha256: string
  readonly trustListSha256: string
  readonly statuses: readonly StatusEvidence[]
  readonly acceptance: Acceptance
  /** The signed receipt, a JWT. */
  readonly receipt: string
  /** What the salts of the log's commitments come from, base64url; with it gone they mean nothing. */
  readonly commitmentKey: string
  /** SHA-256 of the code that the user's browser brings back in a same-device flow. */
  readonly responseCodeSha256?: string | undefined
  readonly redeemedAt?: NumericDate | undefined
}

/** A text that is kept under its SHA-256: policies, trust lists, status list tokens. */
export interface Artefact {
  readonly sha256: string
  readonly text: string
}

/**
 * Keeps presentation requests and their answers. Every method is one transaction: what it returns or throws is true of
 * what is stored, an acknowledged write survives a crash, and of two concurrent moves one wins and the other is told
 * so. Moves are those of `request/request.ts` and no others.
 */
export interface VerifierStore {
  /**
   * Keeps a new request and the policy that it is made under, and with `once` the answer to whoever asked. Where that
   * was kept before, changes nothing and answers it. @throws Problem `idempotency_key_reused`
   */
  addRequest(
    request: RequestedRequest,
    policy: Artefact,
    once?: Once | undefined,
  ): Promise<KeptAnswer | undefined>
  /** The request as it is at `now`, with its answer; `undefined` when this platform made no such request. */
  findRequest(
    id: string,
    platform: string,
    now: NumericDate,
  ): Promise<{ readonly request: PresentationRequest; readonly answer?: Answer } | undefined>
  /** Moves to `retrieved`. @throws Problem */
  retrieveObject(objectId: string, now: NumericDate): Promise<RetrievedRequest>
  /** The request that a response may be for; moves nothing but an expired one. @throws Problem */
  awaitResponse(responseId: string, now: NumericDate): Promise<RetrievedRequest>
  /** Moves to `answered`, with the answer, its artefacts and its log entries, all or nothing. @throws Problem */
  recordAnswer(
    responseId: string,
    recorded: {
      readonly answer: Answer
      readonly artefacts: readonly Artefact[]
      readonly entries: readonly AuditEntry[]
    },
    now: NumericDate,
  ): Promise<void>
  /** Moves to `refused`. @throws Problem */
  recordRefusal(responseId: string, reason: string, now: NumericDate): Promise<void>
  /** Counts a response that was turned away; the last one that is allowed moves to `refused`. @throws Problem */
  recordRejection(responseId: string, code: ProblemCode, now: NumericDate): Promise<void>
  /** Uses the response code of a same-device answer, once. @throws Problem `response_code_invalid` */
  redeemResponseCode(
    id: string,
    platform: string,
    codeSha256: string,
    now: NumericDate,
  ): Promise<void>
  /** Keeps a trust list as the newest one. */
  keepTrustList(list: Artefact): Promise<void>
  /** The text of the trust list that was kept last. */
  findTrustList(): Promise<string | undefined>
  /** The text of an artefact. */
  findArtefact(sha256: string): Promise<string | undefined>
  /**
   * Erases a request that this platform made, with its answer and all that is told of a person; artefacts that tell
   * of nobody stay. Its log entries stay too and mean nothing any more. @throws Problem `request_not_found`
   */
  forgetRequest(id: string, platform: string): Promise<void>
  /**
   * Erases every request that ended before: without an answer, and with one where that is to be erased too. Answers
   * how many.
   */
  forgetRequests(before: {
    readonly unanswered: NumericDate
    readonly answered?: NumericDate | undefined
  }): Promise<number>
  /**
   * Moves every request whose time has passed to `expired`, so that its key is gone, and forgets answers that need not
   * be repeated any more; answers how many requests.
   */
  expireRequests(now: NumericDate): Promise<number>
}
