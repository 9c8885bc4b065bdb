import type { CopyResult } from '../../shared/store/copy.ts'
import type { World } from '../world.ts'

/** Moves everything that a stopped issuer keeps from an SQLite file to an empty PostgreSQL database, all or nothing. */
export async function copyStore(
  world: World,
  given: { readonly from: string; readonly to: string },
): Promise<void> {
  const results: readonly CopyResult[] = await world.copyStore(given)
  for (const { table, rows, digest } of results) world.print(`${table} ${rows} ${digest}`)
  const total = results.reduce((sum, { rows }) => sum + rows, 0)
  world.print(`${total} rows in ${results.length} tables, each read back as it was written`)
}
