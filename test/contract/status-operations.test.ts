import * as onPostgres from '../../issuer/status/operations.postgres.ts'
import * as onSqlite from '../../issuer/status/operations.sqlite.ts'
import * as postgresStatus from '../../issuer/status/store.postgres.ts'
import * as sqliteStatus from '../../issuer/status/store.sqlite.ts'
import * as postgresLog from '../../shared/audit/log.postgres.ts'
import * as sqliteLog from '../../shared/audit/log.sqlite.ts'
import * as postgresOnce from '../../shared/idempotency/once.postgres.ts'
import * as sqliteOnce from '../../shared/idempotency/once.sqlite.ts'
import { generateEd25519Key } from '../../shared/key/signer.software.ts'
import * as postgres from '../../shared/store/database.postgres.ts'
import * as sqlite from '../../shared/store/database.sqlite.ts'
import { leaseMigrations, openLease } from '../../shared/store/lease.postgres.ts'
import * as postgresWebhook from '../../shared/webhook/store.postgres.ts'
import * as sqliteWebhook from '../../shared/webhook/store.sqlite.ts'
import { postgresDatabase } from '../support/postgres.ts'
import { statusOperationsContract } from './status-operations.ts'

const baseUrl = 'https://issuer.example'
const origin = 'issuer.example/log'
const subject = 'session-1'

statusOperationsContract('SQLite', async (inputs) => {
  const db = sqlite.openDatabase(':memory:', {
    audit: sqliteLog.auditLogMigrations,
    webhook: sqliteWebhook.webhookMigrations,
    idempotency: sqliteOnce.idempotencyMigrations,
    status: sqliteStatus.statusMigrations,
  })
  const { signer } = generateEd25519Key()
  return {
    store: sqliteStatus.openStatusStore(db, { baseUrl, random: (length) => inputs.random(length) }),
    log: sqliteLog.openAuditLog(db, { origin, signer }),
    operations: onSqlite.openStatusOperations(db, {
      random: (length) => inputs.random(length),
      subjectKeyOf: () => inputs.subjectKey,
    }),
    webhooks: sqliteWebhook.openWebhookStore(db),
    allocate: async (copies, credentialExpires) =>
      sqlite.immediate(db, () =>
        sqliteStatus.allocateIndexes(db, { copies, credentialExpires, now: 0, subject }),
      ),
    entries: async () =>
      db
        .prepare<[], { entry: Buffer }>('SELECT entry FROM audit_entry ORDER BY idx')
        .all()
        .map(({ entry }) => JSON.parse(entry.toString())),
    close: async () => {
      db.close()
    },
  }
})

statusOperationsContract('PostgreSQL', async (inputs) => {
  const db = await postgres.openDatabase(await postgresDatabase(), {
    lease: leaseMigrations,
    audit: postgresLog.auditLogMigrations,
    webhook: postgresWebhook.webhookMigrations,
    idempotency: postgresOnce.idempotencyMigrations,
    status: postgresStatus.statusMigrations,
  })
  const { signer } = generateEd25519Key()
  return {
    store: postgresStatus.openStatusStore(db, {
      baseUrl,
      random: (length) => inputs.random(length),
    }),
    log: postgresLog.openAuditLog(db, { origin, signer, lease: openLease(db, 'log') }),
    operations: onPostgres.openStatusOperations(db, {
      random: (length) => inputs.random(length),
      subjectKeysOf: async (_tx, references) => references.map(() => inputs.subjectKey),
    }),
    webhooks: postgresWebhook.openWebhookStore(db),
    allocate: (copies, credentialExpires) =>
      db.transaction((tx) =>
        postgresStatus.allocateIndexes(tx, { copies, credentialExpires, now: 0, subject }),
      ),
    entries: async () => {
      const rows = await db.all<{ entry: Buffer }>('SELECT entry FROM audit_entry ORDER BY idx')
      return rows.map(({ entry }) => JSON.parse(entry.toString()))
    },
    close: () => db.close(),
  }
})
