import type { NumericDate } from '../clock.ts'
import type { Database } from '../store/database.sqlite.ts'
import { type KeptAnswer, type Once, sameAnswer } from './once.ts'

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

/**
 * Keeps the answer of a request in the transaction of its effect. Answers the one that is kept already, and then there
 * must be no second effect. @throws Problem `idempotency_key_reused`
 */
export function keepAnswer(db: Database, once: Once, now: NumericDate): KeptAnswer | undefined {
  const { caller, keySha256, requestSha256, answer, expiresAt } = once
  const kept = db
    .prepare<[string, string, number], KeptAnswer & { requestSha256: string }>(
      `SELECT request_sha256 AS requestSha256, status, body FROM idempotency
       WHERE caller = ? AND key_sha256 = ? AND expires_at > ?`,
    )
    .get(caller, keySha256, now)
  if (kept !== undefined) return sameAnswer(kept, once)
  db.prepare('INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?, ?)').run(
    ...[caller, keySha256, requestSha256, answer.status, answer.body, expiresAt],
  )
  return undefined
}

export function forgetAnswers(db: Database, now: NumericDate): void {
  db.prepare('DELETE FROM idempotency WHERE expires_at <= ?').run(now)
}
