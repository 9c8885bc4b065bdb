import { join } from 'node:path'
import { publishStatusLists } from '../../issuer/status/publish.ts'
import {
  allocateIndexes,
  changeStatus,
  openStatusStore,
  statusMigrations,
} from '../../issuer/status/store.sqlite.ts'
import { auditLogMigrations, openAuditLog } from '../../shared/audit/log.sqlite.ts'
import { openMarkFile } from '../../shared/audit/mark.file.ts'
import { openEd25519Key } from '../../shared/key/signer.software.ts'
import { systemRandom } from '../../shared/random.ts'
import type { StatusReference } from '../../shared/status-list/reference.ts'
import { immediate, openDatabase } from '../../shared/store/database.sqlite.ts'
import { unsignedTokens } from '../support/status.ts'

/** An effect that this process has answered for. The parent keeps them outside of the database. */
export type Acknowledged =
  | { readonly did: 'allocate'; readonly references: readonly StatusReference[] }
  | { readonly did: 'revoke'; readonly reference: StatusReference }
  | { readonly did: 'publish'; readonly checkpoint: string }

const POOL = { name: 'standard', size: 4096, lanes: 2 }

/**
 * Runs in a process of its own, to be killed anywhere: issues, revokes and publishes, and writes a line on standard
 * output once each is acknowledged. Arguments: folder, PKCS#8 of the log key in base64, rounds.
 */
async function main(folder: string, key: string, rounds: number): Promise<void> {
  const migrations = { audit: auditLogMigrations, status: statusMigrations }
  const db = openDatabase(join(folder, 'issuer.db'), migrations)
  const log = openAuditLog(db, {
    origin: 'issuer.example/log',
    signer: openEd25519Key(Buffer.from(key, 'base64').toString()),
    mark: openMarkFile(join(folder, 'mark')),
  })
  const store = openStatusStore(db, { baseUrl: 'https://issuer.example', random: systemRandom })
  const cadence = { intervalSeconds: 1, validitySeconds: 3600 }
  const now = (): number => Math.floor(Date.now() / 1000)
  const publish = async (): Promise<void> => {
    await publishStatusLists({ store, log, cadence, ...unsignedTokens }, now())
    acknowledge({ did: 'publish', checkpoint: (await log.checkpoint()) ?? '' })
  }
  await store.keepOpen(POOL, now())
  await publish()
  for (let round = 0; round < rounds; round++) {
    const references = immediate(db, () =>
      allocateIndexes(db, { copies: 2, credentialExpires: now() + 86_400, now: now() }),
    )
    acknowledge({ did: 'allocate', references })
    for (const reference of references) {
      immediate(db, () =>
        changeStatus(db, {
          reference,
          to: 'revoked',
          reasonClass: 'fraud',
          actor: 'operator-1',
          requestedAt: now(),
          subjectKey: Buffer.alloc(32, 3),
          now: now(),
        }),
      )
      acknowledge({ did: 'revoke', reference })
    }
    if (round % 3 === 2) await publish()
  }
  db.close()
}

function acknowledge(effect: Acknowledged): void {
  process.stdout.write(`${JSON.stringify(effect)}\n`)
}

const [folder = '', key = '', rounds = '1'] = process.argv.slice(2)
await main(folder, key, Number(rounds))
