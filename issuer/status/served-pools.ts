import type { NumericDate } from '../../shared/clock.ts'

/** What is served of a pool's lists: of each time the one of the list that is worst off. */
export interface ServedPool {
  readonly pool: string
  readonly iat: NumericDate
  readonly exp: NumericDate
}

/** @throws when verifiers have no list of a pool that they may use. Token Status List §8.3 */
export function refuseExpired(pools: readonly ServedPool[], now: NumericDate): void {
  for (const { pool, exp } of pools) {
    if (exp <= now) throw new Error(`what is served of the lists of ${pool} has expired`)
  }
}

/** Reads, of every pool, the oldest of the newest tokens that are served. */
export type ReadServedPools = (now: NumericDate) => Promise<readonly ServedPool[]>
