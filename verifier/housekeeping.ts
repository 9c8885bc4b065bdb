import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../shared/log.ts'

/** Something that is done again and again while the program runs. */
export interface Chore {
  readonly name: string
  readonly everySeconds: number
  readonly run: () => Promise<unknown>
}

/**
 * Runs each chore at its pace, one run after the other; a failure is logged and tried again at the next turn. Resolves
 * when `stop` is called and what had begun has ended.
 */
export function startChores(chores: readonly Chore[], log: Log): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const done = Promise.all(chores.map((chore) => repeat(chore, log, stopping.signal)))
  return {
    stop: async () => {
      stopping.abort()
      await done
    },
  }
}

async function repeat(
  { name, everySeconds, run }: Chore,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    // An abort ends the pause early and is no failure.
    await sleep(everySeconds * 1000, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return
    try {
      await run()
    } catch (error) {
      log.warn({ chore: name, err: error }, 'failed, will be tried again')
    }
  }
}
