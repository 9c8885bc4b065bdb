import type { NumericDate } from '../clock.ts'
import type { JsonObject } from '../json.ts'
import type { EventType, WebhookEvent } from './event.ts'

/** What a transaction tells of itself. */
export interface NewEvent {
  readonly type: EventType
  readonly subject: string
  /** The platform that it concerns; without one, the operator alone is told. */
  readonly platform: string | undefined
  readonly at: NumericDate
  readonly data: JsonObject
}

/** Where events are sent, and which. */
export interface WebhookEndpoint {
  readonly id: string
  readonly url: string
  /** The platform whose events it gets; without one, it is the operator's and gets all. */
  readonly platform: string | undefined
  readonly types: readonly EventType[]
  readonly createdAt: NumericDate
}

/** `dead`: every attempt failed; it is sent again only when somebody asks. */
export type DeliveryState = 'pending' | 'delivered' | 'dead'

/** One event on its way to one endpoint. */
export interface DeliveryRecord {
  /** Rises; newer deliveries have higher ones. */
  readonly id: number
  readonly endpointId: string
  readonly event: WebhookEvent
  readonly state: DeliveryState
  readonly attempts: number
  /** When it is tried next, of a pending one. */
  readonly dueAt: NumericDate
  /** How the last attempt ended: an HTTP status such as `503`, or a word such as `fetch_failed`. */
  readonly lastOutcome: string | undefined
  readonly settledAt: NumericDate | undefined
}

/** A delivery that one worker, and no other, may attempt until its lease ends. */
export interface ClaimedDelivery {
  readonly id: number
  readonly url: string
  readonly event: WebhookEvent
  /** Which attempt this is, from 1. */
  readonly attempt: number
  /** Names this claim; recording the outcome needs it. */
  readonly claim: string
}

/** How an attempt ended. */
export type AttemptOutcome =
  | { readonly outcome: string; readonly next: 'delivered' | 'dead' }
  | { readonly outcome: string; readonly next: 'retry'; readonly dueAt: NumericDate }

/** What waits. */
export interface Backlog {
  readonly pending: number
  readonly dead: number
  /** When the longest waiting delivery was due. */
  readonly oldestDueAt: NumericDate | undefined
}

/**
 * The outbox: events that were written in the transaction of what they tell of, and their deliveries. Every method is
 * one transaction. Any number of processes may work on one store.
 */
export interface WebhookStore {
  /** Adds an endpoint unless there is one with this id. */
  addEndpoint(endpoint: WebhookEndpoint): Promise<void>
  /** Every endpoint, or those of one platform; the oldest first. */
  endpoints(platform?: string): Promise<readonly WebhookEndpoint[]>
  /** Removes an endpoint and forgets its deliveries. Answers false when there is none such (of this platform). */
  removeEndpoint(id: string, platform?: string): Promise<boolean>
  /** Takes deliveries that are due, the oldest first and at most `perEndpoint` of one endpoint, until `leaseUntil`. */
  claim(
    request: {
      readonly claim: string
      readonly limit: number
      readonly perEndpoint: number
      readonly leaseUntil: NumericDate
    },
    now: NumericDate,
  ): Promise<readonly ClaimedDelivery[]>
  /** Answers false, changing nothing, when the claim has passed to another worker or the delivery is settled. */
  recordAttempt(
    id: number,
    claim: string,
    outcome: AttemptOutcome,
    now: NumericDate,
  ): Promise<boolean>
  /** Deliveries before `before`, the newest first. */
  deliveries(query: {
    readonly platform?: string | undefined
    readonly endpointId?: string | undefined
    readonly state?: DeliveryState | undefined
    readonly before?: number | undefined
    readonly limit: number
  }): Promise<readonly DeliveryRecord[]>
  /** One delivery, of this platform where one is named. */
  delivery(id: number, platform?: string): Promise<DeliveryRecord | undefined>
  /** Makes a settled delivery due again, with all its attempts. Answers false when there is none such. */
  resend(id: number, now: NumericDate, platform?: string): Promise<boolean>
  backlog(): Promise<Backlog>
  /** Forgets what was settled before. Answers how many deliveries. */
  forgetSettled(before: NumericDate): Promise<number>
}
