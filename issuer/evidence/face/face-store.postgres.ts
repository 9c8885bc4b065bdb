import { openDatabase, type Sql } from '../../../shared/store/database.postgres.ts'
import { FACES_AT_ONCE, type FaceCursor, type FaceStore, type KeptFace } from './face-store.ts'

const migrations: readonly string[] = [
  `CREATE TABLE face_state(
     id INTEGER PRIMARY KEY CHECK (id = 1), change BIGINT NOT NULL, removals BIGINT NOT NULL
   );
   INSERT INTO face_state VALUES (1, 0, 0);
   CREATE TABLE face(
     list TEXT NOT NULL CHECK (list IN ('seen', 'blocklist')), id TEXT NOT NULL, model TEXT NOT NULL,
     sealed BYTEA NOT NULL, expires BIGINT NOT NULL, settled BOOLEAN NOT NULL, change BIGINT NOT NULL UNIQUE,
     PRIMARY KEY(list, id)
   );
   CREATE INDEX face_by_expiry ON face(expires);
   CREATE INDEX face_unsettled ON face(id COLLATE "C") WHERE NOT settled;`,
  `ALTER TABLE face ADD COLUMN person TEXT NOT NULL DEFAULT '';`,
]

/**
 * Opens faces in a PostgreSQL database, or in a schema of one, that holds nothing else; any number of servers work on
 * it. @throws OperatorError
 */
export async function openFaceStoreDatabase(url: string): Promise<{
  readonly store: FaceStore
  readonly close: () => Promise<void>
}> {
  const db = await openDatabase(url, { faces: migrations })
  const store: FaceStore = {
    keep: ({ list, id, model, sealed, expires, person }) =>
      db.transaction(async (tx) => {
        // Whoever holds this row commits before the next one counts, so that changes show in their order.
        const next = await tx.get<{ change: number }>(
          'UPDATE face_state SET change = change + 1 RETURNING change',
        )
        await tx.run(
          `INSERT INTO face VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
           ON CONFLICT (list, id) DO UPDATE SET model = excluded.model, sealed = excluded.sealed,
             expires = excluded.expires, settled = excluded.settled, change = excluded.change,
             person = excluded.person`,
          [list, id, model, sealed, expires, list !== 'seen', next?.change, person],
        )
      }),
    changes: (cursor) => db.snapshot((tx) => changesSince(tx, cursor)),
    unsettled: async (after) => {
      const rows = await db.all<{ id: string }>(
        `SELECT id FROM face WHERE NOT settled AND id COLLATE "C" > $1 ORDER BY id COLLATE "C" LIMIT $2`,
        [after, FACES_AT_ONCE],
      )
      return rows.map(({ id }) => id)
    },
    settle: async (id) => {
      await db.run(`UPDATE face SET settled = true WHERE list = 'seen' AND id = $1`, [id])
    },
    remove: (list, id) =>
      db.transaction(async (tx) => {
        const removed = await tx.run('DELETE FROM face WHERE list = $1 AND id = $2', [list, id])
        if (removed > 0) await tx.run('UPDATE face_state SET removals = removals + 1')
        return removed > 0
      }),
    blocklist: () =>
      db.all(`SELECT id, expires FROM face WHERE list = 'blocklist' ORDER BY id COLLATE "C"`),
    purge: (now) => db.run('DELETE FROM face WHERE expires <= $1', [now]),
  }
  return { store, close: () => db.close() }
}

async function changesSince(tx: Sql, cursor: FaceCursor | undefined) {
  const state = await tx.get<FaceCursor>('SELECT change, removals FROM face_state')
  if (state === undefined) throw new Error('the state of the faces is not there')
  const { change, removals } = state
  const rows = await tx.all<KeptFace & { readonly change: number }>(
    `SELECT list, id, model, sealed, expires, change, person FROM face WHERE change > $1 ORDER BY change LIMIT $2`,
    [cursor?.change ?? 0, FACES_AT_ONCE],
  )
  const more = rows.length === FACES_AT_ONCE
  const isRemoved = cursor !== undefined && cursor.removals !== removals
  return {
    kept: rows.map(({ change: _, ...face }) => face),
    all: isRemoved
      ? await tx.all<Pick<KeptFace, 'list' | 'id'>>('SELECT list, id FROM face')
      : undefined,
    cursor: { change: more ? (rows.at(-1)?.change ?? change) : change, removals },
    more,
  }
}
