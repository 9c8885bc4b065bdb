import type { NumericDate } from '../../shared/clock.ts'
import { canonicalJson, type Json } from '../../shared/json.ts'
import type { Evidence } from '../evidence/evidence.ts'
import type { Screening } from '../screening/screen.ts'
import { type Decision, decide } from './decide.ts'
import type { Review } from './review.ts'
import type { Workflow } from './workflow.ts'

/** A decision as a store keeps it, with everything that it followed from. */
export interface DecisionRecord {
  readonly sessionId: string
  readonly evidence: Evidence
  readonly screening: Screening
  readonly decision: Decision
  readonly review: Review | undefined
  readonly workflow: Workflow
}

/**
 * Marks the approval of a session as used and answers its record, in one transaction; `undefined` where it was used
 * before or there is none. Only a store has one.
 */
export type RedeemDecision = () => Promise<DecisionRecord | undefined>

/** The leave to issue: it exists only where a store has just redeemed a decision that still follows from its evidence. */
class Approval {
  readonly #redeemed: boolean
  readonly sessionId: string
  readonly evidence: Evidence
  readonly workflow: Workflow
  readonly decidedAt: NumericDate
  /** Whether a person decided. */
  readonly reviewed: boolean

  constructor({ sessionId, evidence, workflow, decision, review }: DecisionRecord) {
    this.#redeemed = true
    this.sessionId = sessionId
    this.evidence = evidence
    this.workflow = workflow
    this.decidedAt = review?.reviewedAt ?? decision.decidedAt
    this.reviewed = review !== undefined
  }

  static isGenuine(value: unknown): value is Approval {
    return typeof value === 'object' && value !== null && #redeemed in value && value.#redeemed
  }
}

export type { Approval }

/** A stored decision does not follow from what is stored with it. Nothing may be issued; an operator must look. */
export class ApprovalMismatch extends Error {
  override readonly name = 'ApprovalMismatch'
}

/**
 * Makes an approval out of a decision that the store has redeemed just now, once across restarts. The record is
 * verified again: the same evidence must give the same decision, and a referral needs a person's approval with a
 * reason. Answers `undefined` where there is nothing to redeem.
 * @throws ApprovalMismatch
 */
export async function redeemApproval(redeem: RedeemDecision): Promise<Approval | undefined> {
  const record = await redeem()
  if (record === undefined) return undefined
  checkDecision(record)
  return new Approval(record)
}

/** True for what {@link redeemApproval} made; a copy or a look-alike is refused at run time too. */
export function isApproval(value: unknown): value is Approval {
  return Approval.isGenuine(value)
}

/**
 * Decides again from what is stored with a decision, and compares. Whoever is about to redeem one looks first, so that
 * nothing is written for a record that was tampered with.
 * @throws ApprovalMismatch
 */
export function checkDecision({
  evidence,
  screening,
  decision,
  review,
  workflow,
}: Omit<DecisionRecord, 'sessionId'>): void {
  const again = decide(
    evidence,
    screening,
    { workflow, reference: decision.workflow },
    decision.decidedAt,
  )
  if (canonicalJson(again as unknown as Json) !== canonicalJson(decision as unknown as Json)) {
    throw new ApprovalMismatch('the decision does not follow from its evidence')
  }
  if (decision.outcome === 'approve' && review === undefined) return
  const isReviewed =
    decision.outcome === 'refer' &&
    review?.outcome === 'approve' &&
    review.reason.trim() !== '' &&
    review.reviewer !== ''
  if (!isReviewed) throw new ApprovalMismatch('the session was not approved')
}
