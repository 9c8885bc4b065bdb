import { gzipSync } from 'node:zlib'
import { encodeEntry } from '../../shared/audit/entry.ts'
import { appendEntry, publishedSize } from '../../shared/audit/log.sqlite.ts'
import { hashLeaf } from '../../shared/audit/merkle.ts'
import { encodeBase64url } from '../../shared/base64url.ts'
import type { NumericDate } from '../../shared/clock.ts'
import { sha256Base64url } from '../../shared/hash.ts'
import { Problem } from '../../shared/problem.ts'
import type { Random } from '../../shared/random.ts'
import type { StatusReference } from '../../shared/status-list/reference.ts'
import { type Database, immediate, prepared } from '../../shared/store/database.sqlite.ts'
import { emitEvent } from '../../shared/webhook/store.sqlite.ts'
import { checkEnd, commitChange, NOTICE_SECONDS, ROOM, type StatusChange } from './change.ts'
import { decoysToRevoke } from './decoys.ts'
import { type PublishedChange, publishedEvents } from './events.ts'
import { permute } from './permutation.ts'
import {
  checkTransition,
  type ListDraft,
  type ListPool,
  lifetimeClass,
  type NewPublication,
  type Publication,
  PublicationMismatch,
  type ReasonClass,
  type ServedToken,
  STATUS_VALUES,
  type StatusStore,
  statusOf,
} from './status.ts'
import { draftOf, type EventRow, type ListRow, type PublicationRow } from './stored-list.ts'

/** The schema of the lists, in the order in which it grew. It refers to that of the audit log. */
export const statusMigrations: readonly string[] = [
  `CREATE TABLE status_list (
     id TEXT PRIMARY KEY,
     uri TEXT NOT NULL UNIQUE,
     pool TEXT NOT NULL,
     size INTEGER NOT NULL CHECK (size > 0),
     permutation_key BLOB NOT NULL,
     allocated INTEGER NOT NULL DEFAULT 0 CHECK (allocated <= size),
     opened_at INTEGER NOT NULL,
     retained_until INTEGER NOT NULL DEFAULT 0
   ) STRICT;
   CREATE TABLE status_entry (
     list TEXT NOT NULL REFERENCES status_list (id),
     idx INTEGER NOT NULL,
     status INTEGER NOT NULL DEFAULT 0 CHECK (status IN (0, 1, 2)),
     PRIMARY KEY (list, idx)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX status_entry_not_valid ON status_entry (list, idx, status) WHERE status <> 0;
   CREATE TRIGGER status_entry_revoked_is_final BEFORE UPDATE ON status_entry WHEN old.status = 1
     BEGIN SELECT RAISE(ABORT, 'revoked is final'); END;
   CREATE TABLE status_event (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     list TEXT NOT NULL,
     idx INTEGER NOT NULL,
     from_status INTEGER NOT NULL,
     to_status INTEGER NOT NULL,
     reason_class TEXT NOT NULL,
     actor TEXT NOT NULL,
     requested_at INTEGER NOT NULL,
     decided_at INTEGER NOT NULL,
     effective_at INTEGER NOT NULL,
     leaf INTEGER NOT NULL,
     published_sequence INTEGER,
     FOREIGN KEY (list, idx) REFERENCES status_entry (list, idx)
   ) STRICT;
   CREATE INDEX status_event_of_list ON status_event (list, id);
   CREATE TABLE status_publication (
     list TEXT NOT NULL REFERENCES status_list (id),
     sequence INTEGER NOT NULL,
     token TEXT NOT NULL,
     gzip BLOB NOT NULL,
     sha256 TEXT NOT NULL,
     iat INTEGER NOT NULL,
     exp INTEGER NOT NULL,
     ttl INTEGER NOT NULL,
     last_event INTEGER NOT NULL,
     leaf INTEGER NOT NULL,
     leaf_hash TEXT NOT NULL,
     PRIMARY KEY (list, sequence)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX status_publication_by_digest ON status_publication (sha256);
   CREATE INDEX status_publication_by_time ON status_publication (list, iat);
   CREATE TRIGGER status_publication_is_final BEFORE UPDATE ON status_publication
     BEGIN SELECT RAISE(ABORT, 'a publication is final'); END;`,
  `ALTER TABLE status_event ADD COLUMN until INTEGER;
   ALTER TABLE status_event ADD COLUMN withdrawn_at INTEGER;
   ALTER TABLE status_event ADD COLUMN bulk TEXT;
   ALTER TABLE status_event ADD COLUMN published_at INTEGER;
   ALTER TABLE status_entry ADD COLUMN decoy INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE status_publication ADD COLUMN cwt BLOB;
   ALTER TABLE status_publication ADD COLUMN cwt_sha256 TEXT;
   CREATE INDEX status_publication_by_cwt ON status_publication (cwt_sha256)
     WHERE cwt_sha256 IS NOT NULL;
   CREATE INDEX status_event_of_entry ON status_event (list, idx, id);
   CREATE INDEX status_event_with_end ON status_event (until) WHERE until IS NOT NULL;
   DROP TRIGGER status_entry_revoked_is_final;
   CREATE TRIGGER status_entry_revoked_is_final BEFORE UPDATE OF status ON status_entry
     WHEN old.status = 1 AND EXISTS (
       SELECT 1 FROM status_event AS e WHERE e.list = old.list AND e.idx = old.idx
         AND e.to_status = 1 AND e.published_sequence IS NOT NULL)
     BEGIN SELECT RAISE(ABORT, 'revoked is final'); END;
   CREATE TABLE status_notice (
     event INTEGER PRIMARY KEY REFERENCES status_event (id),
     due_at INTEGER NOT NULL,
     held_by TEXT,
     told_at INTEGER
   ) STRICT;
   CREATE INDEX status_notice_open ON status_notice (due_at) WHERE told_at IS NULL;
   CREATE TABLE status_bulk (
     id TEXT PRIMARY KEY,
     change TEXT NOT NULL,
     preview_sha256 TEXT NOT NULL,
     proposed_by TEXT NOT NULL,
     proposed_at INTEGER NOT NULL,
     approved_by TEXT,
     approved_at INTEGER
   ) STRICT;`,
  'ALTER TABLE status_entry ADD COLUMN subject TEXT;',
  'ALTER TABLE status_list ADD COLUMN retired_at INTEGER;',
  `CREATE INDEX status_entry_decoy ON status_entry (list, idx, decoy, status)
     WHERE decoy = 1 AND status = 0;`,
  'CREATE INDEX status_entry_suspended ON status_entry (list, idx) WHERE status = 2;',
]

