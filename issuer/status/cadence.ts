/** Runs `work` after `milliseconds` and answers what cancels it. `setTimeout` in programs, by hand in tests. */
export type Schedule = (milliseconds: number, work: () => void) => () => void

/** Publication in its fixed rhythm. */
export interface Ticker {
  /** Publishes at once and out of turn, after whatever publication is under way. */
  publishNow(): Promise<void>
  /** Throws what the last publication failed with, until one succeeds: for `/healthz`. */
  check(): void
  /** Stops the rhythm and waits for a publication that has begun. */
  stop(): Promise<void>
}

/**
 * Calls `publish` every `intervalSeconds`, whether or not anything changed, so that the time of a publication tells
 * nothing; one at a time. A failure goes to `onFailure` and the rhythm goes on: what was served stays served until it
 * expires, which verifiers do not take for valid.
 */
export function startCadence(options: {
  readonly intervalSeconds: number
  readonly schedule: Schedule
  publish(reason: 'scheduled' | 'emergency'): Promise<unknown>
  onFailure(error: unknown): void
}): Ticker {
  const { intervalSeconds, schedule, publish, onFailure } = options
  let stopped = false
  let underWay: Promise<void> = Promise.resolve()
  let failure: { readonly error: unknown } | undefined
  const run = (reason: 'scheduled' | 'emergency'): Promise<void> => {
    const turn = underWay.then(async () => {
      await publish(reason)
      failure = undefined
    })
    underWay = turn.catch((error: unknown) => {
      failure = { error }
      onFailure(error)
    })
    return turn
  }
  const next = (): (() => void) =>
    schedule(intervalSeconds * 1000, () => {
      if (stopped) return
      cancel = next()
      run('scheduled').catch(() => undefined)
    })
  let cancel = next()
  return {
    publishNow: () => run('emergency'),
    check: () => {
      if (failure !== undefined) throw failure.error
    },
    stop: () => {
      stopped = true
      cancel()
      return underWay
    },
  }
}
