import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock, NumericDate } from '../clock.ts'

/** What has to hold before requests are sent to a process, by a name that may be shown to anybody. Each throws when it does not. */
export type ReadinessChecks = Readonly<Record<string, () => void | Promise<void>>>

/** Whether requests may be sent here, and which check says no. */
export interface Readiness {
  readonly status: 'ready' | 'not ready' | 'stopping'
  readonly checks: Readonly<Record<string, 'ok' | 'failing'>>
}

const TIMEOUT_MS = 2000

/**
 * Answers whether requests may be sent here. However often it is asked, the checks run once a second at most, and one
 * that takes longer than two seconds fails. `report` hears of each check when it begins to fail.
 */
export function openReadiness(
  checks: ReadinessChecks,
  options: {
    readonly clock: Clock
    readonly isStopping: () => boolean
    readonly report: (check: string, error: unknown) => void
  },
): () => Promise<Readiness> {
  const { clock, isStopping, report } = options
  const failing = new Set<string>()
  let last: { readonly at: NumericDate; readonly results: Promise<Readiness['checks']> } | undefined

  async function runAll(): Promise<Readiness['checks']> {
    const results = Object.entries(checks).map(async ([name, check]) => {
      try {
        await within(TIMEOUT_MS, check)
        failing.delete(name)
        return [name, 'ok'] as const
      } catch (error) {
        if (!failing.has(name)) report(name, error)
        failing.add(name)
        return [name, 'failing'] as const
      }
    })
    return Object.fromEntries(await Promise.all(results))
  }

  return async () => {
    const now = clock()
    if (last === undefined || last.at !== now) last = { at: now, results: runAll() }
    const results = await last.results
    if (isStopping()) return { status: 'stopping', checks: results }
    const holds = Object.values(results).every((result) => result === 'ok')
    return { status: holds ? 'ready' : 'not ready', checks: results }
  }
}

async function within(milliseconds: number, check: () => void | Promise<void>): Promise<void> {
  const ended = new AbortController()
  const { signal } = ended
  const tooLong = sleep(milliseconds, undefined, { signal, ref: false }).then(
    () => Promise.reject(new Error(`not answered within ${milliseconds} ms`)),
    () => undefined,
  )
  try {
    await Promise.race([Promise.resolve().then(check), tooLong])
  } finally {
    ended.abort()
  }
}
