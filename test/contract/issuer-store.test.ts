import { join } from 'node:path'
import { IDENTITY_VCT } from '../../issuer/credential/identity.ts'
import { DEFAULT_CADENCE, publishStatusLists } from '../../issuer/status/publish.ts'
import {
  changeStatus,
  openStatusStore,
  statusMigrations,
} from '../../issuer/status/store.sqlite.ts'
import { issuerMigrations, openIssuerStore } from '../../issuer/store.sqlite.ts'
import { auditLogMigrations, openAuditLog } from '../../shared/audit/log.sqlite.ts'
import { generateEd25519Key } from '../../shared/key/signer.software.ts'
import { systemRandom } from '../../shared/random.ts'
import { type Database, immediate, openDatabase } from '../../shared/store/database.sqlite.ts'
import { unsignedTokens } from '../support/status.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { issuerStoreContract } from './issuer-store.ts'

const START = 1_700_000_000

issuerStoreContract('SQLite', async () => {
  const folder = temporaryFolder()
  const databases: Database[] = []
  const open = (): Database => {
    const db = openDatabase(join(folder.path, 'issuer.db'), {
      audit: auditLogMigrations,
      status: statusMigrations,
      issuer: issuerMigrations,
    })
    databases.push(db)
    return db
  }
  const [one, other] = [open(), open()]
  const random = systemRandom
  const log = openAuditLog(one, { origin: 'test/log', signer: generateEd25519Key().signer })
  const store = openStatusStore(one, { baseUrl: 'https://issuer.example', random })
  await store.keepOpen({ name: 'standard', size: 1024, lanes: 3 }, START)
  await publishStatusLists({ store, log, cadence: DEFAULT_CADENCE, ...unsignedTokens }, START)
  const published = one.prepare('SELECT count(*) FROM audit_entry').pluck().get() as number
  return {
    first: openIssuerStore(one, { random, vct: IDENTITY_VCT }),
    second: openIssuerStore(other, { random, vct: IDENTITY_VCT }),
    revokeCopy: async (reference) => {
      immediate(one, () =>
        changeStatus(one, {
          reference,
          to: 'revoked',
          reasonClass: 'holder_request',
          actor: 'op',
          requestedAt: START,
          subjectKey: Buffer.alloc(32, 1),
          now: START,
        }),
      )
    },
    entries: async () =>
      one
        .prepare<[number], { entry: Buffer }>(
          'SELECT entry FROM audit_entry WHERE idx >= ? ORDER BY idx',
        )
        .all(published)
        .map(({ entry }) => JSON.parse(entry.toString()).type),
    everything: async () => JSON.stringify(one.prepare('SELECT * FROM session').all()),
    close: async () => {
      for (const db of databases) db.close()
      folder.remove()
    },
  }
})
