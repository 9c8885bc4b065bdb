import { type Database, immediate } from '../../shared/store/database.sqlite.ts'
import { type Artefact, type ArtefactStore, KEPT_AFTER_EXPIRY_SECONDS } from './artefact-store.ts'

/** Opens the authorization server's part of an issuer's database, whose migrations have run. */
export function openArtefactStore(db: Database): ArtefactStore {
  const put = db.prepare(
    `INSERT INTO artefact(model, key, payload, grant_id, expires_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT(model, key) DO UPDATE SET payload = excluded.payload,
       grant_id = excluded.grant_id, expires_at = excluded.expires_at`,
  )
  const putOnce = db.prepare(
    `INSERT INTO artefact(model, key, payload, grant_id, expires_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT(model, key) DO UPDATE SET payload = excluded.payload,
       expires_at = excluded.expires_at WHERE artefact.expires_at <= ?`,
  )
  const putIfGranted = db.prepare(
    `INSERT INTO artefact(model, key, payload, grant_id, expires_at) SELECT ?, ?, ?, ?, ?
     WHERE EXISTS (SELECT 1 FROM artefact WHERE model = 'Grant' AND key = ?)`,
  )
  const find = db.prepare<
    [string, string, number],
    { payload: string; consumed_at: number | null }
  >(
    `SELECT payload, consumed_at FROM artefact
     WHERE model = ? AND key = ? AND (expires_at IS NULL OR expires_at > ?)`,
  )
  const consume = db.prepare(
    `UPDATE artefact SET consumed_at = ? WHERE model = ? AND key = ? AND consumed_at IS NULL`,
  )
  const destroy = db.prepare('DELETE FROM artefact WHERE model = ? AND key = ?')
  const revokeGrant = db.prepare('DELETE FROM artefact WHERE model = ? AND grant_id = ?')
  const countAttempt = db.prepare(
    `UPDATE offer SET attempts_left = attempts_left - 1
     WHERE code_sha256 = ? AND expires_at > ? AND attempts_left > 0 RETURNING tx_code_sha256`,
  )
  const columns = ({ model, key, payload, grantId, expiresAt }: Artefact) =>
    [model, key, JSON.stringify(payload), grantId ?? null, expiresAt ?? null] as const
  const write = async (run: () => number): Promise<boolean> => immediate(db, run) === 1

  return {
    put: async (artefact) => {
      await write(() => put.run(...columns(artefact)).changes)
    },
    putOnce: (artefact, now) => write(() => putOnce.run(...columns(artefact), now).changes),
    putIfGranted: (artefact) =>
      write(() => putIfGranted.run(...columns(artefact), artefact.grantId).changes),
    find: async (model, key, now) => {
      const row = find.get(model, key, now - KEPT_AFTER_EXPIRY_SECONDS)
      if (row === undefined) return undefined
      return { payload: JSON.parse(row.payload), consumedAt: row.consumed_at ?? undefined }
    },
    consume: (model, key, now) => write(() => consume.run(now, model, key).changes),
    destroy: async (model, key) => {
      await write(() => destroy.run(model, key).changes)
    },
    revokeGrant: async (model, grantId) => {
      await write(() => revokeGrant.run(model, grantId).changes)
    },
    countAttempt: async (codeSha256, now) =>
      immediate(db, () => countAttempt.pluck().get(codeSha256, now)) as string | undefined,
  }
}
