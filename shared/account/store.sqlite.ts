import { type Database, immediate } from '../store/database.sqlite.ts'
import type { Ceremony, NewSession } from './account.ts'
import type { AccountStore } from './store.ts'
import {
  type AccountRow,
  accountOf,
  laterIdle,
  PASSKEY_COLUMNS,
  type PasskeyRow,
  passkeyOf,
  type SessionRow,
  type SummaryRow,
  sessionOf,
  summaryOf,
} from './stored-account.ts'

/** The schema of accounts, passkeys and sessions, in the order in which it grew. */
export const accountMigrations: readonly string[] = [
  `CREATE TABLE account (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     role TEXT NOT NULL CHECK (role IN ('operator', 'reviewer')),
     created_at INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE account_invitation (
     account_id TEXT PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
     code_sha256 TEXT NOT NULL UNIQUE,
     expires_at INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE passkey (
     id TEXT PRIMARY KEY,
     account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
     public_key BLOB NOT NULL,
     counter INTEGER NOT NULL,
     backup_eligible INTEGER NOT NULL CHECK (backup_eligible IN (0, 1)),
     backed_up INTEGER NOT NULL CHECK (backed_up IN (0, 1)),
     transports TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     last_used_at INTEGER
   ) STRICT;
   CREATE INDEX passkey_of_account ON passkey (account_id);
   CREATE TABLE passkey_ceremony (
     id_sha256 TEXT PRIMARY KEY,
     kind TEXT NOT NULL CHECK (kind IN ('registration', 'sign-in')),
     challenge TEXT NOT NULL,
     expires_at INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE page_session (
     id_sha256 TEXT PRIMARY KEY,
     account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
     passkey_id TEXT NOT NULL REFERENCES passkey (id) ON DELETE CASCADE,
     created_at INTEGER NOT NULL,
     idle_until INTEGER NOT NULL,
     ends_at INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX page_session_of_account ON page_session (account_id);
   CREATE INDEX page_session_of_passkey ON page_session (passkey_id);`,
]

