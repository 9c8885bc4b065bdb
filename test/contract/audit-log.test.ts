import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { auditLogMigrations, openAuditLog } from '../../shared/audit/log.sqlite.ts'
import { generateEd25519Key } from '../../shared/key/signer.software.ts'
import { auditLogContract } from './audit-log.ts'

auditLogContract('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-log-'))
  const { signer } = generateEd25519Key()
  const open = () => {
    const db = new Database(join(folder, 'log.db'))
    db.pragma('journal_mode = WAL')
    return db
  }
  const [first, second] = [open(), open()]
  for (const migration of auditLogMigrations) first.exec(migration)
  const options = { origin: 'issuer.example/log', signer }
  return {
    log: openAuditLog(first, options),
    second: openAuditLog(second, options),
    close: async () => {
      first.close()
      second.close()
      rmSync(folder, { recursive: true })
    },
  }
})
