import type { NumericDate } from '../../shared/clock.ts'

/** What a person decided about a referred session, and why. It can be contested, so the reason is kept. */
export interface Review {
  readonly outcome: 'approve' | 'reject'
  readonly reason: string
  /** The name of the reviewer's key. */
  readonly reviewer: string
  readonly reviewedAt: NumericDate
}
