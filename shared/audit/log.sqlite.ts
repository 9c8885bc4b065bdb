import type { NumericDate } from '../clock.ts'
import { type Database, immediate, prepared } from '../store/database.sqlite.ts'
import { parseCheckpoint, signCheckpoint } from './checkpoint.ts'
import { type AuditEntry, encodeEntry } from './entry.ts'
import { type AuditLog, type AuditLogOptions, LogMismatch } from './log.ts'
import {
  appendLeafHash,
  type CompactRange,
  compactRangeAt,
  compactRoot,
  consistencyRanges,
  hashLeaf,
  inclusionRanges,
  rangeHash,
  type SubtreeHash,
} from './merkle.ts'
import { growTree, type NewTile } from './new-tile.ts'
import { noteVerifier } from './note.ts'
import { renderTlogProof } from './proof.ts'
import { refuseOlderThanMark } from './refuse-older.ts'
import { renderEntryBundle, subtreeHashFrom, TILE_WIDTH, tileWidth } from './tile.ts'

/** The schema of the log, in the order in which it grew. Each text runs once. */
export const auditLogMigrations: readonly string[] = [
  `CREATE TABLE audit_entry (
     idx INTEGER PRIMARY KEY,
     entry BLOB NOT NULL
   ) STRICT;
   CREATE TRIGGER audit_entry_is_append_only BEFORE UPDATE ON audit_entry
     BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
   CREATE TRIGGER audit_entry_is_kept BEFORE DELETE ON audit_entry
     BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
   CREATE TABLE audit_tile (
     level INTEGER NOT NULL,
     idx INTEGER NOT NULL,
     hashes BLOB NOT NULL,
     PRIMARY KEY (level, idx)
   ) STRICT;
   CREATE TABLE audit_checkpoint (
     size INTEGER PRIMARY KEY,
     root BLOB NOT NULL,
     note TEXT NOT NULL,
     signed_at INTEGER NOT NULL
   ) STRICT;
   CREATE TRIGGER audit_checkpoint_is_final BEFORE UPDATE ON audit_checkpoint
     BEGIN SELECT RAISE(ABORT, 'a signed checkpoint is final'); END;`,
  `CREATE TABLE audit_served (
     size INTEGER PRIMARY KEY REFERENCES audit_checkpoint (size),
     note TEXT NOT NULL
   ) STRICT;
   INSERT INTO audit_served SELECT size, note FROM audit_checkpoint;`,
]

const HASH_LENGTH = 32
/** Leaves that one publication hashes before it signs, so that memory stays bounded after a long pause. */
const BATCH = 1 << 16

/**
 * Appends an entry inside the caller's transaction and answers its index: the entry is there exactly when what it
 * tells of is. The next `publish` shows it.
 */
export function appendEntry(db: Database, entry: AuditEntry): number {
  const row = prepared<[Buffer], { idx: number }>(
    db,
    `INSERT INTO audit_entry (idx, entry)
       SELECT coalesce(max(idx) + 1, 0), ? FROM audit_entry RETURNING idx`,
  ).get(encodeEntry(entry))
  if (row === undefined) throw new Error('the entry was not appended')
  return row.idx
}

/** How many entries the last published checkpoint covers; -1 before the first. */
export function publishedSize(db: Database): number {
  return served(db)?.size ?? -1
}

/** Opens the log that lives in `db`, whose migrations have run. One log per database. */
export function openAuditLog(db: Database, options: AuditLogOptions): AuditLog {
  const { origin, signer } = options
  const { vkey } = noteVerifier(origin, signer.publicJwk)
  const subtree = storedSubtree(db)
  let publishing: Promise<unknown> = Promise.resolve()

  return {
    origin,
    vkey,
    append: async (entry) => immediate(db, () => appendEntry(db, entry)),
    publish: (now) => {
      // One at a time in this process; between processes the head decides (see `publishOnce`).
      const next = publishing.then(() => publish(db, { ...options, now }))
      publishing = next.catch(() => undefined)
      return next
    },
    size: async () =>
      db.transaction(() => ({ appended: entryCount(db), served: served(db)?.size ?? 0 }))(),
    checkpoint: async () => served(db)?.note,
    tile: async (level, index, width) => {
      const size = publishedSize(db)
      if (width < 1 || width > tileWidth(level, index, size)) return undefined
      return tileBytes(db, level, index).subarray(0, width * HASH_LENGTH)
    },
    entryBundle: async (index, width) => {
      const first = index * TILE_WIDTH
      if (width < 1 || width > TILE_WIDTH || first + width > publishedSize(db)) return undefined
      return renderEntryBundle(entriesBetween(db, first, first + width))
    },
    prove: async (index) =>
      db.transaction(() => {
        const last = served(db)
        if (last === undefined || index < 0 || index >= last.size) return undefined
        const hashes = inclusionRanges(index, last.size).map((range) => rangeHash(range, subtree))
        return renderTlogProof({ index, hashes, checkpoint: last.note })
      })(),
    proveConsistency: async (first, second) =>
      db.transaction(() => {
        if (second > publishedSize(db)) throw new RangeError('sizes of a consistency proof')
        return consistencyRanges(first, second).map((range) => rangeHash(range, subtree))
      })(),
    check: async () => check(db, origin),
  }
}

