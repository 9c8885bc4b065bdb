import { type Database, immediate } from '../store/database.sqlite.ts'
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
     created_at INTEGER NOT NULL,
     expires_at INTEGER,
     revoked_at INTEGER,
     last_used_at INTEGER
   ) STRICT;
   CREATE INDEX issued_key_by_name ON issued_key (name);`,
]

const INSERT = `INSERT INTO issued_key (id, name, role, scopes, sha256, created_at, expires_at)
  VALUES (?, ?, ?, ?, ?, ?, ?)`
const MAY_BE_USED = 'revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)'

/** Opens the keys in a database whose migrations have run. */
export function openApiKeyStore(db: Database): ApiKeyStore {
  return {
    addKey: async ({ id, name, role, scopes, sha256, expiresAt }, now) =>
      immediate(db, () => {
        if (db.prepare('SELECT 1 FROM issued_key WHERE name = ?').get(name) !== undefined) {
          return false
        }
        const values = [id, name, role, scopesText(scopes), sha256, now, expiresAt ?? null]
        db.prepare(INSERT).run(...values)
        return true
      }),

    rotateKey: async ({ name, overlapUntil, make }, now) =>
      immediate(db, () => {
        const newest = db
          .prepare<[string, number], KeyRow>(
            `SELECT * FROM issued_key WHERE name = ? AND ${MAY_BE_USED}
             ORDER BY created_at DESC, rowid DESC LIMIT 1`,
          )
          .get(name, now)
        if (newest === undefined) return undefined
        const { role, scopes } = newest
        const { id, sha256, expiresAt } = make(keyOf(newest))
        db.prepare(
          `UPDATE issued_key SET expires_at = min(coalesce(expires_at, ?), ?)
           WHERE name = ? AND ${MAY_BE_USED}`,
        ).run(overlapUntil, overlapUntil, name, now)
        db.prepare(INSERT).run(id, name, role, scopes, sha256, now, expiresAt ?? null)
        return role
      }),

    keys: async () =>
      db
        .prepare<[], KeyRow>('SELECT * FROM issued_key ORDER BY created_at, name, id')
        .all()
        .map(keyOf),

    key: async (sha256, now) => {
      const row = db
        .prepare<[string, number], KeyRow>(
          `SELECT * FROM issued_key WHERE sha256 = ? AND ${MAY_BE_USED}`,
        )
        .get(sha256, now)
      return row === undefined ? undefined : keyOf(row)
    },

    noteUse: async (id, now) => {
      immediate(db, () =>
        db
          .prepare(
            `UPDATE issued_key SET last_used_at = ?
             WHERE id = ? AND (last_used_at IS NULL OR last_used_at <= ?)`,
          )
          .run(now, id, now - LAST_USE_SECONDS),
      )
    },

    revokeKeys: async ({ name, id }, now) =>
      immediate(
        db,
        () =>
          db
            .prepare(
              `UPDATE issued_key SET revoked_at = ?
               WHERE name = ? AND id = coalesce(?, id) AND revoked_at IS NULL`,
            )
            .run(now, name, id ?? null).changes,
      ),
  }
}
