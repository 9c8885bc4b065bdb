import { openAuditLog, requireContinuation } from '../audit/log.sqlite.ts'
import { LogMismatch } from '../audit/log.ts'
import type { Ed25519Signer } from '../key/signer.ts'
import { OperatorError } from '../operator-error.ts'
import { type Database, openSqlite } from '../store/database.sqlite.ts'

const BUSY_TIMEOUT_MS = 30_000

/**
 * Writes a whole, consistent copy of the database at `path` to a new file, while others write to it: one read
 * transaction, so that however busy they are it comes to an end.
 */
export function snapshotDatabase(path: string, into: string): void {
  withDatabase(path, (db) => db.prepare('VACUUM INTO ?').run(into))
}

/** The last checkpoint that the log in a database has signed. */
export function signedCheckpoint(path: string): string | undefined {
  return withDatabase(
    path,
    (db) =>
      db.prepare('SELECT note FROM audit_checkpoint ORDER BY size DESC LIMIT 1').pluck().get() as
        | string
        | undefined,
  )
}

/**
 * Shows that a restored database is whole, that its log hashes to what was signed, and that it continues each of
 * `checkpoints`, which others have seen.
 * @throws OperatorError `backup_unusable`, `backup_old`
 */
export async function checkSnapshot(
  path: string,
  log: { readonly origin: string; readonly signer: Ed25519Signer },
  checkpoints: readonly string[],
): Promise<void> {
  const db = openSqlite(path, BUSY_TIMEOUT_MS)
  try {
    refuseDamage(db)
    const findings = await openAuditLog(db, log).check()
    if (findings.length > 0) {
      throw new OperatorError('backup_unusable', `the log in the backup: ${findings[0]}`)
    }
    for (const checkpoint of checkpoints) await requireContinuation(db, log, checkpoint)
  } catch (error) {
    if (!(error instanceof LogMismatch)) throw error
    throw new OperatorError('backup_old', `the backup is not the newest state: ${error.message}`, {
      cause: error,
    })
  } finally {
    db.close()
  }
}

function refuseDamage(db: Database): void {
  const integrity = db.pragma('integrity_check', { simple: true })
  const orphans = db.pragma('foreign_key_check') as unknown[]
  if (integrity === 'ok' && orphans.length === 0) return
  throw new OperatorError('backup_unusable', 'the database in the backup is damaged')
}

function withDatabase<Result>(path: string, work: (db: Database) => Result): Result {
  const db = openSqlite(path, BUSY_TIMEOUT_MS)
  try {
    return work(db)
  } finally {
    db.close()
  }
}