/** Opens the accounts of a database. */
export function openAccountStore(db: Database): AccountStore {
  const byName = (name: string): AccountRow | undefined =>
    db.prepare<[string], AccountRow>('SELECT id, name, role FROM account WHERE name = ?').get(name)
  const begin = (accountId: string, passkeyId: string, session: NewSession, now: number): void => {
    db.prepare('INSERT INTO page_session VALUES (?, ?, ?, ?, ?, ?)').run(
      ...[session.idSha256, accountId, passkeyId, now, session.idleUntil, session.endsAt],
    )
  }
  return {
    invite: async ({ account, codeSha256, expiresAt, recovery }, now) =>
      immediate(db, () => {
        db.prepare('INSERT OR IGNORE INTO account VALUES (?, ?, ?, ?)').run(
          ...[account.id, account.name, account.role, now],
        )
        const known = byName(account.name)
        if (known?.role !== account.role) return false
        if (recovery) db.prepare('DELETE FROM passkey WHERE account_id = ?').run(known.id)
        db.prepare('INSERT OR REPLACE INTO account_invitation VALUES (?, ?, ?)').run(
          ...[known.id, codeSha256, expiresAt],
        )
        return true
      }),

    invitation: async (codeSha256, now) => {
      const row = db
        .prepare<[string, number], AccountRow>(
          `SELECT account.id, name, role FROM account_invitation JOIN account ON account.id = account_id
           WHERE code_sha256 = ? AND expires_at > ?`,
        )
        .get(codeSha256, now)
      return row === undefined ? undefined : accountOf(row)
    },

    accounts: async (now) =>
      db
        .prepare<{ now: number }, SummaryRow>(
          `SELECT id, name, role, created_at,
             (SELECT count(*) FROM passkey WHERE account_id = account.id) AS passkeys,
             (SELECT max(last_used_at) FROM passkey WHERE account_id = account.id) AS last_used_at,
             (SELECT count(*) FROM page_session
              WHERE account_id = account.id AND idle_until > @now AND ends_at > @now) AS sessions,
             (SELECT expires_at FROM account_invitation
              WHERE account_id = account.id AND expires_at > @now) AS invited_until
           FROM account ORDER BY name`,
        )
        .all({ now })
        .map(summaryOf),

    removeAccount: async (name) =>
      db.prepare('DELETE FROM account WHERE name = ?').run(name).changes > 0,

    beginCeremony: async ({ idSha256, kind, challenge, expiresAt }) => {
      db.prepare('INSERT INTO passkey_ceremony VALUES (?, ?, ?, ?)').run(
        ...[idSha256, kind, challenge, expiresAt],
      )
    },

    takeCeremony: async (idSha256, now) => {
      const row = db
        .prepare<[string], Ceremony & { expires_at: number }>(
          'DELETE FROM passkey_ceremony WHERE id_sha256 = ? RETURNING kind, challenge, expires_at',
        )
        .get(idSha256)
      if (row === undefined || row.expires_at <= now) return undefined
      return { kind: row.kind, challenge: row.challenge }
    },

    register: async ({ codeSha256, passkey, session }, now) =>
      immediate(db, () => {
        const invited = db
          .prepare<[string], { account_id: string; expires_at: number }>(
            'SELECT account_id, expires_at FROM account_invitation WHERE code_sha256 = ?',
          )
          .get(codeSha256)
        if (invited === undefined || invited.expires_at <= now) return false
        const { changes } = db
          .prepare('INSERT OR IGNORE INTO passkey VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
          .run(
            passkey.id,
            invited.account_id,
            passkey.publicKey,
            passkey.counter,
            Number(passkey.isBackupEligible),
            Number(passkey.isBackedUp),
            JSON.stringify(passkey.transports),
            now,
            now,
          )
        if (changes === 0) return false
        db.prepare('DELETE FROM account_invitation WHERE code_sha256 = ?').run(codeSha256)
        begin(invited.account_id, passkey.id, session, now)
        return true
      }),

    passkey: async (id) => {
      const row = db
        .prepare<[string], PasskeyRow & AccountRow>(
          `SELECT ${PASSKEY_COLUMNS}, account.id, name, role FROM passkey
           JOIN account ON account.id = account_id WHERE passkey.id = ?`,
        )
        .get(id)
      return row === undefined ? undefined : { passkey: passkeyOf(row), account: accountOf(row) }
    },

    passkeys: async (accountId) =>
      db
        .prepare<[string], PasskeyRow>(
          `SELECT ${PASSKEY_COLUMNS} FROM passkey WHERE account_id = ? ORDER BY created_at, id`,
        )
        .all(accountId)
        .map(passkeyOf),

    signIn: async ({ passkeyId, expectedCounter, counter, isBackedUp, session }, now) =>
      immediate(db, () => {
        const used = db
          .prepare<(string | number)[], { account_id: string }>(
            `UPDATE passkey SET counter = ?, backed_up = ?, last_used_at = ?
             WHERE id = ? AND counter = ? RETURNING account_id`,
          )
          .get(counter, Number(isBackedUp), now, passkeyId, expectedCounter)
        if (used === undefined) return false
        begin(used.account_id, passkeyId, session, now)
        return true
      }),

    useSession: async (idSha256, idleSeconds, now) => {
      const row = db
        .prepare<(string | number)[], SessionRow>(
          `SELECT account.id, name, role, id_sha256, passkey_id, idle_until, ends_at FROM page_session
           JOIN account ON account.id = account_id WHERE id_sha256 = ? AND idle_until > ? AND ends_at > ?`,
        )
        .get(idSha256, now, now)
      if (row === undefined) return undefined
      const later = laterIdle(row, idleSeconds, now)
      if (later !== undefined) {
        db.prepare('UPDATE page_session SET idle_until = ? WHERE id_sha256 = ?').run(
          later,
          idSha256,
        )
      }
      return sessionOf(row)
    },

    countSessions: async (accountId, now) =>
      db
        .prepare<(string | number)[], { sessions: number }>(
          `SELECT count(*) AS sessions FROM page_session
           WHERE account_id = ? AND idle_until > ? AND ends_at > ?`,
        )
        .get(accountId, now, now)?.sessions ?? 0,

    endSession: async (idSha256) => {
      db.prepare('DELETE FROM page_session WHERE id_sha256 = ?').run(idSha256)
    },

    endSessions: async (name, now) =>
      immediate(db, () => {
        const account = byName(name)
        if (account === undefined) return undefined
        return db
          .prepare<[string], { idle_until: number; ends_at: number }>(
            'DELETE FROM page_session WHERE account_id = ? RETURNING idle_until, ends_at',
          )
          .all(account.id)
          .filter(({ idle_until, ends_at }) => idle_until > now && ends_at > now).length
      }),

    forgetExpired: async (now) =>
      immediate(db, () => {
        db.prepare('DELETE FROM account_invitation WHERE expires_at <= ?').run(now)
        db.prepare('DELETE FROM passkey_ceremony WHERE expires_at <= ?').run(now)
        db.prepare('DELETE FROM page_session WHERE idle_until <= ? OR ends_at <= ?').run(now, now)
      }),
  }
}
