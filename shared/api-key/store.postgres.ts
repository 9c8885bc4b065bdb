import { type Database, lockName } from '../store/database.postgres.ts'
import { LAST_USE_SECONDS } from './api-key.ts'
import type { ApiKeyStore } from './store.ts'
import { type KeyRow, keyOf, scopesText } from './stored-key.ts'

export const keyMigrations: readonly string[] = [
  `CREATE TABLE issued_key (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL,
     role TEXT NOT NULL,
     scopes TEXT,
     sha256 TEXT NOT NULL UNIQUE,
     created_at BIGINT NOT NULL,
     expires_at BIGINT,
     revoked_at BIGINT,
     last_used_at BIGINT
   );
   CREATE INDEX issued_key_by_name ON issued_key (name);`,
]

const INSERT = `INSERT INTO issued_key (id, name, role, scopes, sha256, created_at, expires_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7)`

/** Opens the keys in a database whose migrations have run. What changes the keys of a name takes turns. */
export function openApiKeyStore(db: Database): ApiKeyStore {
  return {
    addKey: ({ id, name, role, scopes, sha256, expiresAt }, now) =>
      db.transaction(async (tx) => {
        await lockName(tx, `key ${name}`)
        const known = await tx.get('SELECT 1 AS one FROM issued_key WHERE name = $1', [name])
        if (known !== undefined) return false
        const values = [id, name, role, scopesText(scopes), sha256, now, expiresAt ?? null]
        await tx.run(INSERT, values)
        return true
      }),

    rotateKey: ({ name, overlapUntil, make }, now) =>
      db.transaction(async (tx) => {
        await lockName(tx, `key ${name}`)
        const newest = await tx.get<KeyRow>(
          `SELECT * FROM issued_key
           WHERE name = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
           ORDER BY created_at DESC, expires_at DESC NULLS FIRST LIMIT 1`,
          [name, now],
        )
        if (newest === undefined) return undefined
        const { role, scopes } = newest
        const { id, sha256, expiresAt } = make(keyOf(newest))
        await tx.run(
          `UPDATE issued_key SET expires_at = least(expires_at, $1)
           WHERE name = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)`,
          [overlapUntil, name, now],
        )
        await tx.run(INSERT, [id, name, role, scopes, sha256, now, expiresAt ?? null])
        return role
      }),

    keys: async () => {
      const rows = await db.all<KeyRow>('SELECT * FROM issued_key ORDER BY created_at, name, id')
      return rows.map(keyOf)
    },

    key: async (sha256, now) => {
      const row = await db.get<KeyRow>(
        `SELECT * FROM issued_key
         WHERE sha256 = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)`,
        [sha256, now],
      )
      return row === undefined ? undefined : keyOf(row)
    },

    noteUse: async (id, now) => {
      await db.run(
        `UPDATE issued_key SET last_used_at = $1
         WHERE id = $2 AND (last_used_at IS NULL OR last_used_at <= $3)`,
        [now, id, now - LAST_USE_SECONDS],
      )
    },

    revokeKeys: ({ name, id }, now) =>
      db.run(
        `UPDATE issued_key SET revoked_at = $1
         WHERE name = $2 AND id = coalesce($3, id) AND revoked_at IS NULL`,
        [now, name, id ?? null],
      ),
  }
}