/**
 * Reserves one index for each copy, each on another list, inside the caller's transaction. Only lists that are live
 * are used: "the list is live before the first credential that refers to it leaves". An index is never given twice.
 * Lists of the credential's {@link lifetimeClass} come first; others serve while those have no room. A list that is
 * nearly full is filled before the others, so that it closes. Token Status List §13.2, §13.3.
 * @throws Problem `busy` when fewer lists than copies are live and have room
 */
export function allocateIndexes(
  db: Database,
  request: {
    readonly copies: number
    readonly credentialExpires: NumericDate
    readonly now: NumericDate
    /** Whose credential it is, as the issuer's own identifier, for {@link subjectOf}. */
    readonly subject?: string
  },
): StatusReference[] {
  const { copies, credentialExpires, now, subject = null } = request
  const lists = prepared<[number, string, number, number], ListRow>(
    db,
    `SELECT * FROM status_list AS l
       WHERE allocated < size AND EXISTS (
         SELECT 1 FROM status_publication AS p WHERE p.list = l.id AND p.leaf < ?)
       ORDER BY pool <> ?, allocated < size * ?, allocated, id LIMIT ?`,
  ).all(publishedSize(db), lifetimeClass(credentialExpires - now), ROOM, copies)
  if (lists.length < copies) {
    throw new Problem('busy', 'no status list has room yet, try again soon')
  }
  return lists.map((list) => {
    const idx = permute(list.allocated, list.size, list.permutation_key)
    prepared(db, 'INSERT INTO status_entry (list, idx, subject) VALUES (?, ?, ?)').run(
      list.id,
      idx,
      subject,
    )
    prepared(
      db,
      `UPDATE status_list SET allocated = allocated + 1, retained_until = max(retained_until, ?)
       WHERE id = ?`,
    ).run(credentialExpires, list.id)
    return { uri: list.uri, idx }
  })
}

