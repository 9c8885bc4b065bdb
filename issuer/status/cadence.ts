import type { Clock, NumericDate, Schedule } from '../../shared/clock.ts'

/** Publication in its fixed rhythm. */
export interface Ticker {
  /** Publishes at once and out of turn, after whatever publication is under way. */
  publishNow(): Promise<void>
  /**
   * Throws when what should have been published by now was not: the rhythm has stopped, the last publication is older
   * than the rhythm and its tolerance or lies ahead of the clock, or one out of turn has not succeeded in a minute.
   */
  check(): void
  /** Stops the rhythm and waits for a publication that has begun. */
  stop(): Promise<void>
}

/** Seconds by which a publication may be late, as `carnet-audit` grants them, and within which an emergency is out. */
const TOLERANCE_SECONDS = 60
/** How soon a publication that failed is tried again, so that a passing fault costs nobody their minute; then slower. */
const RETRY_SECONDS = [5, 10, 20, 60] as const

/**
 * Calls `publish` every `intervalSeconds`, whether or not anything changed, so that the time of a publication tells
 * nothing; one at a time. A failure goes to `onFailure`, is tried again within seconds and the rhythm goes on: what was
 * served stays served until it expires, which verifiers do not take for valid. Whoever starts it has just published.
 */
export function startCadence(options: {
  readonly intervalSeconds: number
  readonly schedule: Schedule
  readonly clock: Clock
  publish(reason: 'scheduled' | 'emergency'): Promise<unknown>
  onFailure(error: unknown): void
}): Ticker {
  const { intervalSeconds, schedule, clock, publish, onFailure } = options
  let stopped = false
  let underWay: Promise<void> = Promise.resolve()
  let publishedAt = clock()
  let failure: unknown
  /** What was asked for out of turn and no publication has carried; another object each time that more is asked. */
  let emergency: { readonly since: NumericDate } | undefined
  let failures = 0
  let cancelRetry: (() => void) | undefined
  const run = (reason: 'scheduled' | 'emergency'): Promise<void> => {
    const turn = underWay.then(async () => {
      const [begunAt, carried] = [clock(), emergency]
      await publish(reason)
      publishedAt = begunAt
      failure = undefined
      failures = 0
      if (emergency === carried) emergency = undefined
    })
    underWay = turn.catch((error: unknown) => {
      failure = error
      onFailure(error)
      if (!stopped) retry()
    })
    return turn
  }
  const retry = (): void => {
    cancelRetry?.()
    const seconds = RETRY_SECONDS[failures++] ?? 60
    cancelRetry = schedule(seconds * 1000, () => {
      if (stopped || failures === 0) return
      run(emergency === undefined ? 'scheduled' : 'emergency').catch(() => undefined)
    })
  }
  const next = (): (() => void) =>
    schedule(intervalSeconds * 1000, () => {
      if (stopped) return
      cancel = next()
      run('scheduled').catch(() => undefined)
    })
  let cancel = next()
  return {
    publishNow: () => {
      emergency = { since: emergency?.since ?? clock() }
      return run('emergency')
    },
    check: () => {
      const now = clock()
      const cause = failure === undefined ? {} : { cause: failure }
      if (stopped) throw new Error('nothing is published any more')
      if (now > publishedAt + intervalSeconds + TOLERANCE_SECONDS) {
        throw new Error(`nothing was published since ${publishedAt}`, cause)
      }
      if (now < publishedAt - TOLERANCE_SECONDS) {
        throw new Error('the clock is behind the last publication', cause)
      }
      if (emergency !== undefined && now > emergency.since + TOLERANCE_SECONDS) {
        throw new Error('an emergency was not published within a minute', cause)
      }
    },
    stop: () => {
      stopped = true
      cancel()
      cancelRetry?.()
      return underWay
    },
  }
}
