import { openDatabase } from '../store/database.postgres.ts'
import { accountMigrations, openAccountStore } from './store.postgres.ts'
import type { OpenAccounts } from './store.ts'

/** Opens accounts in a PostgreSQL database of their own. @throws OperatorError */
export async function openAccountStorage(url: string): Promise<OpenAccounts> {
  const db = await openDatabase(url, { account: accountMigrations })
  return { accounts: openAccountStore(db), close: () => db.close() }
}
