import {
  type Database,
  emptyLog,
  immediate,
  openDatabase,
} from '../../../shared/store/database.sqlite.ts'
import {
  FACES_AT_ONCE,
  type FaceCursor,
  type FaceList,
  type FaceStore,
  type KeptFace,
} from './face-store.ts'

const migrations: readonly string[] = [
  `CREATE TABLE face_state(
     id INTEGER PRIMARY KEY CHECK (id = 1), change INTEGER NOT NULL, removals INTEGER NOT NULL
   ) STRICT;
   INSERT INTO face_state VALUES (1, 0, 0);
   CREATE TABLE face(
     list TEXT NOT NULL CHECK (list IN ('seen', 'blocklist')), id TEXT NOT NULL, model TEXT NOT NULL,
     sealed BLOB NOT NULL, expires INTEGER NOT NULL, settled INTEGER NOT NULL, change INTEGER NOT NULL UNIQUE,
     PRIMARY KEY(list, id)
   ) STRICT;
   CREATE INDEX face_by_expiry ON face(expires);
   CREATE INDEX face_unsettled ON face(id) WHERE settled = 0;`,
  `ALTER TABLE face ADD COLUMN person TEXT NOT NULL DEFAULT '';`,
]

/** Opens faces in an SQLite file of their own. @throws OperatorError */
export function openFaceStoreFile(path: string): {
  readonly store: FaceStore
  readonly close: () => Promise<void>
} {
  const db = openDatabase(path, { faces: migrations })
  return {
    store: openFaceStore(db),
    close: async () => {
      db.close()
    },
  }
}

function openFaceStore(db: Database): FaceStore {
  const state = db.prepare<[], FaceCursor>('SELECT change, removals FROM face_state')
  const nextChange = db
    .prepare<[], number>('UPDATE face_state SET change = change + 1 RETURNING change')
    .pluck()
  const countRemoval = db.prepare('UPDATE face_state SET removals = removals + 1')
  const keep = db.prepare<[string, string, string, Uint8Array, number, number, number, string]>(
    'INSERT OR REPLACE INTO face VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const kept = db.prepare<[number, number], KeptFace & { readonly change: number }>(
    `SELECT list, id, model, sealed, expires, change, person FROM face WHERE change > ? ORDER BY change LIMIT ?`,
  )
  const all = db.prepare<[], Pick<KeptFace, 'list' | 'id'>>('SELECT list, id FROM face')
  const unsettled = db
    .prepare<[string, number], string>(
      'SELECT id FROM face WHERE settled = 0 AND id > ? ORDER BY id LIMIT ?',
    )
    .pluck()
  const settle = db.prepare<[string]>(`UPDATE face SET settled = 1 WHERE list = 'seen' AND id = ?`)
  const remove = db.prepare<[string, string]>('DELETE FROM face WHERE list = ? AND id = ?')
  const blocklist = db.prepare<[], Pick<KeptFace, 'id' | 'expires'>>(
    `SELECT id, expires FROM face WHERE list = 'blocklist' ORDER BY id`,
  )
  const purge = db.prepare<[number]>('DELETE FROM face WHERE expires <= ?')

  return {
    keep: async ({ list, id, model, sealed, expires, person }) =>
      immediate(db, () => {
        const change = nextChange.get() as number
        keep.run(list, id, model, sealed, expires, list === 'seen' ? 0 : 1, change, person)
      }),
    changes: async (cursor) =>
      db.transaction(() => {
        const { change, removals } = state.get() as FaceCursor
        const rows = kept.all(cursor?.change ?? 0, FACES_AT_ONCE)
        const more = rows.length === FACES_AT_ONCE
        return {
          kept: rows.map(({ change: _, ...face }) => face),
          all: cursor !== undefined && cursor.removals !== removals ? all.all() : undefined,
          cursor: { change: more ? (rows.at(-1)?.change ?? change) : change, removals },
          more,
        }
      })(),
    unsettled: async (after) => unsettled.all(after, FACES_AT_ONCE),
    settle: async (id) => {
      settle.run(id)
    },
    remove: async (list: FaceList, id) => {
      const removed = immediate(db, () => {
        const { changes } = remove.run(list, id)
        if (changes > 0) countRemoval.run()
        return changes > 0
      })
      emptyLog(db)
      return removed
    },
    blocklist: async () => blocklist.all(),
    purge: async (now) => purge.run(now).changes,
  }
}