/** Whether a copy of somebody is not revoked, and whether a notice of one is held back. */
export function needOf(
  db: Database,
  references: readonly StatusReference[],
): { readonly inForce: boolean; readonly held: boolean } {
  const inForce = prepared(
    db,
    `SELECT 1 FROM status_entry AS e JOIN status_list AS l ON l.id = e.list
       WHERE l.uri = ? AND e.idx = ? AND e.status <> 1`,
  )
  const held = prepared(
    db,
    `SELECT 1 FROM status_notice AS n JOIN status_event AS e ON e.id = n.event
       JOIN status_list AS l ON l.id = e.list
       WHERE l.uri = ? AND e.idx = ? AND n.held_by IS NOT NULL AND n.told_at IS NULL`,
  )
  const some = (statement: typeof held) =>
    references.some(({ uri, idx }) => statement.get(uri, idx) !== undefined)
  return { inForce: some(inForce), held: some(held) }
}

/** Forgets whose credentials entries belong to. */
export function unlinkSubject(db: Database, subject: string): void {
  prepared(db, 'UPDATE status_entry SET subject = NULL WHERE subject = ?').run(subject)
}

/** Whose credential a reference belongs to, as {@link allocateIndexes} was told. */
export function subjectOf(db: Database, { uri, idx }: StatusReference): string | undefined {
  const row = prepared<[string, number], { subject: string | null }>(
    db,
    `SELECT e.subject FROM status_entry AS e JOIN status_list AS l ON l.id = e.list
       WHERE l.uri = ? AND e.idx = ?`,
  ).get(uri, idx)
  return row?.subject ?? undefined
}

/**
 * Changes a status inside the caller's transaction, writes the private ledger and appends the public commitment. The
 * next publication carries the change. Answers the event's number.
 * @throws Problem `credential_not_found`, `status_final`, `request_invalid`
 */
