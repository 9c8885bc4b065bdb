import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** One case of a comparison. It runs `iterations` operations each time it is called. */
export interface BenchCase {
  readonly name: string
  run(iterations: number): void | Promise<void>
}

/** What a case cost beside the first case, the floor, in the same rounds. */
export interface BenchRow {
  readonly name: string
  /** Median time of one operation, in microseconds. */
  readonly microseconds: number
  /** Median over the rounds of this case's time divided by the floor's time in the same round. */
  readonly ratio: number
  /** The smallest and the largest of those quotients. */
  readonly spread: readonly [number, number]
}

/**
 * Measures cases side by side in one process: every round runs all of them in rotated order after one warm-up round,
 * and ratios pair the times of one round, so that a slower minute slows both sides. Times are processor time of all
 * threads, or time that passes where a case waits for a disk or a server, and a turn ends with a collection of young
 * garbage, so that each case pays for its own. The first case is the floor.
 */
export async function compare(
  cases: readonly BenchCase[],
  {
    iterations,
    rounds = 11,
    passing = false,
  }: {
    iterations: number
    rounds?: number
    /** Counts the time that passes, not that of the processor. */
    passing?: boolean
  },
): Promise<BenchRow[]> {
  const times = cases.map((): number[] => [])
  for (let round = -1; round < rounds; round++) {
    for (let turn = 0; turn < cases.length; turn++) {
      const index = (turn + round + 1) % cases.length
      const started = process.cpuUsage()
      const startedAt = performance.now()
      await cases[index]?.run(iterations)
      collectGarbage({ type: 'minor' })
      const { user, system } = process.cpuUsage(started)
      const taken = passing ? (performance.now() - startedAt) * 1000 : user + system
      if (round >= 0) times[index]?.push(taken / iterations)
    }
  }
  const [floor = []] = times
  return cases.map(({ name }, index) => {
    const own = times[index] ?? []
    const ratios = own.map((time, round) => time / (floor[round] ?? Number.NaN))
    return {
      name,
      microseconds: median(own),
      ratio: median(ratios),
      spread: [Math.min(...ratios), Math.max(...ratios)],
    }
  })
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as (options: { readonly type: 'minor' }) => void

/** A table of rows in Markdown, ratios with two decimals. */
export function renderRows(rows: readonly BenchRow[]): string {
  const lines = rows.map(
    ({ name, microseconds, ratio, spread: [low, high] }) =>
      `| ${name} | ${microseconds.toFixed(1)} | ${ratio.toFixed(2)} | ${low.toFixed(2)}–${high.toFixed(2)} |`,
  )
  return ['| case | µs | × floor | spread |', '|---|---:|---:|---|', ...lines].join('\n')
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle) - 1] ?? 0)) / 2
}
