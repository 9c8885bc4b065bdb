import type { NumericDate } from '../clock.ts'
import type { JsonObject } from '../json.ts'
import type { EventType, WebhookEvent } from './event.ts'
import type { Backlog, DeliveryRecord, DeliveryState, WebhookEndpoint } from './store.ts'

/** An endpoint as every store keeps it. */
export interface EndpointRow {
  readonly id: string
  readonly url: string
  readonly platform: string | null
  readonly types: string
  readonly created_at: NumericDate
}

/** An event as every store keeps it. */
export interface EventRow {
  readonly event_id: string
  readonly type: EventType
  readonly subject: string
  readonly sequence: number
  readonly at: NumericDate
  readonly data: string
}

/** What erases every event about a subject, in this order. */
export const FORGET_SUBJECT: readonly string[] = [
  'DELETE FROM webhook_delivery WHERE event_id IN (SELECT id FROM webhook_event WHERE subject = $1)',
  'DELETE FROM webhook_event WHERE subject = $1',
  'DELETE FROM webhook_subject WHERE subject = $1',
]

/** A delivery that is due, with where it goes. */
export interface ClaimRow extends EventRow {
  readonly id: number
  readonly attempts: number
  readonly url: string
}

/** A delivery as every store keeps it. */
export interface DeliveryRow extends EventRow {
  readonly id: number
  readonly endpoint_id: string
  readonly state: DeliveryState
  readonly attempts: number
  readonly due_at: NumericDate
  readonly last_outcome: string | null
  readonly settled_at: NumericDate | null
}

/** The endpoint of a row. */
export function endpointOf(row: EndpointRow): WebhookEndpoint {
  return {
    id: row.id,
    url: row.url,
    platform: row.platform ?? undefined,
    types: JSON.parse(row.types) as EventType[],
    createdAt: row.created_at,
  }
}

/** The event of a row. */
export function eventOf({ event_id, type, subject, sequence, at, data }: EventRow): WebhookEvent {
  return { id: event_id, type, subject, sequence, at, data: JSON.parse(data) as JsonObject }
}

/** The delivery of a row. */
export function deliveryOf(row: DeliveryRow): DeliveryRecord {
  return {
    id: row.id,
    endpointId: row.endpoint_id,
    event: eventOf(row),
    state: row.state,
    attempts: row.attempts,
    dueAt: row.due_at,
    lastOutcome: row.last_outcome ?? undefined,
    settledAt: row.settled_at ?? undefined,
  }
}

/** Counts what is not delivered, by the index of that alone. */
export const BACKLOG = `SELECT state, count(*) AS count, min(due_at) AS oldest FROM webhook_delivery
  WHERE state <> 'delivered' GROUP BY state`

/** What {@link BACKLOG} answers. */
export interface BacklogRow {
  readonly state: string
  readonly count: number
  readonly oldest: number
}

/** The backlog of its rows. */
export function backlogOf(rows: readonly BacklogRow[]): Backlog {
  const of = (state: string) => rows.find((row) => row.state === state)
  const pending = of('pending')
  return {
    pending: pending?.count ?? 0,
    dead: of('dead')?.count ?? 0,
    oldestDueAt: pending?.oldest,
  }
}
