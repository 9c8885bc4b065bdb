import { join } from 'node:path'
import * as onPostgres from '../../issuer/oid4vci/artefact-store.postgres.ts'
import { openArtefactStore } from '../../issuer/oid4vci/artefact-store.sqlite.ts'
import * as postgresStatus from '../../issuer/status/store.postgres.ts'
import { statusMigrations } from '../../issuer/status/store.sqlite.ts'
import * as postgresIssuer from '../../issuer/store.postgres.ts'
import { issuerMigrations } from '../../issuer/store.sqlite.ts'
import * as postgresKeys from '../../shared/api-key/store.postgres.ts'
import { keyMigrations } from '../../shared/api-key/store.sqlite.ts'
import * as postgresLog from '../../shared/audit/log.postgres.ts'
import { auditLogMigrations } from '../../shared/audit/log.sqlite.ts'
import * as postgres from '../../shared/store/database.postgres.ts'
import { openDatabase } from '../../shared/store/database.sqlite.ts'
import * as postgresWebhook from '../../shared/webhook/store.postgres.ts'
import { webhookMigrations } from '../../shared/webhook/store.sqlite.ts'
import { postgresDatabase } from '../support/postgres.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { artefactStoreContract } from './artefact-store.ts'

artefactStoreContract('SQLite', async () => {
  const folder = temporaryFolder()
  const migrations = {
    audit: auditLogMigrations,
    webhook: webhookMigrations,
    status: statusMigrations,
    key: keyMigrations,
    issuer: issuerMigrations,
  }
  const open = () => openDatabase(join(folder.path, 'issuer.db'), migrations)
  const [one, other] = [open(), open()]
  return {
    first: openArtefactStore(one),
    second: openArtefactStore(other),
    offer: async (codeSha256, attempts, expiresAt) => {
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

artefactStoreContract('PostgreSQL', async () => {
  const url = await postgresDatabase()
  const migrations = {
    audit: postgresLog.auditLogMigrations,
    webhook: postgresWebhook.webhookMigrations,
    status: postgresStatus.statusMigrations,
    key: postgresKeys.keyMigrations,
    issuer: postgresIssuer.issuerMigrations,
  }
  const open = () => postgres.openDatabase(url, migrations)
  const [one, other] = [await open(), await open()]
  return {
    first: onPostgres.openArtefactStore(one),
    second: onPostgres.openArtefactStore(other),
    offer: async (codeSha256, attempts, expiresAt) => {
      await one.run("INSERT INTO workflow VALUES ('w', '{}') ON CONFLICT DO NOTHING")
      await one.run(`INSERT INTO session
        (id, token_sha256, state, created_at, expires_at, workflow, subject_key)
        VALUES ('s', '', 'collecting', 0, 0, 'w', '') ON CONFLICT DO NOTHING`)
      await one.run("INSERT INTO offer VALUES ($1, 's', $2, 'tx', $3, $4)", [
        ...[`offer-${codeSha256}`, codeSha256, attempts, expiresAt],
      ])
    },
    close: async () => {
      await one.close()
      await other.close()
    },
  }
})
