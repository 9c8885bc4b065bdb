import { type NumericDate, parseDateTime, toDateTime } from '../clock.ts'
import { isJsonObject, type JsonObject, parseJsonBytes } from '../json.ts'
import { WebhookError } from './error.ts'

/** What happened, of those things that a server tells other systems about. */
export type EventType =
  | 'carnet.session.decided.v1'
  | 'carnet.credential.issued.v1'
  | 'carnet.credential.status-changed.v1'
  | 'carnet.holder-notice.due.v1'
  | 'carnet.presentation.answered.v1'
  | 'carnet.presentation.refused.v1'

export const EVENT_TYPES: readonly EventType[] = [
  'carnet.session.decided.v1',
  'carnet.credential.issued.v1',
  'carnet.credential.status-changed.v1',
  'carnet.holder-notice.due.v1',
  'carnet.presentation.answered.v1',
  'carnet.presentation.refused.v1',
]

/** One thing that happened to one subject. It names outcomes and identifiers of ours, and nothing of a person. */
export interface WebhookEvent {
  /** The same in every delivery of this event and in no other event. */
  readonly id: string
  readonly type: EventType
  /** What it happened to: the identifier of a session, of a notice to a holder or of a presentation request. */
  readonly subject: string
  /** Rises with every event of this subject; a receiver that has seen a higher one drops this one. */
  readonly sequence: number
  readonly at: NumericDate
  readonly data: JsonObject
}

/** An event as a receiver reads it. */
export interface ReceivedEvent extends WebhookEvent {
  /** The base URL of the server that tells it. */
  readonly source: string
}

export const EVENT_MEDIA_TYPE = 'application/cloudevents+json'
/** An event has a few members; whoever sends more is not our server. */
const LIMITS = { maxLength: 1 << 16, maxDepth: 8 }
/** Digits of `sequence`, which compares as text. CloudEvents "Sequence" extension. */
const SEQUENCE_DIGITS = 12
const SEQUENCE = /^\d{12}$/
const IDENTIFIER = /^[\w.:~-]{1,128}$/

/** Renders the body of a delivery: the same bytes for the same event, every time. CloudEvents 1.0 JSON format §3. */
export function renderEvent(event: WebhookEvent, source: string): Buffer {
  return Buffer.from(
    JSON.stringify({
      specversion: '1.0',
      id: event.id,
      source,
      type: event.type,
      subject: event.subject,
      time: toDateTime(event.at),
      sequence: String(event.sequence).padStart(SEQUENCE_DIGITS, '0'),
      datacontenttype: 'application/json',
      data: event.data,
    }),
  )
}

/**
 * Reads the body of a delivery. An event of a type that is not known here is refused. CloudEvents 1.0 §3.1.
 * @throws WebhookError `event_malformed`
 */
export function parseEvent(body: Uint8Array): ReceivedEvent {
  const event = parseObject(body)
  const type = EVENT_TYPES.find((known) => known === event.type)
  const at = typeof event.time === 'string' ? parseDateTime(event.time) : undefined
  const { id, source, subject, sequence, data } = event
  if (
    event.specversion !== '1.0' ||
    type === undefined ||
    at === undefined ||
    !isIdentifier(id) ||
    !isIdentifier(subject) ||
    typeof source !== 'string' ||
    typeof sequence !== 'string' ||
    !SEQUENCE.test(sequence) ||
    !isJsonObject(data)
  ) {
    throw new WebhookError('event_malformed', 'the body is not an event of a known type')
  }
  return { id, source, type, subject, sequence: Number(sequence), at, data }
}

function parseObject(body: Uint8Array): JsonObject {
  try {
    const value = parseJsonBytes(body, LIMITS)
    if (isJsonObject(value)) return value
  } catch (cause) {
    throw new WebhookError('event_malformed', 'the body is not JSON', { cause })
  }
  throw new WebhookError('event_malformed', 'the body is not a JSON object')
}

function isIdentifier(value: unknown): value is string {
  return typeof value === 'string' && IDENTIFIER.test(value)
}