interface Head {
  readonly size: number
  readonly root: Buffer
  readonly note: string
}

/** The largest tree that was signed, shown or not. */
function head(db: Database): Head | undefined {
  return prepared<[], Head>(
    db,
    'SELECT size, root, note FROM audit_checkpoint ORDER BY size DESC LIMIT 1',
  ).get()
}

/** The largest checkpoint that may be shown, with the cosignatures it was given. */
function served(db: Database): Pick<Head, 'size' | 'note'> | undefined {
  return prepared<[], Pick<Head, 'size' | 'note'>>(
    db,
    'SELECT size, note FROM audit_served ORDER BY size DESC LIMIT 1',
  ).get()
}

function entryCount(db: Database): number {
  const row = prepared<[], { count: number }>(
    db,
    'SELECT coalesce(max(idx) + 1, 0) AS count FROM audit_entry',
  ).get()
  return row?.count ?? 0
}

function entriesBetween(db: Database, start: number, end: number): Buffer[] {
  const rows = prepared<[number, number], { idx: number; entry: Buffer }>(
    db,
    'SELECT idx, entry FROM audit_entry WHERE idx >= ? AND idx < ? ORDER BY idx',
  ).all(start, end)
  if (rows.length !== end - start) throw new LogMismatch('the log has lost an entry')
  return rows.map(({ entry }) => entry)
}

function tileBytes(db: Database, level: number, index: number): Buffer {
  const row = prepared<[number, number], { hashes: Buffer }>(
    db,
    'SELECT hashes FROM audit_tile WHERE level = ? AND idx = ?',
  ).get(level, index)
  if (row === undefined) throw new LogMismatch('the log has lost a tile')
  return row.hashes
}

function storedSubtree(db: Database): SubtreeHash {
  return subtreeHashFrom((level, index) => tileBytes(db, level, index))
}

interface Sequencer extends AuditLogOptions {
  readonly now: NumericDate
}

async function publish(db: Database, sequencer: Sequencer): Promise<string> {
  const target = entryCount(db)
  await refuseOlderThanMark(sequencer, target, (size) => rootAt(db, size))
  for (;;) {
    const last = head(db)
    if (last !== undefined && last.size >= target) return serve(db, sequencer, last)
    await publishOnce(db, { ...sequencer, last, target })
  }
}

/** Shows a signed checkpoint, after its witnesses have seen it where there are any. */
async function serve(db: Database, { cosign }: Sequencer, last: Head): Promise<string> {
  const shown = served(db)
  if (shown !== undefined && shown.size >= last.size) return shown.note
  const subtree = storedSubtree(db)
  const prove = async (oldSize: number): Promise<readonly Buffer[]> =>
    consistencyRanges(oldSize, last.size).map((range) => rangeHash(range, subtree))
  const note = cosign === undefined ? last.note : await cosign(last.note, prove)
  prepared(db, 'INSERT INTO audit_served VALUES (?, ?) ON CONFLICT DO NOTHING').run(last.size, note)
  return served(db)?.note ?? note
}

/**
 * Signs one larger tree. The mark is written before the database says so, and both before anything is served; whoever
 * commits first wins, and the other finds the head moved and looks again.
 */
