import { join } from 'node:path'
import { expect } from 'chai'
import * as issuerPostgres from '../../../issuer/storage.postgres.ts'
import * as issuerSqlite from '../../../issuer/storage.sqlite.ts'
import * as postgres from '../../../shared/store/database.postgres.ts'
import * as sqlite from '../../../shared/store/database.sqlite.ts'
import type { Migrations } from '../../../shared/store/migrations.ts'
import * as verifierPostgres from '../../../verifier/storage.postgres.ts'
import * as verifierSqlite from '../../../verifier/storage.sqlite.ts'
import { postgresDatabase } from '../../support/postgres.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

type Value = string | number | Buffer | null
type Row = Readonly<Record<string, Value>>
/** A row of a table whose columns the first schema had already. */
type Stored = readonly [table: string, row: Row]

interface Opened {
  insert(table: string, row: Row): Promise<void>
  all(sql: string): Promise<Row[]>
  close(): Promise<void>
}

const bytes = Buffer.from('00ff10', 'hex')
const LOG: readonly Stored[] = [
  ['audit_entry', { idx: 0, entry: bytes }],
  ['audit_tile', { level: 0, idx: 0, hashes: bytes }],
  ['audit_checkpoint', { size: 1, root: bytes, note: 'note', signed_at: 5 }],
]
const LIST = { id: 'l', uri: 'https://issuer.example/status/l', pool: 'year', size: 16 }
const CHANGE = { from_status: 0, to_status: 1, reason_class: 'fraud', actor: 'ada' }
const MOMENTS = { requested_at: 6, decided_at: 7, effective_at: 7 }
const TOKEN = { token: 'token', gzip: bytes, sha256: 'digest', iat: 8, exp: 9, ttl: 300 }
const DECIDED = { evidence: '{}', screening: '{}', decision: '{}', review: null, decided_at: 3 }
const ISSUED = { id: 'i', attempt: 1, keys: '[]', statuses: '[]', seed: bytes, issued_at: 4 }
const ISSUER: readonly Stored[] = [
  ...LOG,
  [
    'status_list',
    { ...LIST, permutation_key: bytes, allocated: 2, opened_at: 1, retained_until: 9 },
  ],
  ['status_entry', { list: 'l', idx: 3, status: 1 }],
  ['status_entry', { list: 'l', idx: 5, status: 0 }],
  [
    'status_event',
    { id: 1, list: 'l', idx: 3, ...CHANGE, ...MOMENTS, leaf: 0, published_sequence: 1 },
  ],
  [
    'status_publication',
    { list: 'l', sequence: 1, ...TOKEN, last_event: 1, leaf: 0, leaf_hash: 'hash' },
  ],
  ['workflow', { sha256: 'w', text: '{}' }],
  [
    'session',
    {
      ...{ id: 's', token_sha256: 't', state: 'approved', created_at: 1, expires_at: 9 },
      ...{ workflow: 'w', subject_key: bytes, ...DECIDED },
    },
  ],
  [
    'offer',
    {
      ...{ offer_sha256: 'o', session_id: 's', code_sha256: 'c', tx_code_sha256: 'x' },
      ...{ attempts_left: 3, expires_at: 9 },
    },
  ],
  [
    'issuance',
    {
      ...{ session_id: 's', ...ISSUED, expires_at: 9, intended_at: 4, done_at: 5 },
      ...{ notification_sha256: 'n', notification_event: null },
    },
  ],
  [
    'revocation',
    { session_id: 's', reason_class: 'fraud', actor: 'ada', note: null, revoked_at: 7 },
  ],
  ['used_once', { id: 'u', expires_at: 9 }],
  ['trust_list', { id: 1, sha256: 'd', jwt: 'jwt', published_at: 1 }],
  [
    'artefact',
    { model: 'm', key: 'k', payload: '{}', grant_id: 'g', expires_at: 9, consumed_at: null },
  ],
]
const KEY = { name: 'ada', role: 'reviewer', sha256: 'abcdef0123456789', created_at: 1 }
const ASKED = {
  ...{ id: 'r', platform: 'p', policy_sha256: 'a', redirect_uri: null, client_id: 'c', nonce: 'n' },
  ...{ object_id: 'o', response_id: 'e', created_at: 1, expires_at: 9 },
}
const VERIFIER: readonly Stored[] = [
  ...LOG,
  ['artefact', { sha256: 'a', text: '{}' }],
  ['presentation_request', { ...ASKED, state: 'answered', rejections: '[]', ended_at: 5 }],
  [
    'answer',
    {
      ...{ request_id: 'r', verified_at: 5, vp_token: '{}', trust_list_sha256: 'a' },
      ...{ statuses: '[]', acceptance: '{}', receipt: 'receipt', commitment_key: 'key' },
      ...{ response_code_sha256: null, redeemed_at: null },
    },
  ],
]

