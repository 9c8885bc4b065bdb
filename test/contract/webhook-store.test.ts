import { join } from 'node:path'
import { systemRandom } from '../../shared/random.ts'
import * as postgres from '../../shared/store/database.postgres.ts'
import { immediate, openDatabase } from '../../shared/store/database.sqlite.ts'
import * as onPostgres from '../../shared/webhook/store.postgres.ts'
import {
  emitEvent,
  openWebhookStore,
  webhookMigrations,
} from '../../shared/webhook/store.sqlite.ts'
import { failureOf } from '../support/failure.ts'
import { postgresDatabase } from '../support/postgres.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { webhookStoreContract } from './webhook-store.ts'

webhookStoreContract('SQLite', async () => {
  const folder = temporaryFolder()
  const open = () => openDatabase(join(folder.path, 'outbox.db'), { webhook: webhookMigrations })
  const [one, other] = [open(), open()]
  return {
    first: openWebhookStore(one),
    second: openWebhookStore(other),
    emit: async (events, fail) => {
      const work = async () =>
        immediate(one, () => {
          for (const event of events) emitEvent(one, event, systemRandom)
          if (fail) throw new Error('undone')
        })
      if (fail) await failureOf(work())
      else await work()
    },
    close: async () => {
      one.close()
      other.close()
      folder.remove()
    },
  }
})

webhookStoreContract('PostgreSQL', async () => {
  const url = await postgresDatabase()
  const open = () => postgres.openDatabase(url, { webhook: onPostgres.webhookMigrations })
  const [one, other] = [await open(), await open()]
  return {
    first: onPostgres.openWebhookStore(one),
    second: onPostgres.openWebhookStore(other),
    emit: async (events, fail) => {
      const work = one.transaction(async (tx) => {
        for (const event of events) await onPostgres.emitEvent(tx, event, systemRandom)
        if (fail) throw new Error('undone')
      })
      if (fail) await failureOf(work)
      else await work
    },
    close: async () => {
      await one.close()
      await other.close()
    },
  }
})
