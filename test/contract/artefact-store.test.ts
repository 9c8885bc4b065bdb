import { join } from 'node:path'
import { openArtefactStore } from '../../issuer/oid4vci/artefact-store.sqlite.ts'
import { statusMigrations } from '../../issuer/status/store.sqlite.ts'
import { issuerMigrations } from '../../issuer/store.sqlite.ts'
import { auditLogMigrations } from '../../shared/audit/log.sqlite.ts'
import { openDatabase } from '../../shared/store/database.sqlite.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { artefactStoreContract } from './artefact-store.ts'

artefactStoreContract('SQLite', async () => {
  const folder = temporaryFolder()
  const migrations = {
    audit: auditLogMigrations,
    status: statusMigrations,
    issuer: issuerMigrations,
  }
  const open = () => openDatabase(join(folder.path, 'issuer.db'), migrations)
  const [one, other] = [open(), open()]
  return {
    first: openArtefactStore(one),
    second: openArtefactStore(other),
    offer: (codeSha256, attempts, expiresAt) => {
      one.exec(`INSERT OR IGNORE INTO workflow VALUES ('w', '{}');
        INSERT OR IGNORE INTO session (id, token_sha256, state, created_at, expires_at, workflow, subject_key)
        VALUES ('s', '', 'collecting', 0, 0, 'w', x'00')`)
      one
        .prepare("INSERT INTO offer VALUES (?, 's', ?, 'tx', ?, ?)")
        .run(`offer-${codeSha256}`, codeSha256, attempts, expiresAt)
    },
    close: async () => {
      one.close()
      other.close()
      folder.remove()
    },
  }
})