async function publishOnce(
  db: Database,
  context: Sequencer & { readonly last: Head | undefined; readonly target: number },
): Promise<void> {
  const { origin, signer, mark, now, last, target } = context
  const start = last?.size ?? 0
  const size = Math.min(target, start + BATCH)
  const range = rightEdge(db, last)
  const tiles = growTree(range, entriesBetween(db, start, size))
  const root = compactRoot(range)
  const note = await signCheckpoint({ origin, size, root }, signer)
  await mark?.write(note)
  immediate(db, () => {
    if (head(db)?.size !== last?.size) return
    for (const tile of tiles) storeTile(db, tile)
    prepared(
      db,
      'INSERT INTO audit_checkpoint (size, root, note, signed_at) VALUES (?, ?, ?, ?)',
    ).run(size, root, note, now)
  })
}

/**
 * Shows that what is stored continues a checkpoint of this log that somebody has seen; nothing is signed.
 * @throws LogMismatch, AuditError
 */
export function requireContinuation(
  db: Database,
  { origin, signer }: Pick<Sequencer, 'origin' | 'signer'>,
  checkpoint: string,
): Promise<void> {
  const mark = { read: async () => checkpoint, write: async () => undefined }
  return refuseOlderThanMark({ origin, signer, mark }, entryCount(db), (size) => rootAt(db, size))
}

/** The root of the first `size` entries, out of tiles and what was appended since. */
function rootAt(db: Database, size: number): Buffer {
  const last = head(db)
  if (last !== undefined && size === last.size) return last.root
  if (last !== undefined && size < last.size) {
    return rangeHash({ start: 0, end: size }, storedSubtree(db))
  }
  const range = rightEdge(db, last)
  for (const entry of entriesBetween(db, range.size, size)) appendLeafHash(range, hashLeaf(entry))
  return compactRoot(range)
}

/** The right edge of the last signed tree, out of its tiles, after showing that it is what was signed. */
function rightEdge(db: Database, last: Head | undefined): CompactRange {
  const range = compactRangeAt(last?.size ?? 0, storedSubtree(db))
  if (last !== undefined && !compactRoot(range).equals(last.root)) {
    throw new LogMismatch('the tiles of the log do not hash to its last checkpoint')
  }
  return range
}

function storeTile(db: Database, { level, index, start, hashes }: NewTile): void {
  const before = start === 0 ? Buffer.alloc(0) : tileBytes(db, level, index)
  if (before.length !== start * HASH_LENGTH) throw new LogMismatch('a tile of the log has moved')
  prepared(
    db,
    `INSERT INTO audit_tile (level, idx, hashes) VALUES (?, ?, ?)
     ON CONFLICT (level, idx) DO UPDATE SET hashes = excluded.hashes`,
  ).run(level, index, Buffer.concat([before, ...hashes]))
}

/** See {@link AuditLog.check}. */
function check(db: Database, origin: string): string[] {
  const findings: string[] = []
  const range: CompactRange = { size: 0, hashes: [] }
  const checkpoints = new Map(
    prepared<[], Head>(db, 'SELECT size, root, note FROM audit_checkpoint')
      .all()
      .map((row) => [row.size, row]),
  )
  const last = head(db)
  const compare = (): void => {
    const signed = checkpoints.get(range.size)
    if (signed === undefined) return
    const parsed = parseCheckpoint(signed.note)
    const root = compactRoot(range)
    if (!root.equals(signed.root) || !root.equals(parsed.root) || parsed.origin !== origin) {
      findings.push(`the checkpoint of size ${range.size} is not of these entries`)
    }
  }
  compare()
  const rows = db
    .prepare<[number], { idx: number; entry: Buffer }>(
      'SELECT idx, entry FROM audit_entry WHERE idx < ? ORDER BY idx',
    )
    .iterate(last?.size ?? 0)
  for (const { idx, entry } of rows) {
    if (idx !== range.size) return [...findings, `entry ${range.size} is missing`]
    appendLeafHash(range, hashLeaf(entry), (height, index, hash) => {
      if (height % 8 !== 0) return
      const level = height / 8
      const tile = Math.floor(index / TILE_WIDTH)
      const start = (index % TILE_WIDTH) * HASH_LENGTH
      const stored = tileBytes(db, level, tile).subarray(start, start + HASH_LENGTH)
      if (!stored.equals(hash)) findings.push(`tile ${level}/${tile} does not hold hash ${index}`)
    })
    compare()
  }
  if (range.size !== (last?.size ?? 0)) findings.push(`entry ${range.size} is missing`)
  return findings
}
