import type { Database, Sql } from './database.postgres.ts'
import { type Lease, LeaseLost } from './lease.ts'

/** The schema of the leases, in the order in which it grew. */
export const leaseMigrations: readonly string[] = [
  `CREATE TABLE lease (
     name TEXT PRIMARY KEY,
     token BIGINT NOT NULL,
     expires_at TIMESTAMPTZ NOT NULL
   )`,
]

/** A lease whose writes prove that nobody has taken it over. */
export interface FencedLease extends Lease {
  /**
   * Shows inside the transaction of a write that the lease is still ours, and keeps it so until the transaction ends.
   * @throws LeaseLost
   */
  fence(tx: Sql): Promise<void>
}

const TTL_MS = 20_000

/**
 * Opens the lease called `name`. Each holder gets a larger token than the one before, so that a holder who was thought
 * dead and comes back writes nothing. The server's clock alone decides when a lease has expired.
 */
export function openLease(db: Database, name: string, ttlMs: number = TTL_MS): FencedLease {
  let held: number | undefined
  let last: number | undefined
  return {
    during: async (work) => {
      const taken = await db.get<{ token: number }>(
        `INSERT INTO lease (name, token, expires_at)
         VALUES ($1, 1, clock_timestamp() + $2 * interval '1 millisecond')
         ON CONFLICT (name) DO UPDATE SET token = lease.token + 1, expires_at = excluded.expires_at
           WHERE lease.expires_at <= clock_timestamp()
         RETURNING token`,
        [name, ttlMs],
      )
      if (taken === undefined) return undefined
      const { token } = taken
      held = token
      last = token
      const renewal = setInterval(() => renew(db, { name, token, ttlMs }), ttlMs / 3)
      try {
        return { result: await work() }
      } finally {
        clearInterval(renewal)
        if (held === token) held = undefined
        await release(db, { name, token })
      }
    },
    isOurs: async () => {
      const row = await db.get('SELECT 1 FROM lease WHERE name = $1 AND token = $2', [
        ...[name, last ?? 0],
      ])
      return row !== undefined
    },
    fence: async (tx) => {
      const row = await tx.get('SELECT 1 FROM lease WHERE name = $1 AND token = $2 FOR UPDATE', [
        name,
        held ?? 0,
      ])
      if (row === undefined) throw new LeaseLost(`another process does the work of ${name}`)
    },
  }
}

/** A renewal that fails is no harm: the next one may succeed, and a write is fenced in any case. */
function renew(
  db: Database,
  { name, token, ttlMs }: { name: string; token: number; ttlMs: number },
): void {
  db.run(
    `UPDATE lease SET expires_at = clock_timestamp() + $3 * interval '1 millisecond'
     WHERE name = $1 AND token = $2`,
    [name, token, ttlMs],
  ).catch(() => undefined)
}

/** Where the server cannot be reached the lease expires by itself. */
async function release(
  db: Database,
  { name, token }: { name: string; token: number },
): Promise<void> {
  await db
    .run(`UPDATE lease SET expires_at = '-infinity' WHERE name = $1 AND token = $2`, [name, token])
    .catch(() => undefined)
}
