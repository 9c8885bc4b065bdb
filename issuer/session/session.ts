import type { NumericDate } from '../../shared/clock.ts'
import type { Decision } from '../decision/decide.ts'
import type { Review } from '../decision/review.ts'
import type { Workflow, WorkflowReference } from '../decision/workflow.ts'
import type { Evidence } from '../evidence/evidence.ts'
import type { Screening } from '../screening/screen.ts'

interface SessionBase {
  readonly id: string
  /** SHA-256 of the session token, base64url. The token itself is with the worker alone. */
  readonly tokenSha256: string
  readonly createdAt: NumericDate
  /** Until when images may be uploaded. */
  readonly expiresAt: NumericDate
  /** The name of the key that a platform opened it with; absent where a worker came alone. */
  readonly platform?: string | undefined
  /** The version that the session began with, and ends under whatever is published meanwhile. */
  readonly workflow: Workflow
  readonly workflowReference: WorkflowReference
}

/** Images are being uploaded; nothing about the person is stored yet. */
export interface CollectingSession extends SessionBase {
  readonly state: 'collecting'
}

/** Evidence was collected, screened and decided upon. */
export interface DecidedSession extends SessionBase {
  readonly state: 'referred' | 'approved' | 'rejected'
  readonly evidence: Evidence
  readonly screening: Screening
  readonly decision: Decision
  readonly review: Review | undefined
  /** `intended` when something was bound to be signed and is not known to have been. */
  readonly issuance: 'none' | 'intended' | 'done' | 'revoked'
}

/** A proofing session. `referred` waits for a person; the other two are final. */
export type Session = CollectingSession | DecidedSession
