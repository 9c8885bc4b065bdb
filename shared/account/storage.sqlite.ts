import { openDatabase } from '../store/database.sqlite.ts'
import { accountMigrations, openAccountStore } from './store.sqlite.ts'
import type { OpenAccounts } from './store.ts'

/** Opens accounts in an SQLite file of their own. @throws OperatorError */
export async function openAccountStorage(path: string): Promise<OpenAccounts> {
  const db = openDatabase(path, { account: accountMigrations })
  return {
    accounts: openAccountStore(db),
    close: async () => {
      db.close()
    },
  }
}