for (const engine of ['SQLite', 'PostgreSQL'] as const) {
  const folder = temporaryFolder()
  let files = 0
  /** A new place for a database, and how it is opened with some migrations. */
  const newPlace = async (): Promise<(migrations: Migrations) => Promise<Opened>> => {
    if (engine === 'PostgreSQL') {
      const url = await postgresDatabase()
      return (migrations) => openPostgres(url, migrations)
    }
    files += 1
    const path = join(folder.path, `${files}.db`)
    return async (migrations) => openSqlite(path, migrations)
  }
  const isPostgres = engine === 'PostgreSQL'

  describe(`a database of an earlier program, on ${engine}`, function () {
    this.timeout(60_000)
    after(folder.remove)

    for (const [program, schema, stored, components] of [
      [
        'an issuer',
        isPostgres ? issuerPostgres.issuerSchema : issuerSqlite.issuerSchema,
        ISSUER,
        ['audit', 'status', 'issuer'],
      ],
      [
        'a verifier',
        isPostgres ? verifierPostgres.verifierSchema : verifierSqlite.verifierSchema,
        VERIFIER,
        ['audit', 'verifier'],
      ],
    ] as const) {
      const newest = Math.max(...components.map((component) => schema[component]?.length ?? 0))
      for (let number = 1; number < newest; number++) {
        const before = firstOf(schema, components, number)
        const stopped = number === 1 ? ', wherever the upgrade was stopped' : ''
        it(`of ${program} keeps its rows from number ${number} on${stopped}`, async () => {
          const stops = number === 1 ? stopsBetween(before, schema) : [before]
          for (const stop of stops) {
            const open = await newPlace()
            const old = await open(before)
            for (const [table, row] of stored) await old.insert(table, row)
            const hasOwnKeys = program === 'an issuer' && !(await hasTable(old, 'issued_key'))
            if (hasOwnKeys) await old.insert('api_key', { ...KEY, revoked_at: null })
            await old.close()
            await (await open(stop)).close()
            const upgraded = await open(schema)
            for (const [table, row] of stored) {
              const columns = Object.keys(row).join(', ')
              const rows = await upgraded.all(`SELECT ${columns} FROM ${table}`)
              expect(rows, table).to.deep.include(row)
              expect(rows, table).to.have.length(stored.filter(([name]) => name === table).length)
            }
            if (hasOwnKeys) {
              const keys = await upgraded.all(
                'SELECT name, role, sha256, created_at FROM issued_key',
              )
              expect(keys).to.deep.equal([KEY])
            }
            if (!isPostgres && before.audit?.length === 1) {
              const served = await upgraded.all('SELECT size, note FROM audit_served')
              expect(served).to.deep.equal([{ size: 1, note: 'note' }])
            }
            await upgraded.close()
          }
        })
      }
    }
  })
}

/** The schema that a program had whose components were at `number`, or at their last; others came after it. */
function firstOf(schema: Migrations, components: readonly string[], number: number): Migrations {
  const known = Object.entries(schema).map(([component, texts]): [string, readonly string[]] => [
    component,
    components.includes(component) ? texts.slice(0, number) : [],
  ])
  // The issuer's last migration so far is about the keys, which have been a component of their own since then.
  const isWhole = schema.issuer !== undefined && schema.issuer.length <= number
  return Object.fromEntries(isWhole ? [...known, ['key', schema.key ?? []]] : known)
}

/** Every schema that an upgrade goes through, in its order, the first and the last but one among them. */
function stopsBetween(before: Migrations, schema: Migrations): Migrations[] {
  const stops: Migrations[] = []
  let reached = before
  for (const [component, texts] of Object.entries(schema)) {
    for (let number = (before[component]?.length ?? 0) + 1; number <= texts.length; number++) {
      stops.push(reached)
      reached = { ...reached, [component]: texts.slice(0, number) }
    }
  }
  return stops
}

async function hasTable(database: Opened, name: string): Promise<boolean> {
  return database.all(`SELECT 1 FROM ${name}`).then(
    () => true,
    () => false,
  )
}

function openSqlite(path: string, migrations: Migrations): Opened {
  const db = sqlite.openDatabase(path, migrations)
  return {
    insert: async (table, row) => {
      const names = Object.keys(row)
      const places = names.map(() => '?').join(', ')
      db.prepare(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${places})`).run(
        ...Object.values(row),
      )
    },
    all: async (sql) => db.prepare<[], Row>(sql).all(),
    close: async () => {
      expect(db.pragma('foreign_key_check')).to.deep.equal([])
      db.close()
    },
  }
}

async function openPostgres(url: string, migrations: Migrations): Promise<Opened> {
  const db = await postgres.openDatabase(url, migrations)
  return {
    insert: async (table, row) => {
      const names = Object.keys(row)
      const places = names.map((_, at) => `$${at + 1}`).join(', ')
      await db.run(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${places})`, [
        ...Object.values(row),
      ])
    },
    all: (sql) => db.all<Row>(sql),
    close: () => db.close(),
  }
}
