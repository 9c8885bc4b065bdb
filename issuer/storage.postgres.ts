import { accountMigrations, openAccountStore } from '../shared/account/store.postgres.ts'
import { keyMigrations, openApiKeyStore } from '../shared/api-key/store.postgres.ts'
import { auditLogMigrations, openAuditLog } from '../shared/audit/log.postgres.ts'
import { idempotencyMigrations } from '../shared/idempotency/once.postgres.ts'
import { fillingPostgres } from '../shared/store/copy.postgres.ts'
import type { CopyTarget } from '../shared/store/copy.ts'
import { checkWritable, examineDatabase, openDatabase } from '../shared/store/database.postgres.ts'
import { leaseMigrations, openLease } from '../shared/store/lease.postgres.ts'
import type { Migrations, SchemaState } from '../shared/store/migrations.ts'
import { openWebhookStore, webhookMigrations } from '../shared/webhook/store.postgres.ts'
import { openArtefactStore } from './oid4vci/artefact-store.postgres.ts'
import { openStatusOperations } from './status/operations.postgres.ts'
import { servedPools } from './status/served-pools.postgres.ts'
import { openStatusStore, statusMigrations } from './status/store.postgres.ts'
import type { IssuerStorage, IssuerStorageOptions } from './storage.ts'
import { issuerMigrations, openIssuerStore, subjectKeysOf } from './store.postgres.ts'

/** The schema of an issuer's whole database. */
export const issuerSchema: Migrations = {
  lease: leaseMigrations,
  key: keyMigrations,
  audit: auditLogMigrations,
  webhook: webhookMigrations,
  idempotency: idempotencyMigrations,
  status: statusMigrations,
  issuer: issuerMigrations,
  account: accountMigrations,
}

/** Opens the PostgreSQL database at `url`, which any number of servers work on. @throws OperatorError */
export async function openIssuerStorage(
  url: string,
  { baseUrl, vct, random }: IssuerStorageOptions,
): Promise<IssuerStorage> {
  const db = await openDatabase(url, issuerSchema)
  const publication = openLease(db, 'status publication')
  const logLease = openLease(db, 'log')
  return {
    webhooks: openWebhookStore(db),
    accounts: openAccountStore(db),
    keys: openApiKeyStore(db),
    store: openIssuerStore(db, { random, vct }),
    artefacts: openArtefactStore(db),
    statusStore: openStatusStore(db, { baseUrl, random, lease: publication }),
    operations: openStatusOperations(db, { random, subjectKeysOf }),
    publication,
    leases: { log: logLease, status_publication: publication },
    isShared: true,
    servedPools: servedPools(db),
    checkWritable: () => checkWritable(db),
    openLog: (options) => openAuditLog(db, { ...options, lease: logLease }),
    close: () => db.close(),
  }
}

/** Fills the PostgreSQL database at `url` in one transaction. @throws OperatorError */
export function copyToPostgres<Result>(
  url: string,
  work: (target: CopyTarget) => Promise<Result>,
): Promise<Result> {
  return fillingPostgres(url, issuerSchema, work)
}

/** Looks at the database at `url` and changes nothing. @throws OperatorError */
export function examineIssuerDatabase(url: string): Promise<SchemaState> {
  return examineDatabase(url, issuerSchema)
}
