import { join } from 'node:path'
import * as onPostgres from '../../shared/account/store.postgres.ts'
import { accountMigrations, openAccountStore } from '../../shared/account/store.sqlite.ts'
import * as postgres from '../../shared/store/database.postgres.ts'
import { openDatabase } from '../../shared/store/database.sqlite.ts'
import { postgresDatabase } from '../support/postgres.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { accountStoreContract } from './account-store.ts'

accountStoreContract('SQLite', async () => {
  const folder = temporaryFolder()
  const open = () => openDatabase(join(folder.path, 'accounts.db'), { account: accountMigrations })
  const [one, other] = [open(), open()]
  return {
    first: openAccountStore(one),
    second: openAccountStore(other),
    close: async () => {
      one.close()
      other.close()
      folder.remove()
    },
  }
})

accountStoreContract('PostgreSQL', async () => {
  const url = await postgresDatabase()
  const open = () => postgres.openDatabase(url, { account: onPostgres.accountMigrations })
  const [one, other] = [await open(), await open()]
  return {
    first: onPostgres.openAccountStore(one),
    second: onPostgres.openAccountStore(other),
    close: async () => {
      await one.close()
      await other.close()
    },
  }
})
