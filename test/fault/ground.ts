import { join } from 'node:path'
import type { StatusStore } from '../../issuer/status/status.ts'
import * as postgresStatus from '../../issuer/status/store.postgres.ts'
import * as sqliteStatus from '../../issuer/status/store.sqlite.ts'
import * as postgresLog from '../../shared/audit/log.postgres.ts'
import * as sqliteLog from '../../shared/audit/log.sqlite.ts'
import type { AuditLog } from '../../shared/audit/log.ts'
import { openMarkFile } from '../../shared/audit/mark.file.ts'
import { openEd25519Key } from '../../shared/key/signer.software.ts'
import { systemRandom } from '../../shared/random.ts'
import type { StatusReference } from '../../shared/status-list/reference.ts'
import * as postgres from '../../shared/store/database.postgres.ts'
import * as sqlite from '../../shared/store/database.sqlite.ts'
import { leaseMigrations, openLease } from '../../shared/store/lease.postgres.ts'
import { type Lease, soleHolder } from '../../shared/store/lease.ts'
import * as postgresWebhook from '../../shared/webhook/store.postgres.ts'
import * as sqliteWebhook from '../../shared/webhook/store.sqlite.ts'

const ORIGIN = 'issuer.example/log'
const BASE_URL = 'https://issuer.example'

/** The lists and the log of an issuer, on either engine, and what the tests do with them. */
export interface Ground {
  readonly log: AuditLog
  readonly store: StatusStore
  readonly publication: Lease
  /** Takes an index on each of `copies` lists. */
  allocate(copies: number, now: number): Promise<readonly StatusReference[]>
  revoke(reference: StatusReference, now: number): Promise<void>
  /** Runs a query that both engines understand. */
  all<Row extends object>(sql: string): Promise<Row[]>
  /** Throws when the engine itself finds its files damaged. */
  checkFiles(): Promise<void>
  close(): Promise<void>
}

/** Opens what lies in `folder`, or in the PostgreSQL database at `url`; `key` is the log's PKCS#8 in base64. */
export async function openGround({
  folder,
  key,
  url,
}: {
  readonly folder: string
  readonly key: string
  readonly url?: string | undefined
}): Promise<Ground> {
  const signer = openEd25519Key(Buffer.from(key, 'base64').toString())
  const log = { origin: ORIGIN, signer, mark: openMarkFile(join(folder, 'mark')) }
  return url === undefined ? onSqlite(folder, log) : onPostgres(url, log)
}

type LogOptions = Parameters<typeof sqliteLog.openAuditLog>[1]

async function onSqlite(folder: string, log: LogOptions): Promise<Ground> {
  const db = sqlite.openDatabase(join(folder, 'issuer.db'), {
    audit: sqliteLog.auditLogMigrations,
    webhook: sqliteWebhook.webhookMigrations,
    status: sqliteStatus.statusMigrations,
  })
  return {
    log: sqliteLog.openAuditLog(db, log),
    store: sqliteStatus.openStatusStore(db, { baseUrl: BASE_URL, random: systemRandom }),
    publication: soleHolder,
    allocate: async (copies, now) =>
      sqlite.immediate(db, () =>
        sqliteStatus.allocateIndexes(db, { copies, credentialExpires: now + 86_400, now }),
      ),
    revoke: async (reference, now) => {
      sqlite.immediate(db, () => sqliteStatus.changeStatus(db, revocation(reference, now)))
    },
    all: async <Row extends object>(sql: string) => db.prepare(sql).all() as Row[],
    checkFiles: async () => {
      const found = db.pragma('integrity_check', { simple: true })
      if (found !== 'ok') throw new Error(String(found))
    },
    close: async () => {
      db.close()
    },
  }
}

async function onPostgres(url: string, log: LogOptions): Promise<Ground> {
  const db = await postgres.openDatabase(url, {
    lease: leaseMigrations,
    audit: postgresLog.auditLogMigrations,
    webhook: postgresWebhook.webhookMigrations,
    status: postgresStatus.statusMigrations,
  })
  // What was killed holds its lease for a while; a test does not wait as long as an operator would.
  const publication = openLease(db, 'status publication', 500)
  return {
    log: postgresLog.openAuditLog(db, { ...log, lease: openLease(db, 'log', 500) }),
    store: postgresStatus.openStatusStore(db, {
      baseUrl: BASE_URL,
      random: systemRandom,
      lease: publication,
    }),
    publication,
    allocate: (copies, now) =>
      db.transaction((tx) =>
        postgresStatus.allocateIndexes(tx, { copies, credentialExpires: now + 86_400, now }),
      ),
    revoke: async (reference, now) => {
      await db.transaction((tx) => postgresStatus.changeStatuses(tx, [revocation(reference, now)]))
    },
    all: (sql) => db.all(sql),
    // The server keeps checksums of its pages and stops at the first that is wrong.
    checkFiles: async () => {
      const row = await db.get<{ checksums: string }>(
        "SELECT current_setting('data_checksums') AS checksums",
      )
      if (row?.checksums !== 'on') throw new Error('this server keeps no checksums')
    },
    close: () => db.close(),
  }
}

function revocation(reference: StatusReference, now: number) {
  const decided = { to: 'revoked', reasonClass: 'fraud', actor: 'operator-1' } as const
  return { reference, ...decided, requestedAt: now, subjectKey: Buffer.alloc(32, 3), now }
}
