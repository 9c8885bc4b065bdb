import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  allocateIndexes,
  changeStatus,
  openStatusStore,
  statusMigrations,
} from '../../issuer/status/store.sqlite.ts'
import { auditLogMigrations, openAuditLog } from '../../shared/audit/log.sqlite.ts'
import { generateEd25519Key } from '../../shared/key/signer.software.ts'
import { systemRandom } from '../../shared/random.ts'
import { type Database, immediate, openDatabase } from '../../shared/store/database.sqlite.ts'
import { type StatusStoreHandle, statusStoreContract } from './status-store.ts'

statusStoreContract('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-status-'))
  const { signer } = generateEd25519Key()
  const databases: Database[] = []
  const open = (): StatusStoreHandle => {
    const migrations = { audit: auditLogMigrations, status: statusMigrations }
    const db = openDatabase(join(folder, 'issuer.db'), migrations)
    databases.push(db)
    return {
      store: openStatusStore(db, { baseUrl: 'https://issuer.example', random: systemRandom }),
      log: openAuditLog(db, { origin: 'issuer.example/log', signer }),
      allocate: async (copies, credentialExpires) =>
        immediate(db, () => allocateIndexes(db, { copies, credentialExpires, now: 0 })),
      change: async (reference, to, now) =>
        immediate(db, () =>
          changeStatus(db, {
            reference,
            to,
            reasonClass: 'fraud',
            actor: 'operator-1',
            requestedAt: now,
            subjectKey: Buffer.alloc(32, 1),
            now,
          }),
        ),
    }
  }
  return {
    first: open(),
    second: open(),
    close: async () => {
      for (const db of databases) db.close()
      rmSync(folder, { recursive: true })
    },
  }
})
