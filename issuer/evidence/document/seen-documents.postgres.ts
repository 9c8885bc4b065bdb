import { lockName, openDatabase, type Sql } from '../../../shared/store/database.postgres.ts'
import { LEAST_PARTS_IN_COMMON, type SeenDocuments, type Sighting } from './seen-documents.ts'

const migrations: readonly string[] = [
  `CREATE TABLE seen_document(
     session_id TEXT PRIMARY KEY, document TEXT NOT NULL, person TEXT NOT NULL, expires BIGINT NOT NULL
   );
   CREATE INDEX seen_document_by_document ON seen_document(document);
   CREATE INDEX seen_document_by_expiry ON seen_document(expires);
   CREATE TABLE seen_portrait(
     part TEXT NOT NULL, session_id TEXT NOT NULL REFERENCES seen_document ON DELETE CASCADE,
     PRIMARY KEY(part, session_id)
   );
   CREATE INDEX seen_portrait_by_session ON seen_portrait(session_id);`,
]

/**
 * Opens sightings in a PostgreSQL database, or in a schema of one, that holds nothing else; any number of servers work
 * on it. @throws OperatorError
 */
export async function openSeenDocumentsDatabase(url: string): Promise<{
  readonly store: SeenDocuments
  readonly close: () => Promise<void>
}> {
  const db = await openDatabase(url, { seen: migrations })
  const store: SeenDocuments = {
    see: (sighting, expires, now) =>
      db.transaction(async (tx) => {
        // What two sessions have in common is in no single row, so that they take turns.
        await lockName(tx, 'seen documents')
        const before = await seenBefore(tx, sighting, now)
        const { sessionId, document, person, portrait } = sighting
        await tx.run('DELETE FROM seen_document WHERE session_id = $1', [sessionId])
        await tx.run('INSERT INTO seen_document VALUES ($1, $2, $3, $4)', [
          ...[sessionId, document, person, expires],
        ])
        await tx.run(
          'INSERT INTO seen_portrait SELECT DISTINCT part, $1 FROM unnest($2::text[]) AS part',
          [sessionId, portrait],
        )
        return before
      }),
    forget: async (sessionId) => {
      await db.run('DELETE FROM seen_document WHERE session_id = $1', [sessionId])
    },
    purge: (now) => db.run('DELETE FROM seen_document WHERE expires <= $1', [now]),
  }
  return { store, close: () => db.close() }
}

async function seenBefore(
  tx: Sql,
  { sessionId, document, person, portrait }: Sighting,
  now: number,
): Promise<{ document: boolean; portrait: boolean }> {
  const sameDocument = await tx.get(
    `SELECT 1 FROM seen_document
     WHERE document = $1 AND person <> $2 AND session_id <> $3 AND expires > $4 LIMIT 1`,
    [document, person, sessionId, now],
  )
  const samePortrait = await tx.get(
    `SELECT 1 FROM seen_portrait AS seen JOIN seen_document USING (session_id)
     WHERE part = ANY($1::text[]) AND person <> $2 AND session_id <> $3 AND expires > $4
     GROUP BY session_id HAVING count(*) >= $5 LIMIT 1`,
    [portrait, person, sessionId, now, LEAST_PARTS_IN_COMMON],
  )
  return { document: sameDocument !== undefined, portrait: samePortrait !== undefined }
}
