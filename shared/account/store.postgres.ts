import type { Database, Sql } from '../store/database.postgres.ts'
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
     created_at BIGINT NOT NULL
   );
   CREATE TABLE account_invitation (
     account_id TEXT PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
     code_sha256 TEXT NOT NULL UNIQUE,
     expires_at BIGINT NOT NULL
   );
   CREATE TABLE passkey (
     id TEXT PRIMARY KEY,
     account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
     public_key BYTEA NOT NULL,
     counter BIGINT NOT NULL,
     backup_eligible BIGINT NOT NULL CHECK (backup_eligible IN (0, 1)),
     backed_up BIGINT NOT NULL CHECK (backed_up IN (0, 1)),
     transports TEXT NOT NULL,
     created_at BIGINT NOT NULL,
     last_used_at BIGINT
   );
   CREATE INDEX passkey_of_account ON passkey (account_id);
   CREATE TABLE passkey_ceremony (
     id_sha256 TEXT PRIMARY KEY,
     kind TEXT NOT NULL CHECK (kind IN ('registration', 'sign-in')),
     challenge TEXT NOT NULL,
     expires_at BIGINT NOT NULL
   );
   CREATE TABLE page_session (
     id_sha256 TEXT PRIMARY KEY,
     account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
     passkey_id TEXT NOT NULL REFERENCES passkey (id) ON DELETE CASCADE,
     created_at BIGINT NOT NULL,
     idle_until BIGINT NOT NULL,
     ends_at BIGINT NOT NULL
   );
   CREATE INDEX page_session_of_account ON page_session (account_id);
   CREATE INDEX page_session_of_passkey ON page_session (passkey_id);`,
]

/** Opens the accounts of a database. */
export function openAccountStore(db: Database): AccountStore {
  return {
    invite: ({ account, codeSha256, expiresAt, recovery }, now) =>
      db.transaction(async (tx) => {
        await tx.run('INSERT INTO account VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING', [
          account.id,
          account.name,
          account.role,
          now,
        ])
        const known = await lockByName(tx, account.name)
        if (known?.role !== account.role) return false
        if (recovery) await tx.run('DELETE FROM passkey WHERE account_id = $1', [known.id])
        await tx.run(
          `INSERT INTO account_invitation VALUES ($1, $2, $3)
           ON CONFLICT (account_id) DO UPDATE SET code_sha256 = $2, expires_at = $3`,
          [known.id, codeSha256, expiresAt],
        )
        return true
      }),

    invitation: async (codeSha256, now) => {
      const row = await db.get<AccountRow>(
        `SELECT account.id, name, role FROM account_invitation JOIN account ON account.id = account_id
         WHERE code_sha256 = $1 AND expires_at > $2`,
        [codeSha256, now],
      )
      return row === undefined ? undefined : accountOf(row)
    },

    accounts: async (now) =>
      (
        await db.all<SummaryRow>(
          `SELECT id, name, role, created_at,
             (SELECT count(*) FROM passkey WHERE account_id = account.id) AS passkeys,
             (SELECT max(last_used_at) FROM passkey WHERE account_id = account.id) AS last_used_at,
             (SELECT count(*) FROM page_session
              WHERE account_id = account.id AND idle_until > $1 AND ends_at > $1) AS sessions,
             (SELECT expires_at FROM account_invitation
              WHERE account_id = account.id AND expires_at > $1) AS invited_until
           FROM account ORDER BY name COLLATE "C"`,
          [now],
        )
      ).map(summaryOf),

    removeAccount: async (name) =>
      (await db.run('DELETE FROM account WHERE name = $1', [name])) > 0,

    beginCeremony: async ({ idSha256, kind, challenge, expiresAt }) => {
      await db.run('INSERT INTO passkey_ceremony VALUES ($1, $2, $3, $4)', [
        idSha256,
        kind,
        challenge,
        expiresAt,
      ])
    },

    takeCeremony: async (idSha256, now) => {
      const row = await db.get<Ceremony & { expires_at: number }>(
        'DELETE FROM passkey_ceremony WHERE id_sha256 = $1 RETURNING kind, challenge, expires_at',
        [idSha256],
      )
      if (row === undefined || row.expires_at <= now) return undefined
      return { kind: row.kind, challenge: row.challenge }
    },

    register: ({ codeSha256, passkey, session }, now) =>
      db.transaction(async (tx) => {
        const invited = await tx.get<{ account_id: string; expires_at: number }>(
          'SELECT account_id, expires_at FROM account_invitation WHERE code_sha256 = $1 FOR UPDATE',
          [codeSha256],
        )
        if (invited === undefined || invited.expires_at <= now) return false
        const added = await tx.run(
          `INSERT INTO passkey VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT (id) DO NOTHING`,
          [
            passkey.id,
            invited.account_id,
            Buffer.from(passkey.publicKey),
            passkey.counter,
            Number(passkey.isBackupEligible),
            Number(passkey.isBackedUp),
            JSON.stringify(passkey.transports),
            now,
          ],
        )
        if (added === 0) return false
        await tx.run('DELETE FROM account_invitation WHERE code_sha256 = $1', [codeSha256])
        await begin(tx, invited.account_id, passkey.id, session, now)
        return true
      }),

    passkey: async (id) => {
      const row = await db.get<PasskeyRow & AccountRow>(
        `SELECT ${PASSKEY_COLUMNS}, account.id, name, role FROM passkey
         JOIN account ON account.id = account_id WHERE passkey.id = $1`,
        [id],
      )
      return row === undefined ? undefined : { passkey: passkeyOf(row), account: accountOf(row) }
    },

    passkeys: async (accountId) =>
      (
        await db.all<PasskeyRow>(
          `SELECT ${PASSKEY_COLUMNS} FROM passkey WHERE account_id = $1 ORDER BY created_at, id`,
          [accountId],
        )
      ).map(passkeyOf),

    signIn: ({ passkeyId, expectedCounter, counter, isBackedUp, session }, now) =>
      db.transaction(async (tx) => {
        const used = await tx.get<{ account_id: string }>(
          `UPDATE passkey SET counter = $1, backed_up = $2, last_used_at = $3
           WHERE id = $4 AND counter = $5 RETURNING account_id`,
          [counter, Number(isBackedUp), now, passkeyId, expectedCounter],
        )
        if (used === undefined) return false
        await begin(tx, used.account_id, passkeyId, session, now)
        return true
      }),

    useSession: async (idSha256, idleSeconds, now) => {
      const row = await db.get<SessionRow>(
        `SELECT account.id, name, role, id_sha256, passkey_id, idle_until, ends_at FROM page_session
         JOIN account ON account.id = account_id WHERE id_sha256 = $1 AND idle_until > $2 AND ends_at > $2`,
        [idSha256, now],
      )
      if (row === undefined) return undefined
      const later = laterIdle(row, idleSeconds, now)
      if (later !== undefined) {
        await db.run('UPDATE page_session SET idle_until = $1 WHERE id_sha256 = $2', [
          later,
          idSha256,
        ])
      }
      return sessionOf(row)
    },

    countSessions: async (accountId, now) =>
      (
        await db.get<{ sessions: number }>(
          `SELECT count(*) AS sessions FROM page_session
           WHERE account_id = $1 AND idle_until > $2 AND ends_at > $2`,
          [accountId, now],
        )
      )?.sessions ?? 0,

    endSession: async (idSha256) => {
      await db.run('DELETE FROM page_session WHERE id_sha256 = $1', [idSha256])
    },

    endSessions: (name, now) =>
      db.transaction(async (tx) => {
        const account = await lockByName(tx, name)
        if (account === undefined) return undefined
        const ended = await tx.all<{ idle_until: number; ends_at: number }>(
          'DELETE FROM page_session WHERE account_id = $1 RETURNING idle_until, ends_at',
          [account.id],
        )
        return ended.filter(({ idle_until, ends_at }) => idle_until > now && ends_at > now).length
      }),

    forgetExpired: (now) =>
      db.transaction(async (tx) => {
        await tx.run('DELETE FROM account_invitation WHERE expires_at <= $1', [now])
        await tx.run('DELETE FROM passkey_ceremony WHERE expires_at <= $1', [now])
        await tx.run('DELETE FROM page_session WHERE idle_until <= $1 OR ends_at <= $1', [now])
      }),
  }
}

function lockByName(tx: Sql, name: string): Promise<AccountRow | undefined> {
  return tx.get<AccountRow>('SELECT id, name, role FROM account WHERE name = $1 FOR UPDATE', [name])
}

async function begin(
  tx: Sql,
  accountId: string,
  passkeyId: string,
  session: NewSession,
  now: number,
): Promise<void> {
  await tx.run('INSERT INTO page_session VALUES ($1, $2, $3, $4, $5, $6)', [
    session.idSha256,
    accountId,
    passkeyId,
    now,
    session.idleUntil,
    session.endsAt,
  ])
}
