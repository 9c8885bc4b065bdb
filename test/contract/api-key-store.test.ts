import { join } from 'node:path'
import * as onPostgres from '../../shared/api-key/store.postgres.ts'
import { keyMigrations, openApiKeyStore } from '../../shared/api-key/store.sqlite.ts'
import * as postgres from '../../shared/store/database.postgres.ts'
import { openDatabase } from '../../shared/store/database.sqlite.ts'
import { postgresDatabase } from '../support/postgres.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { apiKeyStoreContract } from './api-key-store.ts'

apiKeyStoreContract('SQLite', async () => {
  const folder = temporaryFolder()
  const open = () => openDatabase(join(folder.path, 'keys.db'), { key: keyMigrations })
  const [one, other] = [open(), open()]
  return {
    first: openApiKeyStore(one),
    second: openApiKeyStore(other),
    close: async () => {
      one.close()
      other.close()
      folder.remove()
    },
  }
})

apiKeyStoreContract('PostgreSQL', async () => {
  const url = await postgresDatabase()
  const open = () => postgres.openDatabase(url, { key: onPostgres.keyMigrations })
  const [one, other] = [await open(), await open()]
  return {
    first: onPostgres.openApiKeyStore(one),
    second: onPostgres.openApiKeyStore(other),
    close: async () => {
      await one.close()
      await other.close()
    },
  }
})
