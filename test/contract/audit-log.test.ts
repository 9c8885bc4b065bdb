import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { auditLogMigrations, openAuditLog } from '../../shared/audit/log.sqlite.ts'
import { generateEd25519Key } from '../../shared/key/signer.software.ts'
import { openDatabase } from '../../shared/store/database.sqlite.ts'
import { auditLogContract } from './audit-log.ts'

auditLogContract('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-log-'))
  const { signer } = generateEd25519Key()
  const open = () => openDatabase(join(folder, 'log.db'), { audit: auditLogMigrations })
  const [first, second] = [open(), open()]
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
