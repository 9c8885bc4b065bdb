import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as postgresPools from '../../issuer/status/served-pools.postgres.ts'
import * as sqlitePools from '../../issuer/status/served-pools.sqlite.ts'
import * as postgresStatus from '../../issuer/status/store.postgres.ts'
import {
  allocateIndexes,
  changeStatus,
  openStatusStore,
  statusMigrations,
} from '../../issuer/status/store.sqlite.ts'
import * as postgresLog from '../../shared/audit/log.postgres.ts'
import { auditLogMigrations, openAuditLog } from '../../shared/audit/log.sqlite.ts'
import { generateEd25519Key } from '../../shared/key/signer.software.ts'
import { systemRandom } from '../../shared/random.ts'
import * as postgres from '../../shared/store/database.postgres.ts'
import { type Database, immediate, openDatabase } from '../../shared/store/database.sqlite.ts'
import { leaseMigrations, openLease } from '../../shared/store/lease.postgres.ts'
import * as postgresWebhook from '../../shared/webhook/store.postgres.ts'
import { openWebhookStore, webhookMigrations } from '../../shared/webhook/store.sqlite.ts'
import { postgresDatabase } from '../support/postgres.ts'
import { type StatusStoreHandle, statusStoreContract } from './status-store.ts'

const START = 1_800_000_000

statusStoreContract('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-status-'))
  const { signer } = generateEd25519Key()
  const databases: Database[] = []
  const open = (): StatusStoreHandle => {
    const migrations = {
      audit: auditLogMigrations,
      webhook: webhookMigrations,
      status: statusMigrations,
    }
    const db = openDatabase(join(folder, 'issuer.db'), migrations)
    databases.push(db)
    return {
      store: openStatusStore(db, { baseUrl: 'https://issuer.example', random: systemRandom }),
      servedPools: sqlitePools.servedPools(db),
      log: openAuditLog(db, { origin: 'issuer.example/log', signer }),
      webhooks: openWebhookStore(db),
      allocate: async (copies, credentialExpires, subject) =>
        immediate(db, () =>
          allocateIndexes(db, {
            copies,
            credentialExpires,
            now: START,
            ...(subject === undefined ? {} : { subject }),
          }),
        ),
      change: async (reference, to, now) =>
        immediate(db, () =>
          changeStatus(db, {
            reference,
            to,
            reasonClass: 'fraud',
            actor: 'operator-1',
            requestedAt: now,
            subjectKey: Buffer.alloc(32, 1),
            now,
          }),
        ),
    }
  }
  return {
    first: open(),
    second: open(),
    close: async () => {
      for (const db of databases) db.close()
      rmSync(folder, { recursive: true })
    },
  }
})

statusStoreContract('PostgreSQL', async () => {
  const url = await postgresDatabase()
  const { signer } = generateEd25519Key()
  const databases: postgres.Database[] = []
  const open = async (): Promise<StatusStoreHandle> => {
    const db = await postgres.openDatabase(url, {
      lease: leaseMigrations,
      audit: postgresLog.auditLogMigrations,
      webhook: postgresWebhook.webhookMigrations,
      status: postgresStatus.statusMigrations,
    })
    databases.push(db)
    const baseUrl = 'https://issuer.example'
    return {
      store: postgresStatus.openStatusStore(db, { baseUrl, random: systemRandom }),
      servedPools: postgresPools.servedPools(db),
      log: postgresLog.openAuditLog(db, {
        origin: 'issuer.example/log',
        signer,
        lease: openLease(db, 'log'),
      }),
      webhooks: postgresWebhook.openWebhookStore(db),
      allocate: (copies, credentialExpires, subject) =>
        db.transaction((tx) =>
          postgresStatus.allocateIndexes(tx, {
            copies,
            credentialExpires,
            now: START,
            ...(subject === undefined ? {} : { subject }),
          }),
        ),
      change: (reference, to, now) =>
        db.transaction(async (tx) => {
          const decided = { reference, to, reasonClass: 'fraud', actor: 'operator-1' } as const
          const subjectKey = Buffer.alloc(32, 1)
          const change = { ...decided, requestedAt: now, subjectKey, now }
          return (await postgresStatus.changeStatuses(tx, [change]))[0] ?? 0
        }),
    }
  }
  return {
    first: await open(),
    second: await open(),
    close: async () => {
      for (const db of databases) await db.close()
    },
  }
})
