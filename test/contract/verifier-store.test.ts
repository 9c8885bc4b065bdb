import { join } from 'node:path'
import { auditLogMigrations, openAuditLog } from '../../shared/audit/log.sqlite.ts'
import { generateEd25519Key } from '../../shared/key/signer.software.ts'
import { type Database, openDatabase } from '../../shared/store/database.sqlite.ts'
import { openVerifierStore, verifierMigrations } from '../../verifier/store.sqlite.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { verifierStoreContract } from './verifier-store.ts'

verifierStoreContract('SQLite', async () => {
  const folder = temporaryFolder()
  const connections: Database[] = []
  const open = (): Database => {
    const db = openDatabase(join(folder.path, 'verifier.db'), {
      audit: auditLogMigrations,
      verifier: verifierMigrations,
    })
    connections.push(db)
    return db
  }
  const [first, second] = [open(), open()]
  const { signer } = generateEd25519Key()
  return {
    first: openVerifierStore(first),
    second: openVerifierStore(second),
    log: openAuditLog(first, { origin: 'driver.example', signer }),
    reopen: () => openVerifierStore(open()),
    close: async () => {
      for (const db of connections) db.close()
      folder.remove()
    },
  }
})