export function changeStatus(db: Database, change: StatusChange): number {
  const { reference, to, reasonClass, actor, requestedAt, until, heldBy, bulk, now } = change
  checkEnd(change)
  const row = prepared<[string, number], { list: string; status: number }>(
    db,
    `SELECT e.list, e.status FROM status_entry AS e JOIN status_list AS l ON l.id = e.list
       WHERE l.uri = ? AND e.idx = ?`,
  ).get(reference.uri, reference.idx)
  if (row === undefined) throw new Problem('credential_not_found', 'no credential has this status')
  const from = statusOf(row.status)
  checkTransition(from, to)
  const event = nextEvent(db)
  const commitment = commitChange(change, { event, from })
  const leaf = appendEntry(db, { type: 'status.changed', at: now, commitment })
  prepared(db, 'UPDATE status_entry SET status = ? WHERE list = ? AND idx = ?').run(
    STATUS_VALUES[to],
    row.list,
    reference.idx,
  )
  prepared(
    db,
    `INSERT INTO status_event (id, list, idx, from_status, to_status, reason_class, actor,
       requested_at, decided_at, effective_at, leaf, until, bulk)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(
    event,
    row.list,
    reference.idx,
    row.status,
    STATUS_VALUES[to],
    reasonClass,
    actor,
    requestedAt,
    now,
    change.effectiveAt ?? now,
    leaf,
    until ?? null,
    bulk ?? null,
  )
  prepared(db, 'INSERT INTO status_notice (event, due_at, held_by) VALUES (?, ?, ?)').run(
    event,
    now + NOTICE_SECONDS,
    heldBy ?? null,
  )
  return event
}

/**
 * Withdraws a decided change inside the caller's transaction, while no publication carries it. The leaf that was
 * appended stays, and another says that it did not come about.
 * @throws Problem `change_not_found`, `change_published`
 */
export function withdrawChange(
  db: Database,
  { event, now }: { readonly event: number; readonly now: NumericDate },
): void {
  const row = prepared<[number], EventRow>(db, 'SELECT * FROM status_event WHERE id = ?').get(event)
  if (row === undefined || row.withdrawn_at !== null) {
    throw new Problem('change_not_found', 'there is no such change, or it was withdrawn already')
  }
  const later = prepared<[string, number, number], { id: number }>(
    db,
    `SELECT id FROM status_event WHERE list = ? AND idx = ? AND id > ? AND withdrawn_at IS NULL`,
  ).get(row.list, row.idx, event)
  if (row.published_sequence !== null || later !== undefined) {
    throw new Problem('change_published', 'a publication or a later change builds on it')
  }
  appendEntry(db, { type: 'status.withdrawn', at: now, leaf: row.leaf })
  prepared(db, 'UPDATE status_event SET withdrawn_at = ? WHERE id = ?').run(now, event)
  prepared(db, 'UPDATE status_entry SET status = ? WHERE list = ? AND idx = ?').run(
    row.from_status,
    row.list,
    row.idx,
  )
  prepared(db, 'DELETE FROM status_notice WHERE event = ?').run(event)
}

/**
 * Lifts every suspension whose end has come, inside the caller's transaction. `subjectKeyOf` answers the key of the
 * person behind a reference; without one the suspension stays. Answers how many were lifted.
 */
export function endSuspensions(
  db: Database,
  options: {
    readonly now: NumericDate
    subjectKeyOf(reference: StatusReference): Uint8Array | undefined
  },
): number {
  const { now, subjectKeyOf } = options
  const due = prepared<
    [number],
    { uri: string; idx: number; until: number; reason_class: ReasonClass }
  >(
    db,
    `SELECT l.uri, s.idx, e.until, e.reason_class FROM status_entry AS s
       JOIN status_list AS l ON l.id = s.list
       JOIN status_event AS e ON e.id = (
         SELECT max(id) FROM status_event AS o
         WHERE o.list = s.list AND o.idx = s.idx AND o.withdrawn_at IS NULL)
       WHERE s.status = 2 AND e.until <= ?`,
  ).all(now)
  let lifted = 0
  for (const { uri, idx, until, reason_class: reasonClass } of due) {
    const reference = { uri, idx }
    const subjectKey = subjectKeyOf(reference)
    if (subjectKey === undefined) continue
    const decided = { to: 'valid', reasonClass, actor: 'end-of-suspension' } as const
    const times = { requestedAt: until, effectiveAt: until, now }
    changeStatus(db, { reference, ...decided, ...times, subjectKey })
    lifted++
  }
  return lifted
}

/**
 * Revokes a few of the entries that belong to nobody, inside the caller's transaction, so that the number of set
 * entries tells little. From their commitments nobody learns that they are decoys. Token Status List §12.5.
 */
export function stirDecoys(
  db: Database,
  { random, now }: { readonly random: Random; readonly now: NumericDate },
): number {
  const lists = prepared<[], { list: string; uri: string }>(
    db,
    `SELECT id AS list, uri FROM status_list AS l WHERE EXISTS (
         SELECT 1 FROM status_entry AS e WHERE e.list = l.id AND e.decoy = 1 AND e.status = 0)`,
  ).all()
  let stirred = 0
  for (const { list, uri } of lists) {
    const decoys = prepared<[string], { idx: number }>(
      db,
      'SELECT idx FROM status_entry WHERE list = ? AND decoy = 1 AND status = 0',
    ).all(list)
    const idxs = decoys.map(({ idx }) => idx)
    for (const idx of decoysToRevoke(idxs, random)) {
      const reference = { uri, idx }
      const decided = { to: 'revoked', reasonClass: 'superseded', actor: 'decoy' } as const
      const event = changeStatus(db, {
        reference,
        ...decided,
        requestedAt: now,
        subjectKey: random(32),
        now,
      })
      prepared(db, 'DELETE FROM status_notice WHERE event = ?').run(event)
      stirred++
    }
  }
  return stirred
}

/** Opens the lists in `db`, which also holds the audit log; `baseUrl` is where {@link StatusStore.current} is served. */
export function openStatusStore(
  db: Database,
  { baseUrl, random }: { readonly baseUrl: string; readonly random: Random },
): StatusStore {
  return {
    keepOpen: async (pool, now) =>
      immediate(db, () => keepOpen(db, pool, { baseUrl, random, now })),
    publishedLists: async (now) => publishedLists(db, now).map(({ id }) => id),
    draft: async (list) => db.transaction(() => draft(db, list))(),
    record: async (publication) => immediate(db, () => record(db, publication, random)),
    current: async (list) =>
      served(db, 'list = ? AND leaf < ? ORDER BY sequence DESC LIMIT 1', [list, publishedSize(db)]),
    at: async (list, time) => {
      const where = 'list = ? AND iat <= ? AND leaf < ? ORDER BY iat DESC, sequence DESC LIMIT 1'
      const token = served(db, where, [list, time, publishedSize(db)])
      return token !== undefined && time <= token.exp ? token : undefined
    },
    bySha256: async (sha256) =>
      served(db, '(sha256 = ? OR cwt_sha256 = ?) AND leaf < ? LIMIT 1', [
        sha256,
        sha256,
        publishedSize(db),
      ]),
    retainedUntil: async (list) => listRow(db, list)?.retained_until,
    uris: async (now) => publishedLists(db, now).map(({ uri }) => uri),
  }
}

function listRow(db: Database, id: string): ListRow | undefined {
  return prepared<[string], ListRow>(db, 'SELECT * FROM status_list WHERE id = ?').get(id)
}

function nextEvent(db: Database): number {
  const row = prepared<[], { seq: number }>(
    db,
    "SELECT seq FROM sqlite_sequence WHERE name = 'status_event'",
  ).get()
  return (row?.seq ?? 0) + 1
}

function keepOpen(
  db: Database,
  { name, size, lanes, decoys = 0 }: ListPool,
  { baseUrl, random, now }: { baseUrl: string; random: Random; now: NumericDate },
): void {
  retireLists(db, now)
  const row = prepared<[string, number], { open: number }>(
    db,
    'SELECT count(*) AS open FROM status_list WHERE pool = ? AND allocated < size * ?',
  ).get(name, ROOM)
  for (let open = row?.open ?? 0; open < lanes; open++) {
    const id = encodeBase64url(random(16))
    prepared(
      db,
      `INSERT INTO status_list (id, uri, pool, size, permutation_key, opened_at)
       VALUES (?, ?, ?, ?, ?, ?)`,
    ).run(id, `${baseUrl}/status/${id}`, name, size, random(32), now)
    addDecoys(db, id, decoys)
  }
}

function addDecoys(db: Database, id: string, count: number): void {
  const list = listRow(db, id)
  if (list === undefined || count === 0) return
  const insert = prepared(db, 'INSERT INTO status_entry (list, idx, decoy) VALUES (?, ?, 1)')
  for (let place = 0; place < count; place++) {
    insert.run(id, permute(place, list.size, list.permutation_key))
  }
  prepared(db, 'UPDATE status_list SET allocated = ? WHERE id = ?').run(count, id)
}

/** Says in the log that a full list whose last credential has expired is not published any more. */
function retireLists(db: Database, now: NumericDate): void {
  const lists = prepared<[number], { id: string; uri: string }>(
    db,
    `SELECT id, uri FROM status_list
       WHERE retained_until < ? AND allocated >= size AND retired_at IS NULL`,
  ).all(now)
  for (const { id, uri } of lists) {
    appendEntry(db, { type: 'status.retired', at: now, list: uri })
    prepared(db, 'UPDATE status_list SET retired_at = ? WHERE id = ?').run(now, id)
  }
}

/** A list without credentials is published too: it may get its first one at any moment. */
function publishedLists(db: Database, now: NumericDate): { id: string; uri: string }[] {
  return prepared<[number], { id: string; uri: string }>(
    db,
    `SELECT id, uri FROM status_list
       WHERE retained_until >= ? OR allocated < size ORDER BY opened_at, id`,
  ).all(now)
}

function draft(db: Database, id: string): ListDraft {
  const list = listRow(db, id)
  if (list === undefined) throw new Error('no such list')
  const row = prepared<[string], PublicationRow>(
    db,
    'SELECT * FROM status_publication WHERE list = ? ORDER BY sequence DESC LIMIT 1',
  ).get(id)
  const entries = prepared<[string], { idx: number; value: number }>(
    db,
    'SELECT idx, status AS value FROM status_entry WHERE list = ? AND status <> 0',
  ).all(id)
  const changes = prepared<[string, number], { id: number; idx: number; value: number }>(
    db,
    `SELECT id, idx, to_status AS value FROM status_event
       WHERE list = ? AND id > ? AND withdrawn_at IS NULL ORDER BY id`,
  ).all(id, row?.last_event ?? 0)
  return draftOf(list, row, { entries, changes })
}

function record(db: Database, publication: NewPublication, random: Random): Publication {
  const { list, sequence, token, sha256, iat, exp, ttl, lastEvent, entry, cwt } = publication
  const uri = listRow(db, list)?.uri
  const last = prepared<[string], { sequence: number; iat: number; last_event: number }>(
    db,
    'SELECT sequence, iat, last_event FROM status_publication WHERE list = ? ORDER BY sequence DESC LIMIT 1',
  ).get(list)
  if (uri === undefined || sequence !== (last?.sequence ?? 0) + 1 || iat < (last?.iat ?? 0)) {
    throw new PublicationMismatch('another publication of this list came first')
  }
  if (carried(db, { list, after: last?.last_event ?? 0, lastEvent }) !== publication.carried) {
    throw new PublicationMismatch('a change was withdrawn while the list was being signed')
  }
  const leaf = appendEntry(db, entry)
  const leafHash = encodeBase64url(hashLeaf(encodeEntry(entry)))
  prepared(
    db,
    `INSERT INTO status_publication (list, sequence, token, gzip, sha256, iat, exp, ttl, last_event,
       leaf, leaf_hash, cwt, cwt_sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(
    ...[list, sequence, token, gzipSync(token), sha256, iat, exp, ttl, lastEvent, leaf, leafHash],
    cwt ?? null,
    cwt === undefined ? null : sha256Base64url(cwt),
  )
  prepared(
    db,
    `UPDATE status_event SET published_sequence = ?, published_at = ?
     WHERE list = ? AND id > ? AND id <= ? AND withdrawn_at IS NULL`,
  ).run(sequence, iat, list, last?.last_event ?? 0, lastEvent)
  const published = prepared<[string, number, number], PublishedChange>(
    db,
    `SELECT e.id AS event, s.subject, e.to_status AS status, e.reason_class, n.due_at
       FROM status_event AS e JOIN status_entry AS s ON s.list = e.list AND s.idx = e.idx
       LEFT JOIN status_notice AS n ON n.event = e.id AND n.held_by IS NULL AND n.told_at IS NULL
       WHERE e.list = ? AND e.id > ? AND e.id <= ? AND e.withdrawn_at IS NULL
         AND s.subject IS NOT NULL AND EXISTS (SELECT 1 FROM webhook_endpoint) ORDER BY e.id`,
  ).all(list, last?.last_event ?? 0, lastEvent)
  for (const change of published) {
    for (const event of publishedEvents(change, iat)) emitEvent(db, event, random)
  }
  return { list, uri, sequence, token, sha256, iat, exp, ttl, leaf, leafHash }
}

function carried(
  db: Database,
  { list, after, lastEvent }: { list: string; after: number; lastEvent: number },
): number {
  const row = prepared<[string, number, number], { count: number }>(
    db,
    `SELECT count(*) AS count FROM status_event
       WHERE list = ? AND id > ? AND id <= ? AND withdrawn_at IS NULL`,
  ).get(list, after, lastEvent)
  return row?.count ?? 0
}

function served(
  db: Database,
  where: string,
  values: readonly (string | number)[],
): ServedToken | undefined {
  return prepared<(string | number)[], ServedToken>(
    db,
    `SELECT token, gzip, sha256, iat, exp, ttl, cwt, cwt_sha256 AS cwtSha256
       FROM status_publication WHERE ${where}`,
  ).get(...values)
}
