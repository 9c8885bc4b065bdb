import type { NumericDate } from '../../shared/clock.ts'
import type { NewEvent } from '../../shared/webhook/store.ts'
import { statusOf } from './status.ts'

/** A change that a publication carries. */
export interface PublishedChange {
  /** The session whose credential it is. */
  readonly subject: string
  /** The value in the list. */
  readonly status: number
}

/**
 * Tells the operator's systems that a changed status is out. Platforms read the list and are not told, so that who opened a
 * session does not follow the person for as long as the credential lives; nor does an event say why.
 */
export function publishedEvent({ subject, status }: PublishedChange, at: NumericDate): NewEvent {
  return {
    type: 'carnet.credential.status-changed.v1',
    subject,
    platform: undefined,
    at,
    data: { status: statusOf(status) },
  }
}
