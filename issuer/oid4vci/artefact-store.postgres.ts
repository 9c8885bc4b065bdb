import type { Database } from '../../shared/store/database.postgres.ts'
import { type Artefact, type ArtefactStore, KEPT_AFTER_EXPIRY_SECONDS } from './artefact-store.ts'

/** Opens the authorization server's part of an issuer's database, whose migrations have run. */
export function openArtefactStore(db: Database): ArtefactStore {
  const columns = ({ model, key, payload, grantId, expiresAt }: Artefact) =>
    [model, key, JSON.stringify(payload), grantId ?? null, expiresAt ?? null] as const
  const changesOne = async (sql: string, values: readonly unknown[]): Promise<boolean> =>
    (await db.run(sql, values)) === 1

  return {
    put: async (artefact) => {
      await db.run(
        `INSERT INTO artefact (model, key, payload, grant_id, expires_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (model, key) DO UPDATE SET payload = excluded.payload,
           grant_id = excluded.grant_id, expires_at = excluded.expires_at`,
        columns(artefact),
      )
    },
    putOnce: (artefact, now) =>
      changesOne(
        `INSERT INTO artefact (model, key, payload, grant_id, expires_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (model, key) DO UPDATE SET payload = excluded.payload,
           expires_at = excluded.expires_at WHERE artefact.expires_at <= $6`,
        [...columns(artefact), now],
      ),
    // The share lock keeps the grant until the token is there, so that no revocation comes between them.
    putIfGranted: (artefact) =>
      changesOne(
        `WITH granted AS (
           SELECT 1 FROM artefact WHERE model = 'Grant' AND key = $6 FOR SHARE)
         INSERT INTO artefact (model, key, payload, grant_id, expires_at)
         SELECT $1, $2, $3, $4, $5::bigint FROM granted`,
        [...columns(artefact), artefact.grantId],
      ),
    find: async (model, key, now) => {
      const row = await db.get<{ payload: string; consumed_at: number | null }>(
        `SELECT payload, consumed_at FROM artefact
         WHERE model = $1 AND key = $2 AND (expires_at IS NULL OR expires_at > $3)`,
        [model, key, now - KEPT_AFTER_EXPIRY_SECONDS],
      )
      if (row === undefined) return undefined
      return { payload: JSON.parse(row.payload), consumedAt: row.consumed_at ?? undefined }
    },
    consume: (model, key, now) =>
      changesOne(
        `UPDATE artefact SET consumed_at = $1
         WHERE model = $2 AND key = $3 AND consumed_at IS NULL`,
        [now, model, key],
      ),
    destroy: async (model, key) => {
      await db.run('DELETE FROM artefact WHERE model = $1 AND key = $2', [model, key])
    },
    revokeGrant: async (model, grantId) => {
      await db.run('DELETE FROM artefact WHERE model = $1 AND grant_id = $2', [model, grantId])
    },
    countAttempt: async (codeSha256, now) => {
      const row = await db.get<{ tx_code_sha256: string }>(
        `UPDATE offer SET attempts_left = attempts_left - 1
         WHERE code_sha256 = $1 AND expires_at > $2 AND attempts_left > 0 RETURNING tx_code_sha256`,
        [codeSha256, now],
      )
      return row?.tx_code_sha256
    },
  }
}
