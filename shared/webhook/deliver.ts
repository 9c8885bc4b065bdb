import type { Clock, NumericDate, Schedule } from '../clock.ts'
import type { Fetch } from '../fetch.ts'
import { newIdentifier } from '../identifier.ts'
import type { Ed25519Signer } from '../key/signer.ts'
import type { Random } from '../random.ts'
import { TrustError } from '../trust/error.ts'
import { renderEvent } from './event.ts'
import { signDelivery } from './sign.ts'
import type { AttemptOutcome, ClaimedDelivery, WebhookStore } from './store.ts'

/** Attempts of one delivery; with the pauses between them they span about two days. */
export const MAX_ATTEMPTS = 14
const FIRST_PAUSE_SECONDS = 5
const LONGEST_PAUSE_SECONDS = 6 * 3600
/** Deliveries that one pass sends at once, and of them to one endpoint, so that a slow one holds up nobody else. */
const AT_ONCE = 32
const AT_ONCE_PER_ENDPOINT = 4
const PASS_MILLISECONDS = 1000
/** Passes that may be waiting for slow endpoints; a new one waits until one of them has ended. */
const PASSES_AT_ONCE = 8
/** Longer than an attempt may take, so that nobody else sends while we still do. */
const LEASE_SECONDS = 60

/** What a worker needs; `fetch` bounds time, refuses redirects and judges the address that it connects to. */
export interface Deliverer {
  readonly store: WebhookStore
  /** The base URL of this server, which events name as their source. */
  readonly source: string
  readonly signer: Ed25519Signer
  readonly fetch: Fetch
  readonly clock: Clock
  readonly random: Random
}

/**
 * Sends what is due and records how each attempt ended; answers how many there were. A delivery whose outcome could not
 * be recorded is sent again after its lease: a receiver knows it by its event id.
 */
export async function deliverDue(deliverer: Deliverer): Promise<number> {
  const { store, clock, random } = deliverer
  const now = clock()
  const claimed = await store.claim(
    {
      claim: newIdentifier(random, 16),
      limit: AT_ONCE,
      perEndpoint: AT_ONCE_PER_ENDPOINT,
      leaseUntil: now + LEASE_SECONDS,
    },
    now,
  )
  await Promise.all(
    claimed.map(async (delivery) => {
      const ended = await attempt(deliverer, delivery)
      await store.recordAttempt(
        delivery.id,
        delivery.claim,
        outcomeOf(ended, delivery.attempt, { now: clock(), random }),
        clock(),
      )
    }),
  )
  return claimed.length
}

/** Sends once; answers the HTTP status, or why there was none. */
async function attempt(
  { source, signer, fetch, clock }: Deliverer,
  { url, event }: ClaimedDelivery,
): Promise<number | string> {
  const body = renderEvent(event, source)
  try {
    const headers = await signDelivery({ url, body }, signer, clock())
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...headers },
      body,
      redirect: 'error',
    })
    return response.status
  } catch (error) {
    return error instanceof TrustError ? error.code : 'failed'
  }
}

/**
 * A 2xx is a delivery; 410 says that nobody wants it any more (RFC 9110 §15.5.11); anything else is tried again later,
 * until {@link MAX_ATTEMPTS}.
 */
function outcomeOf(
  ended: number | string,
  attempts: number,
  at: { readonly now: NumericDate; readonly random: Random },
): AttemptOutcome {
  const outcome = String(ended)
  if (typeof ended === 'number' && ended >= 200 && ended < 300)
    return { outcome, next: 'delivered' }
  if (ended === 410 || attempts >= MAX_ATTEMPTS) return { outcome, next: 'dead' }
  return { outcome, next: 'retry', dueAt: at.now + pauseAfter(attempts, at.random) }
}

/**
 * Seconds until the next attempt: four times as long after each, to six hours, and somewhere in the upper half of that,
 * so that what failed together does not come back together.
 */
export function pauseAfter(attempts: number, random: Random): number {
  const longest = Math.min(FIRST_PAUSE_SECONDS * 4 ** (attempts - 1), LONGEST_PAUSE_SECONDS)
  const share = Buffer.from(random(2)).readUInt16BE() / 0x1_0000
  return Math.ceil(longest * (0.5 + share / 2))
}

/** Calls {@link deliverDue} every second, also while slow attempts of earlier calls go on, until it is stopped. */
export function startDeliveries(
  deliverer: Deliverer,
  { schedule, onFailure }: { readonly schedule: Schedule; onFailure(error: unknown): void },
): { stop(): Promise<void> } {
  const underWay = new Set<Promise<void>>()
  let stopped = false
  const run = (): void => {
    const pass: Promise<void> = deliverDue(deliverer)
      .then(() => undefined, onFailure)
      .finally(() => underWay.delete(pass))
    underWay.add(pass)
  }
  const next = (): (() => void) =>
    schedule(PASS_MILLISECONDS, () => {
      if (stopped) return
      cancel = next()
      if (underWay.size < PASSES_AT_ONCE) run()
    })
  let cancel = next()
  return {
    stop: async () => {
      stopped = true
      cancel()
      await Promise.all(underWay)
    },
  }
}
