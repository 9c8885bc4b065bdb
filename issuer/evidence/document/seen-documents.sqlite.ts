import {
  type Database,
  emptyLog,
  immediate,
  openDatabase,
} from '../../../shared/store/database.sqlite.ts'
import { LEAST_PARTS_IN_COMMON, type SeenDocuments } from './seen-documents.ts'

const migrations: readonly string[] = [
  `CREATE TABLE seen_document(
     session_id TEXT PRIMARY KEY, document TEXT NOT NULL, person TEXT NOT NULL, expires INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX seen_document_by_document ON seen_document(document);
   CREATE INDEX seen_document_by_expiry ON seen_document(expires);
   CREATE TABLE seen_portrait(
     part TEXT NOT NULL, session_id TEXT NOT NULL REFERENCES seen_document ON DELETE CASCADE,
     PRIMARY KEY(part, session_id)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX seen_portrait_by_session ON seen_portrait(session_id);`,
]

/** Opens sightings in an SQLite file of their own, apart from everything else that an issuer keeps. @throws OperatorError */
export function openSeenDocumentsFile(path: string): {
  readonly store: SeenDocuments
  readonly close: () => Promise<void>
} {
  const db = openDatabase(path, { seen: migrations })
  return {
    store: openSeenDocuments(db),
    close: async () => {
      db.close()
    },
  }
}

function openSeenDocuments(db: Database): SeenDocuments {
  const document = db.prepare<[string, string, string, number], unknown>(
    `SELECT 1 FROM seen_document
     WHERE document = ? AND person <> ? AND session_id <> ? AND expires > ? LIMIT 1`,
  )
  const portrait = db.prepare<[string, string, string, number, number], unknown>(
    `SELECT 1 FROM seen_portrait AS seen JOIN seen_document USING (session_id)
     WHERE part IN (SELECT value FROM json_each(?)) AND person <> ? AND seen.session_id <> ? AND expires > ?
     GROUP BY seen.session_id HAVING count(*) >= ? LIMIT 1`,
  )
  const forget = db.prepare<[string]>('DELETE FROM seen_document WHERE session_id = ?')
  const keep = db.prepare<[string, string, string, number]>(
    'INSERT INTO seen_document(session_id, document, person, expires) VALUES (?, ?, ?, ?)',
  )
  const keepPart = db.prepare<[string, string]>(
    'INSERT OR IGNORE INTO seen_portrait(part, session_id) VALUES (?, ?)',
  )
  const purge = db.prepare<[number]>('DELETE FROM seen_document WHERE expires <= ?')
  return {
    see: async (sighting, expires, now) =>
      immediate(db, () => {
        const { sessionId, person } = sighting
        const parts = JSON.stringify(sighting.portrait)
        const before = {
          document: document.get(sighting.document, person, sessionId, now) !== undefined,
          portrait:
            portrait.get(parts, person, sessionId, now, LEAST_PARTS_IN_COMMON) !== undefined,
        }
        forget.run(sessionId)
        keep.run(sessionId, sighting.document, person, expires)
        for (const part of sighting.portrait) keepPart.run(part, sessionId)
        return before
      }),
    forget: async (sessionId) => {
      forget.run(sessionId)
      emptyLog(db)
    },
    purge: async (now) => purge.run(now).changes,
  }
}
