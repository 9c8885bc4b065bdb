import { keyMigrations, openApiKeyStore } from '../shared/api-key/store.sqlite.ts'
import { auditLogMigrations, openAuditLog } from '../shared/audit/log.sqlite.ts'
import type { Random } from '../shared/random.ts'
import {
  checkWritable,
  type Database,
  examineDatabase,
  openDatabase,
} from '../shared/store/database.sqlite.ts'
import { soleHolder } from '../shared/store/lease.ts'
import type { Migrations, SchemaState } from '../shared/store/migrations.ts'
import { openWebhookStore, webhookMigrations } from '../shared/webhook/store.sqlite.ts'
import type { VerifierStorage } from './storage.ts'
import { openVerifierStore, verifierMigrations } from './store.sqlite.ts'

/** The schema of a verifier's whole database. */
export const verifierSchema: Migrations = {
  key: keyMigrations,
  audit: auditLogMigrations,
  webhook: webhookMigrations,
  verifier: verifierMigrations,
}

/** Opens the SQLite file at `path`, which one server at a time works on. @throws OperatorError */
export async function openVerifierStorage(
  path: string,
  options: { readonly random: Random },
): Promise<VerifierStorage> {
  return verifierStorageOn(openDatabase(path, verifierSchema), options)
}

/** The storage of a verifier on an open database, whose migrations have run. */
export function verifierStorageOn(
  db: Database,
  options: { readonly random: Random },
): VerifierStorage {
  return {
    webhooks: openWebhookStore(db),
    keys: openApiKeyStore(db),
    store: openVerifierStore(db, options),
    leases: { log: soleHolder },
    checkWritable: async () => checkWritable(db),
    openLog: (logOptions) => openAuditLog(db, logOptions),
    close: async () => {
      db.close()
    },
  }
}

/** Looks at the database at `path` and changes nothing. @throws OperatorError */
export async function examineVerifierDatabase(path: string): Promise<SchemaState> {
  return examineDatabase(path, verifierSchema)
}
