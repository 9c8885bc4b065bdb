import { type NumericDate, toDateTime } from '../../shared/clock.ts'
import type { NewEvent } from '../../shared/webhook/store.ts'
import { type ReasonClass, reasonText, statusOf } from './status.ts'

/** A change that a publication carries. */
export interface PublishedChange {
  /** Its number, which is that of the notice too. */
  readonly event: number
  /** The session whose credential it is. */
  readonly subject: string
  /** The value in the list. */
  readonly status: number
  readonly reason_class: ReasonClass
  /** When the holder must have been told; `null` where nobody is to be told, or not yet. */
  readonly due_at: NumericDate | null
}

/** What the operator's systems are told of a change that is published. */
export function publishedEvents(change: PublishedChange, at: NumericDate): NewEvent[] {
  return [publishedEvent(change, at), ...noticeEvents(change, at)]
}

/**
 * Asks the operator's systems to tell a holder, in words that the holder may see and that tell of no investigation. Each
 * notice is a subject of its own, so that a later one of the same session takes no earlier one's place.
 */
export function noticeEvents(change: PublishedChange, at: NumericDate): NewEvent[] {
  const { event: notice, subject: session, status, reason_class, due_at } = change
  if (due_at === null) return []
  const text = reasonText(reason_class)
  const data = { notice, session, status: statusOf(status), text, due: toDateTime(due_at) }
  const subject = `notice-${notice}`
  return [{ type: 'carnet.holder-notice.due.v1', subject, platform: undefined, at, data }]
}

/**
 * Tells the operator's systems that a changed status is out. Platforms read the list and are not told, so that who opened a
 * session does not follow the person for as long as the credential lives; nor does an event say why.
 */
function publishedEvent({ subject, status }: PublishedChange, at: NumericDate): NewEvent {
  return {
    type: 'carnet.credential.status-changed.v1',
    subject,
    platform: undefined,
    at,
    data: { status: statusOf(status) },
  }
}
