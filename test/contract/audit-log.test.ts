import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as postgres from '../../shared/audit/log.postgres.ts'
import { auditLogMigrations, openAuditLog } from '../../shared/audit/log.sqlite.ts'
import { generateEd25519Key } from '../../shared/key/signer.software.ts'
import {
  openDatabase as openPostgres,
  type Database as PostgresDatabase,
} from '../../shared/store/database.postgres.ts'
import { openDatabase } from '../../shared/store/database.sqlite.ts'
import { leaseMigrations, openLease } from '../../shared/store/lease.postgres.ts'
import { postgresDatabase } from '../support/postgres.ts'
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

auditLogContract('PostgreSQL', async () => {
  const url = await postgresDatabase()
  const { signer } = generateEd25519Key()
  const migrations = { lease: leaseMigrations, audit: postgres.auditLogMigrations }
  const [first, second] = [await openPostgres(url, migrations), await openPostgres(url, migrations)]
  const open = (db: PostgresDatabase) =>
    postgres.openAuditLog(db, { origin: 'issuer.example/log', signer, lease: openLease(db, 'log') })
  return {
    log: open(first),
    second: open(second),
    close: async () => {
      await first.close()
      await second.close()
    },
  }
})
