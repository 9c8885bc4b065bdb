import { keyMigrations, openApiKeyStore } from '../shared/api-key/store.postgres.ts'
import { auditLogMigrations, openAuditLog } from '../shared/audit/log.postgres.ts'
import type { Random } from '../shared/random.ts'
import { checkWritable, examineDatabase, openDatabase } from '../shared/store/database.postgres.ts'
import { leaseMigrations, openLease } from '../shared/store/lease.postgres.ts'
import type { Migrations, SchemaState } from '../shared/store/migrations.ts'
import { openWebhookStore, webhookMigrations } from '../shared/webhook/store.postgres.ts'
import type { VerifierStorage } from './storage.ts'
import { openVerifierStore, verifierMigrations } from './store.postgres.ts'

/** The schema of a verifier's whole database. */
export const verifierSchema: Migrations = {
  lease: leaseMigrations,
  key: keyMigrations,
  audit: auditLogMigrations,
  webhook: webhookMigrations,
  verifier: verifierMigrations,
}

/** Opens the PostgreSQL database at `url`, which any number of servers work on. @throws OperatorError */
export async function openVerifierStorage(
  url: string,
  options: { readonly random: Random },
): Promise<VerifierStorage> {
  const db = await openDatabase(url, verifierSchema)
  const logLease = openLease(db, 'log')
  return {
    webhooks: openWebhookStore(db),
    keys: openApiKeyStore(db),
    store: openVerifierStore(db, options),
    leases: { log: logLease },
    checkWritable: () => checkWritable(db),
    openLog: (logOptions) => openAuditLog(db, { ...logOptions, lease: logLease }),
    close: () => db.close(),
  }
}

/** Looks at the database at `url` and changes nothing. @throws OperatorError */
export function examineVerifierDatabase(url: string): Promise<SchemaState> {
  return examineDatabase(url, verifierSchema)
}
