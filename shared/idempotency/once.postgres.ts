import type { NumericDate } from '../clock.ts'
import type { Sql } from '../store/database.postgres.ts'
import { type IdempotencyKey, type KeptAnswer, type Once, reservation, sameAnswer } from './once.ts'

/** A migration of whatever component keeps answers. */
export const IDEMPOTENCY_TABLE = `CREATE TABLE idempotency (
     caller TEXT NOT NULL,
     key_sha256 TEXT NOT NULL,
     request_sha256 TEXT NOT NULL,
     status BIGINT NOT NULL,
     body TEXT NOT NULL,
     expires_at BIGINT NOT NULL,
     PRIMARY KEY (caller, key_sha256)
   );
   CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);`

/** The schema of kept answers as a component of its own. */
export const idempotencyMigrations: readonly string[] = [IDEMPOTENCY_TABLE]

/**
 * Keeps the answer of a request in the transaction of its effect. Answers the one that is kept already, and then there
 * must be no second effect. Of two transactions with one key, the later waits here until the earlier has ended.
 * @throws Problem `idempotency_key_reused`
 */
export async function keepAnswer(
  tx: Sql,
  once: Once,
  now: NumericDate,
): Promise<KeptAnswer | undefined> {
  const { caller, keySha256, requestSha256, answer, expiresAt } = once
  const written = await tx.run(
    `INSERT INTO idempotency AS kept VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (caller, key_sha256) DO UPDATE SET request_sha256 = excluded.request_sha256,
       status = excluded.status, body = excluded.body, expires_at = excluded.expires_at
     WHERE kept.expires_at <= $7`,
    [caller, keySha256, requestSha256, answer.status, answer.body, expiresAt, now],
  )
  if (written === 1) return undefined
  const kept = await tx.get<KeptAnswer & { requestSha256: string }>(
    `SELECT request_sha256 AS "requestSha256", status, body FROM idempotency
     WHERE caller = $1 AND key_sha256 = $2`,
    [caller, keySha256],
  )
  if (kept === undefined) throw new Error('a kept answer is not there')
  return sameAnswer(kept, once)
}

/**
 * Has the effect of a request in the caller's transaction and keeps what it came to, as JSON. Where its key had it before there is
 * no effect, and the answer is what it came to then. It comes before every other lock of its transaction.
 * @throws Problem `idempotency_key_reused`, and what `effect` throws
 */
export async function effectOnce<Result>(
  tx: Sql,
  key: IdempotencyKey | undefined,
  now: NumericDate,
  effect: () => Promise<Result>,
): Promise<Result> {
  if (key === undefined) return effect()
  const kept = await keepAnswer(tx, reservation(key, now), now)
  if (kept !== undefined) return JSON.parse(kept.body) as Result
  const result = await effect()
  await tx.run('UPDATE idempotency SET body = $1 WHERE caller = $2 AND key_sha256 = $3', [
    ...[JSON.stringify(result), key.caller, key.keySha256],
  ])
  return result
}

export async function forgetAnswers(tx: Sql, now: NumericDate): Promise<void> {
  await tx.run('DELETE FROM idempotency WHERE expires_at <= $1', [now])
}
