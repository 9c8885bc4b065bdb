import { join } from 'node:path'
import { expect } from 'chai'
import * as onPostgres from '../../issuer/storage.postgres.ts'
import * as onSqlite from '../../issuer/storage.sqlite.ts'
import type { ApiKey } from '../../shared/api-key/api-key.ts'
import * as postgresKeys from '../../shared/api-key/store.postgres.ts'
import { openApiKeyStore } from '../../shared/api-key/store.sqlite.ts'
import * as postgres from '../../shared/store/database.postgres.ts'
import { openDatabase } from '../../shared/store/database.sqlite.ts'
import type { Migrations } from '../../shared/store/migrations.ts'
import { postgresDatabase } from '../support/postgres.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const NOW = 1_700_000_000
const ROWS = `INSERT INTO api_key (name, role, sha256, created_at, revoked_at) VALUES
  ('ada', 'reviewer', 'digest-of-ada-1', 1, NULL),
  ('bob', 'operator', 'digest-of-bob-1', 2, 3)`

/** The schema before keys had a component of their own; `last` is the issuer's last migration of then. */
function earlier({ key: _later, ...schema }: Migrations, last: number): Migrations {
  return { ...schema, issuer: (schema.issuer ?? []).slice(0, last) }
}

const facts = ({ id, name, role, createdAt, revokedAt }: ApiKey) => [
  ...[id, name, role, createdAt, revokedAt],
]

const EXPECTED = [
  ['digest-of-ad', 'ada', 'reviewer', 1, undefined],
  ['digest-of-bo', 'bob', 'operator', 2, 3],
]

describe('API keys of an issuer that has some', () => {
  it('stay what they were on SQLite', async () => {
    const folder = temporaryFolder()
    const path = join(folder.path, 'issuer.db')
    const old = openDatabase(path, earlier(onSqlite.issuerSchema, 3))
    old.exec(ROWS)
    old.close()
    const db = openDatabase(path, onSqlite.issuerSchema)
    const store = openApiKeyStore(db)
    const keys = await store.keys()
    expect(keys.map(facts)).to.deep.equal(EXPECTED)
    expect(await store.key('digest-of-ada-1', NOW)).to.include({ name: 'ada', scopes: undefined })
    expect(await store.key('digest-of-bob-1', NOW)).to.equal(undefined)
    db.close()
    folder.remove()
  })

  it('stay what they were on PostgreSQL', async () => {
    const url = await postgresDatabase()
    const old = await postgres.openDatabase(url, earlier(onPostgres.issuerSchema, 1))
    await old.run(ROWS)
    await old.close()
    const db = await postgres.openDatabase(url, onPostgres.issuerSchema)
    const store = postgresKeys.openApiKeyStore(db)
    const keys = await store.keys()
    expect(keys.map(facts)).to.deep.equal(EXPECTED)
    expect(await store.key('digest-of-ada-1', NOW)).to.include({ name: 'ada', scopes: undefined })
    expect(await store.key('digest-of-bob-1', NOW)).to.equal(undefined)
    await db.close()
  })
})
