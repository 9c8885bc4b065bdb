import type { NumericDate } from '../../shared/clock.ts'
import type { IdempotencyKey } from '../../shared/idempotency/once.ts'
import type { StatusReference } from '../../shared/status-list/reference.ts'
import type { CredentialStatus, ReasonClass } from './status.ts'

/** One change for many credential copies. */
export interface BulkChange {
  readonly references: readonly StatusReference[]
  readonly to: CredentialStatus
  readonly reasonClass: ReasonClass
}

/** What a bulk change would do, for the person who approves it. */
export interface BulkPreview {
  readonly id: string
  /** Binds the approval to what was shown. */
  readonly sha256: string
  readonly total: number
  readonly lists: number
  /** How many stand at each status now. */
  readonly now: Readonly<Record<CredentialStatus, number>>
  /** Copies that stay as they are, because they have that status already or are revoked. */
  readonly unchanged: number
}

/** What a holder is to be told of a published change, in words that tell of no investigation. */
export interface HolderNotice {
  readonly event: number
  readonly reference: StatusReference
  readonly to: CredentialStatus
  readonly text: string
  readonly effectiveAt: NumericDate
  /** 24 hours after the decision. */
  readonly dueAt: NumericDate
}

/** Durations in seconds. */
export interface Durations {
  readonly count: number
  readonly median: number
  readonly max: number
  /** Longer than 24 hours. */
  readonly late: number
}

/** A change that an operator decides on. */
export interface OperatorChange {
  readonly reference: StatusReference
  readonly to: CredentialStatus
  readonly reasonClass: ReasonClass
  /** When the reason was brought up, `now` unless it was before. */
  readonly requestedAt?: NumericDate
  /** When a suspension ends by itself. */
  readonly until?: NumericDate
  /** Who asked that the holder not be told yet. */
  readonly heldBy?: string
}

/**
 * What operators do to statuses, and what follows it up. Every method is one transaction. With a `key` that had its
 * effect before there is no other, and the answer is the same; one that was given for something else is refused with
 * `idempotency_key_reused`.
 */
export interface StatusOperations {
  /** Answers the event. @throws Problem `credential_not_found`, `status_final`, `request_invalid` */
  change(
    change: OperatorChange,
    actor: string,
    now: NumericDate,
    key?: IdempotencyKey,
  ): Promise<number>
  /** @throws Problem `change_not_found`, `change_published` */
  withdraw(event: number, now: NumericDate, key?: IdempotencyKey): Promise<void>
  proposeBulk(
    change: BulkChange,
    actor: string,
    now: NumericDate,
    key?: IdempotencyKey,
  ): Promise<BulkPreview>
  /** Answers how many copies it changed. @throws Problem `bulk_not_found`, `second_person_needed`, `bulk_changed` */
  approveBulk(
    bulk: { readonly id: string; readonly sha256: string },
    actor: string,
    now: NumericDate,
    key?: IdempotencyKey,
  ): Promise<number>
  /** Notices that may be sent to holders now: by when they are due, then by event. */
  openNotices(page: {
    readonly limit: number
    readonly after?: readonly [dueAt: NumericDate, event: number] | undefined
  }): Promise<readonly HolderNotice[]>
  countOpenNotices(): Promise<number>
  /** Answers whether there is such a notice, published and not on hold; telling again keeps the first time. */
  markTold(event: number, now: NumericDate): Promise<boolean>
  /** Ends a legal hold. @throws Problem `change_not_found` where there is none */
  releaseNotice(event: number, now: NumericDate, key?: IdempotencyKey): Promise<void>
  /** How many holders should have been told by now and were not. */
  overdueNotices(now: NumericDate): Promise<number>
  timeliness(from: NumericDate, to: NumericDate): Promise<Timeliness>
  /** Lifts suspensions whose end has come and stirs decoys: what is due before a publication. */
  advance(now: NumericDate): Promise<void>
}

/** How long changes took: from request to publication (R2), and from decision until the holder was told (R3). */
export interface Timeliness {
  readonly published: Durations
  readonly told: Durations
}
