import { auditLogMigrations, openAuditLog } from '../shared/audit/log.sqlite.ts'
import {
  checkWritable,
  type Database,
  type Migrations,
  openDatabase,
} from '../shared/store/database.sqlite.ts'
import type { VerifierStorage } from './storage.ts'
import { openVerifierStore, verifierMigrations } from './store.sqlite.ts'

/** The schema of a verifier's whole database. */
export const verifierSchema: Migrations = {
  audit: auditLogMigrations,
  verifier: verifierMigrations,
}

/** Opens the SQLite file at `path`, which one server at a time works on. @throws OperatorError */
export async function openVerifierStorage(path: string): Promise<VerifierStorage> {
  return verifierStorageOn(openDatabase(path, verifierSchema))
}

/** The storage of a verifier on an open database, whose migrations have run. */
export function verifierStorageOn(db: Database): VerifierStorage {
  return {
    store: openVerifierStore(db),
    checkWritable: async () => checkWritable(db),
    openLog: (options) => openAuditLog(db, options),
    close: async () => {
      db.close()
    },
  }
}
