import { accountMigrations, openAccountStore } from '../shared/account/store.sqlite.ts'
import { keyMigrations, openApiKeyStore } from '../shared/api-key/store.sqlite.ts'
import { auditLogMigrations, openAuditLog } from '../shared/audit/log.sqlite.ts'
import { idempotencyMigrations } from '../shared/idempotency/once.sqlite.ts'
import { readingSqlite } from '../shared/store/copy.sqlite.ts'
import type { CopySource } from '../shared/store/copy.ts'
import {
  checkWritable,
  type Database,
  examineDatabase,
  openDatabase,
} from '../shared/store/database.sqlite.ts'
import { soleHolder } from '../shared/store/lease.ts'
import type { Migrations, SchemaState } from '../shared/store/migrations.ts'
import { openWebhookStore, webhookMigrations } from '../shared/webhook/store.sqlite.ts'
import { openArtefactStore } from './oid4vci/artefact-store.sqlite.ts'
import { openStatusOperations } from './status/operations.sqlite.ts'
import { servedPools } from './status/served-pools.sqlite.ts'
import { openStatusStore, statusMigrations } from './status/store.sqlite.ts'
import type { IssuerStorage, IssuerStorageOptions } from './storage.ts'
import { issuerMigrations, openIssuerStore, subjectKeyOf } from './store.sqlite.ts'

/** The schema of an issuer's whole database. */
export const issuerSchema: Migrations = {
  key: keyMigrations,
  audit: auditLogMigrations,
  webhook: webhookMigrations,
  idempotency: idempotencyMigrations,
  status: statusMigrations,
  issuer: issuerMigrations,
  account: accountMigrations,
}

/** Opens the SQLite file at `path`, which one server at a time works on. @throws OperatorError */
export async function openIssuerStorage(
  path: string,
  options: IssuerStorageOptions,
): Promise<IssuerStorage> {
  return issuerStorageOn(openDatabase(path, issuerSchema), options)
}

/** The storage of an issuer on an open database, whose migrations have run. */
export function issuerStorageOn(
  db: Database,
  { baseUrl, vct, random }: IssuerStorageOptions,
): IssuerStorage {
  return {
    webhooks: openWebhookStore(db),
    accounts: openAccountStore(db),
    keys: openApiKeyStore(db),
    store: openIssuerStore(db, { random, vct }),
    artefacts: openArtefactStore(db),
    statusStore: openStatusStore(db, { baseUrl, random }),
    operations: openStatusOperations(db, {
      random,
      subjectKeyOf: (reference) => subjectKeyOf(db, reference),
    }),
    publication: soleHolder,
    leases: { log: soleHolder, status_publication: soleHolder },
    isShared: false,
    servedPools: servedPools(db),
    checkWritable: async () => checkWritable(db),
    openLog: (options) => openAuditLog(db, options),
    close: async () => {
      db.close()
    },
  }
}

/** Reads the SQLite file at `path` as it is while nobody writes to it. @throws OperatorError */
export function copyFromSqlite<Result>(
  path: string,
  work: (source: CopySource) => Promise<Result>,
): Promise<Result> {
  return readingSqlite(path, issuerSchema, work)
}

/** Looks at the database at `path` and changes nothing. @throws OperatorError */
export async function examineIssuerDatabase(path: string): Promise<SchemaState> {
  return examineDatabase(path, issuerSchema)
}
