import { commit, commitmentSalt } from '../../shared/audit/commitment.ts'
import type { NumericDate } from '../../shared/clock.ts'
import { Problem } from '../../shared/problem.ts'
import type { StatusReference } from '../../shared/status-list/reference.ts'
import type { CredentialStatus, ReasonClass } from './status.ts'

/** A decided change of one copy's status. */
export interface StatusChange {
  readonly reference: StatusReference
  readonly to: CredentialStatus
  readonly reasonClass: ReasonClass
  /** Who decided, as an identifier of the issuer's own. */
  readonly actor: string
  readonly requestedAt: NumericDate
  /** When the reason began, `now` unless it is declared to lie before. */
  readonly effectiveAt?: NumericDate
  /** When a suspension ends by itself. */
  readonly until?: NumericDate
  /** Keeps the holder from being told until somebody releases it: who asked for that. */
  readonly heldBy?: string
  /** The bulk change that this is part of. */
  readonly bulk?: string
  /** The person's own key, from which the salt of the public commitment comes. */
  readonly subjectKey: Uint8Array
  readonly now: NumericDate
}

/** How long after a decision the holder must have been told. */
export const NOTICE_SECONDS = 86_400

/** A list takes no more credentials beyond this part of its size, so that its successor is live before it is full. */
export const ROOM = 0.9

/** @throws Problem `request_invalid` */
export function checkEnd({ to, until, now }: StatusChange): void {
  if (until !== undefined && (to !== 'suspended' || until <= now)) {
    throw new Problem('request_invalid', 'only a suspension has an end, and it lies ahead')
  }
}

/** What the public log says of a change: a commitment to all of it, whose salt goes with the person's key. */
export function commitChange(
  change: StatusChange,
  { event, from }: { readonly event: number; readonly from: CredentialStatus },
): string {
  const { reference, to, reasonClass, requestedAt, now } = change
  const details = {
    event,
    list: reference.uri,
    idx: reference.idx,
    from,
    to,
    reason_class: reasonClass,
    requested_at: requestedAt,
    decided_at: now,
    effective_at: change.effectiveAt ?? now,
  }
  return commit(details, commitmentSalt(change.subjectKey, `status.changed/${event}`))
}
