import { join } from 'node:path'
import * as postgresLog from '../../shared/audit/log.postgres.ts'
import * as sqliteLog from '../../shared/audit/log.sqlite.ts'
import { generateEd25519Key } from '../../shared/key/signer.software.ts'
import { systemRandom } from '../../shared/random.ts'
import * as postgres from '../../shared/store/database.postgres.ts'
import * as sqlite from '../../shared/store/database.sqlite.ts'
import { openLease } from '../../shared/store/lease.postgres.ts'
import * as postgresWebhook from '../../shared/webhook/store.postgres.ts'
import * as sqliteWebhook from '../../shared/webhook/store.sqlite.ts'
import * as onPostgres from '../../verifier/storage.postgres.ts'
import * as onSqlite from '../../verifier/storage.sqlite.ts'
import * as postgresStore from '../../verifier/store.postgres.ts'
import * as sqliteStore from '../../verifier/store.sqlite.ts'
import { postgresDatabase } from '../support/postgres.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { verifierStoreContract } from './verifier-store.ts'

const origin = 'driver.example'

verifierStoreContract('SQLite', async () => {
  const folder = temporaryFolder()
  const connections: sqlite.Database[] = []
  const open = (): sqlite.Database => {
    const db = sqlite.openDatabase(join(folder.path, 'verifier.db'), onSqlite.verifierSchema)
    connections.push(db)
    return db
  }
  const [first, second] = [open(), open()]
  const { signer } = generateEd25519Key()
  return {
    webhooks: sqliteWebhook.openWebhookStore(first),
    first: sqliteStore.openVerifierStore(first, { random: systemRandom }),
    second: sqliteStore.openVerifierStore(second, { random: systemRandom }),
    log: sqliteLog.openAuditLog(first, { origin, signer }),
    reopen: async () => sqliteStore.openVerifierStore(open(), { random: systemRandom }),
    close: async () => {
      for (const db of connections) db.close()
      folder.remove()
    },
  }
})

verifierStoreContract('PostgreSQL', async () => {
  const url = await postgresDatabase()
  const connections: postgres.Database[] = []
  const open = async (): Promise<postgres.Database> => {
    const db = await postgres.openDatabase(url, onPostgres.verifierSchema)
    connections.push(db)
    return db
  }
  const [first, second] = [await open(), await open()]
  const { signer } = generateEd25519Key()
  return {
    webhooks: postgresWebhook.openWebhookStore(first),
    first: postgresStore.openVerifierStore(first, { random: systemRandom }),
    second: postgresStore.openVerifierStore(second, { random: systemRandom }),
    log: postgresLog.openAuditLog(first, { origin, signer, lease: openLease(first, 'log') }),
    reopen: async () => postgresStore.openVerifierStore(await open(), { random: systemRandom }),
    close: async () => {
      for (const db of connections) await db.close()
    },
  }
})
