import type { NumericDate } from '../clock.ts'
import type { Database } from '../store/database.sqlite.ts'
import { type IdempotencyKey, type KeptAnswer, type Once, reservation, sameAnswer } from './once.ts'

/** A migration of whatever component keeps answers. */
export const IDEMPOTENCY_TABLE = `CREATE TABLE idempotency (
     caller TEXT NOT NULL,
     key_sha256 TEXT NOT NULL,
     request_sha256 TEXT NOT NULL,
     status INTEGER NOT NULL,
     body TEXT NOT NULL,
     expires_at INTEGER NOT NULL,
     PRIMARY KEY (caller, key_sha256)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);`

/** The schema of kept answers as a component of its own. */
export const idempotencyMigrations: readonly string[] = [IDEMPOTENCY_TABLE]

/**
 * Keeps the answer of a request in the transaction of its effect. Answers the one that is kept already, and then there
 * must be no second effect. @throws Problem `idempotency_key_reused`
 */
export function keepAnswer(db: Database, once: Once, now: NumericDate): KeptAnswer | undefined {
  const { caller, keySha256, requestSha256, answer, expiresAt } = once
  const kept = keptAnswer(db, once, now)
  if (kept !== undefined) return kept
  db.prepare('INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?, ?)').run(
    ...[caller, keySha256, requestSha256, answer.status, answer.body, expiresAt],
  )
  return undefined
}

/** The answer that is kept under a key, and keeps none. @throws Problem `idempotency_key_reused` */
export function keptAnswer(
  db: Database,
  key: IdempotencyKey,
  now: NumericDate,
): KeptAnswer | undefined {
  const kept = db
    .prepare<[string, string, number], KeptAnswer & { requestSha256: string }>(
      `SELECT request_sha256 AS requestSha256, status, body FROM idempotency
       WHERE caller = ? AND key_sha256 = ? AND expires_at > ?`,
    )
    .get(key.caller, key.keySha256, now)
  return kept && sameAnswer(kept, key)
}

/**
 * Has the effect of a request in the caller's transaction and keeps what it came to, as JSON. Where its key had it before there is
 * no effect, and the answer is what it came to then. @throws Problem `idempotency_key_reused`, and what `effect` throws
 */
export function effectOnce<Result>(
  db: Database,
  key: IdempotencyKey | undefined,
  now: NumericDate,
  effect: () => Result,
): Result {
  if (key === undefined) return effect()
  const kept = keepAnswer(db, reservation(key, now), now)
  if (kept !== undefined) return JSON.parse(kept.body) as Result
  const result = effect()
  db.prepare('UPDATE idempotency SET body = ? WHERE caller = ? AND key_sha256 = ?').run(
    ...[JSON.stringify(result), key.caller, key.keySha256],
  )
  return result
}

export function forgetAnswers(db: Database, now: NumericDate): void {
  db.prepare('DELETE FROM idempotency WHERE expires_at <= ?').run(now)
}
