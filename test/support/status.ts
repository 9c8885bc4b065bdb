import { deflateSync, inflateSync } from 'node:zlib'
import { DEFAULT_CADENCE, type Publisher } from '../../issuer/status/publish.ts'
import type { StatusStore } from '../../issuer/status/status.ts'
import { openStatusStore, statusMigrations } from '../../issuer/status/store.sqlite.ts'
import { auditLogMigrations, openAuditLog } from '../../shared/audit/log.sqlite.ts'
import type { AuditLog } from '../../shared/audit/log.ts'
import { idempotencyMigrations } from '../../shared/idempotency/once.sqlite.ts'
import { generateEd25519Key } from '../../shared/key/signer.software.ts'
import { systemRandom } from '../../shared/random.ts'
import { type Database, openDatabase } from '../../shared/store/database.sqlite.ts'
import { webhookMigrations } from '../../shared/webhook/store.sqlite.ts'

/** An issuer's lists and log in memory, with unsigned tokens: for tests of what happens around signing. */
export interface StatusFixture {
  readonly db: Database
  readonly log: AuditLog
  readonly store: StatusStore
  readonly publisher: Publisher
}

export const TEST_BASE_URL = 'https://issuer.example'
export const TEST_POOL = { name: 'standard', size: 4096, lanes: 3 }

export function openStatusFixture(path = ':memory:'): StatusFixture {
  const db = openDatabase(path, {
    audit: auditLogMigrations,
    webhook: webhookMigrations,
    idempotency: idempotencyMigrations,
    status: statusMigrations,
  })
  const { signer } = generateEd25519Key()
  const log = openAuditLog(db, { origin: 'issuer.example/log', signer })
  const store = openStatusStore(db, { baseUrl: TEST_BASE_URL, random: systemRandom })
  return { db, log, store, publisher: { store, log, cadence: DEFAULT_CADENCE, ...unsignedTokens } }
}

/** Tokens of the right shape under a signature of nothing. */
export const unsignedTokens: Pick<Publisher, 'signToken' | 'verifyToken'> = {
  signToken: async ({ uri, bits, list, iat, exp, ttl }) => {
    const status_list = { bits, lst: deflateSync(list).toString('base64url') }
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    return `${part({ alg: 'none', typ: 'statuslist+jwt' })}.${part({ sub: uri, iat, exp, ttl, status_list })}.AA`
  },
  verifyToken: async (token) => listOf(token),
}

/** The uncompressed list of a token, unverified. */
export function listOf(token: string): Uint8Array {
  const payload = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  return inflateSync(Buffer.from(payload.status_list.lst, 'base64url'))
}

/** The two bits of an entry. */
export function valueAt(list: Uint8Array, idx: number): number {
  return ((list[idx >> 2] ?? 0) >> ((idx & 3) * 2)) & 3
}
