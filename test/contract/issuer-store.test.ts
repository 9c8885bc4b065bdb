import { join } from 'node:path'
import { IDENTITY_VCT } from '../../issuer/credential/identity.ts'
import { DEFAULT_CADENCE, publishStatusLists } from '../../issuer/status/publish.ts'
import * as postgresStatus from '../../issuer/status/store.postgres.ts'
import {
  changeStatus,
  openStatusStore,
  statusMigrations,
} from '../../issuer/status/store.sqlite.ts'
import * as postgresIssuer from '../../issuer/store.postgres.ts'
import { issuerMigrations, openIssuerStore } from '../../issuer/store.sqlite.ts'
import * as postgresKeys from '../../shared/api-key/store.postgres.ts'
import { keyMigrations } from '../../shared/api-key/store.sqlite.ts'
import * as postgresLog from '../../shared/audit/log.postgres.ts'
import { auditLogMigrations, openAuditLog } from '../../shared/audit/log.sqlite.ts'
import * as postgresOnce from '../../shared/idempotency/once.postgres.ts'
import { idempotencyMigrations } from '../../shared/idempotency/once.sqlite.ts'
import { generateEd25519Key } from '../../shared/key/signer.software.ts'
import { systemRandom } from '../../shared/random.ts'
import * as postgres from '../../shared/store/database.postgres.ts'
import { type Database, immediate, openDatabase } from '../../shared/store/database.sqlite.ts'
import { leaseMigrations, openLease } from '../../shared/store/lease.postgres.ts'
import * as postgresWebhook from '../../shared/webhook/store.postgres.ts'
import { openWebhookStore, webhookMigrations } from '../../shared/webhook/store.sqlite.ts'
import { postgresDatabase } from '../support/postgres.ts'
import { unsignedTokens } from '../support/status.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { issuerStoreContract } from './issuer-store.ts'

const START = 1_700_000_000

issuerStoreContract('SQLite', async () => {
  const folder = temporaryFolder()
  const databases: Database[] = []
  const open = (): Database => {
    const db = openDatabase(join(folder.path, 'issuer.db'), {
      key: keyMigrations,
      audit: auditLogMigrations,
      webhook: webhookMigrations,
      idempotency: idempotencyMigrations,
      status: statusMigrations,
      issuer: issuerMigrations,
    })
    databases.push(db)
    return db
  }
  const [one, other] = [open(), open()]
  const random = systemRandom
  const log = openAuditLog(one, { origin: 'test/log', signer: generateEd25519Key().signer })
  const store = openStatusStore(one, { baseUrl: 'https://issuer.example', random })
  await store.keepOpen({ name: 'standard', size: 1024, lanes: 3 }, START)
  await publishStatusLists({ store, log, cadence: DEFAULT_CADENCE, ...unsignedTokens }, START)
  const published = one.prepare('SELECT count(*) FROM audit_entry').pluck().get() as number
  return {
    webhooks: openWebhookStore(one),
    first: openIssuerStore(one, { random, vct: IDENTITY_VCT }),
    second: openIssuerStore(other, { random, vct: IDENTITY_VCT }),
    revokeCopy: async (reference) => {
      immediate(one, () =>
        changeStatus(one, {
          reference,
          to: 'revoked',
          reasonClass: 'holder_request',
          actor: 'op',
          requestedAt: START,
          subjectKey: Buffer.alloc(32, 1),
          now: START,
        }),
      )
    },
    entries: async () =>
      one
        .prepare<[number], { entry: Buffer }>(
          'SELECT entry FROM audit_entry WHERE idx >= ? ORDER BY idx',
        )
        .all(published)
        .map(({ entry }) => JSON.parse(entry.toString()).type),
    everything: async () => JSON.stringify(one.prepare('SELECT * FROM session').all()),
    close: async () => {
      for (const db of databases) db.close()
      folder.remove()
    },
  }
})

issuerStoreContract('PostgreSQL', async () => {
  const url = await postgresDatabase()
  const open = () =>
    postgres.openDatabase(url, {
      lease: leaseMigrations,
      key: postgresKeys.keyMigrations,
      audit: postgresLog.auditLogMigrations,
      webhook: postgresWebhook.webhookMigrations,
      idempotency: postgresOnce.idempotencyMigrations,
      status: postgresStatus.statusMigrations,
      issuer: postgresIssuer.issuerMigrations,
    })
  const [one, other] = [await open(), await open()]
  const random = systemRandom
  const { signer } = generateEd25519Key()
  const lease = openLease(one, 'log')
  const log = postgresLog.openAuditLog(one, { origin: 'test/log', signer, lease })
  const store = postgresStatus.openStatusStore(one, { baseUrl: 'https://issuer.example', random })
  await store.keepOpen({ name: 'standard', size: 1024, lanes: 3 }, START)
  await publishStatusLists({ store, log, cadence: DEFAULT_CADENCE, ...unsignedTokens }, START)
  const head = await one.get<{ size: number }>('SELECT size FROM audit_head')
  return {
    webhooks: postgresWebhook.openWebhookStore(one),
    first: postgresIssuer.openIssuerStore(one, { random, vct: IDENTITY_VCT }),
    second: postgresIssuer.openIssuerStore(other, { random, vct: IDENTITY_VCT }),
    revokeCopy: async (reference) => {
      const decided = { to: 'revoked', reasonClass: 'holder_request', actor: 'op' } as const
      const subjectKey = Buffer.alloc(32, 1)
      const change = { reference, ...decided, requestedAt: START, subjectKey, now: START }
      await one.transaction((tx) => postgresStatus.changeStatuses(tx, [change]))
    },
    entries: async () => {
      const rows = await one.all<{ entry: Buffer }>(
        'SELECT entry FROM audit_entry WHERE idx >= $1 ORDER BY idx',
        [head?.size],
      )
      return rows.map(({ entry }) => JSON.parse(entry.toString()).type)
    },
    everything: async () => JSON.stringify(await one.all('SELECT * FROM session')),
    close: async () => {
      await one.close()
      await other.close()
    },
  }
})
