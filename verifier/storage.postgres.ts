import { auditLogMigrations, openAuditLog } from '../shared/audit/log.postgres.ts'
import { checkWritable, type Migrations, openDatabase } from '../shared/store/database.postgres.ts'
import { leaseMigrations, openLease } from '../shared/store/lease.postgres.ts'
import type { VerifierStorage } from './storage.ts'
import { openVerifierStore, verifierMigrations } from './store.postgres.ts'

/** The schema of a verifier's whole database. */
export const verifierSchema: Migrations = {
  lease: leaseMigrations,
  audit: auditLogMigrations,
  verifier: verifierMigrations,
}

/** Opens the PostgreSQL database at `url`, which any number of servers work on. @throws OperatorError */
export async function openVerifierStorage(url: string): Promise<VerifierStorage> {
  const db = await openDatabase(url, verifierSchema)
  return {
    store: openVerifierStore(db),
    checkWritable: () => checkWritable(db),
    openLog: (options) => openAuditLog(db, { ...options, lease: openLease(db, 'log') }),
    close: () => db.close(),
  }
}
