import { setTimeout as sleep } from 'node:timers/promises'
import type { NumericDate } from '../clock.ts'
import type { Database, Sql } from '../store/database.postgres.ts'
import type { FencedLease } from '../store/lease.postgres.ts'
import { parseCheckpoint, signCheckpoint } from './checkpoint.ts'
import { type AuditEntry, encodeEntry } from './entry.ts'
import { type AuditLog, type AuditLogOptions, LogMismatch } from './log.ts'
import {
  appendLeafHash,
  type CompactRange,
  compactRangeAt,
  compactRoot,
  consistencyRanges,
  emptyCompactRange,
  hashLeaf,
  inclusionRanges,
  type LeafRange,
  rangeHash,
  type SubtreeHash,
} from './merkle.ts'
import { growTree, type NewTile } from './new-tile.ts'
import { noteVerifier } from './note.ts'
import { renderTlogProof } from './proof.ts'
import { refuseOlderThanMark } from './refuse-older.ts'
import { renderEntryBundle, subtreeHashFrom, TILE_WIDTH, tilesOf, tileWidth } from './tile.ts'

/** The schema of the log, in the order in which it grew. Each text runs once. */
export const auditLogMigrations: readonly string[] = [
  `CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN RAISE EXCEPTION '%', TG_ARGV[0]; END $$;
   CREATE TABLE audit_entry (
     idx BIGINT PRIMARY KEY,
     entry BYTEA NOT NULL
   );
   CREATE TRIGGER audit_entry_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
     EXECUTE FUNCTION refuse_change('the audit log is append-only');
   CREATE TABLE audit_head (
     one INTEGER PRIMARY KEY CHECK (one = 1),
     size BIGINT NOT NULL
   );
   INSERT INTO audit_head VALUES (1, 0);
   CREATE TABLE audit_tile (
     level BIGINT NOT NULL,
     idx BIGINT NOT NULL,
     hashes BYTEA NOT NULL,
     PRIMARY KEY (level, idx)
   );
   CREATE TABLE audit_checkpoint (
     size BIGINT PRIMARY KEY,
     root BYTEA NOT NULL,
     note TEXT NOT NULL,
     signed_at BIGINT NOT NULL
   );
   CREATE TRIGGER audit_checkpoint_is_final BEFORE UPDATE ON audit_checkpoint
     EXECUTE FUNCTION refuse_change('a signed checkpoint is final');
   CREATE TABLE audit_served (
     size BIGINT PRIMARY KEY REFERENCES audit_checkpoint (size),
     note TEXT NOT NULL
   );`,
]

const HASH_LENGTH = 32
/** Leaves that one publication hashes before it signs, so that memory stays bounded after a long pause. */
const BATCH = 1 << 16
/** How often and how long a process waits for another one to publish what it has appended. */
const TURN_MS = 25
const LONGEST_WAIT_MS = 60_000

/**
 * Makes the caller's transaction the only one that appends until it ends. What appends takes this before any other
 * lock, so that what it reads afterwards stays true and two of them never wait for each other in a circle.
 */
export async function lockLog(tx: Sql): Promise<void> {
  await tx.get('SELECT size FROM audit_head FOR UPDATE')
}

/**
 * Appends entries inside the caller's transaction and answers the index of the first: they are there exactly when what
 * they tell of is. The next `publish` shows them.
 */
export async function appendEntries(tx: Sql, entries: readonly AuditEntry[]): Promise<number> {
  const row = await tx.get<{ first: number }>(
    `WITH head AS (
       UPDATE audit_head SET size = size + cardinality($1::bytea[])
       RETURNING size - cardinality($1::bytea[]) AS first
     ), appended AS (
       INSERT INTO audit_entry (idx, entry) SELECT head.first + e.place - 1, e.entry
       FROM head, unnest($1::bytea[]) WITH ORDINALITY AS e (entry, place)
     )
     SELECT first FROM head`,
    [entries.map((entry) => encodeEntry(entry))],
  )
  if (row === undefined) throw new Error('the entries were not appended')
  return row.first
}

/** How many entries the last published checkpoint covers; -1 before the first. */
export async function publishedSize(db: Sql): Promise<number> {
  return (await served(db))?.size ?? -1
}

/** Opens the log that lives in `db`, whose migrations have run. One log per database. */
export function openAuditLog(
  db: Database,
  options: AuditLogOptions & {
    /** Held by whoever signs. */
    readonly lease: FencedLease
  },
): AuditLog {
  const { origin, signer } = options
  const { vkey } = noteVerifier(origin, signer.publicJwk)
  let publishing: Promise<unknown> = Promise.resolve()

  return {
    origin,
    vkey,
    append: (entry) => db.transaction((tx) => appendEntries(tx, [entry])),
    publish: (now) => {
      // One at a time in this process; between processes the lease decides.
      const next = publishing.then(() => publish(db, { ...options, now }))
      publishing = next.catch(() => undefined)
      return next
    },
    size: () =>
      db.snapshot(async (tx) => ({
        appended: await entryCount(tx),
        served: (await served(tx))?.size ?? 0,
      })),
    checkpoint: async () => (await served(db))?.note,
    tile: async (level, index, width) => {
      const size = await publishedSize(db)
      if (width < 1 || width > tileWidth(level, index, size)) return undefined
      return (await tileBytes(db, level, index)).subarray(0, width * HASH_LENGTH)
    },
    entryBundle: async (index, width) => {
      const first = index * TILE_WIDTH
      if (width < 1 || width > TILE_WIDTH || first + width > (await publishedSize(db))) {
        return undefined
      }
      return renderEntryBundle(await entriesBetween(db, first, first + width))
    },
    prove: (index) =>
      db.snapshot(async (tx) => {
        const last = await served(tx)
        if (last === undefined || index < 0 || index >= last.size) return undefined
        const hashes = await rangeHashes(tx, inclusionRanges(index, last.size))
        return renderTlogProof({ index, hashes, checkpoint: last.note })
      }),
    proveConsistency: (first, second) =>
      db.snapshot(async (tx) => {
        if (second > (await publishedSize(tx))) throw new RangeError('sizes of a consistency proof')
        return rangeHashes(tx, consistencyRanges(first, second))
      }),
    check: () => check(db, origin),
  }
}

interface Head {
  readonly size: number
  readonly root: Buffer
  readonly note: string
}

/** The largest tree that was signed, shown or not. */
function head(db: Sql): Promise<Head | undefined> {
  return db.get<Head>('SELECT size, root, note FROM audit_checkpoint ORDER BY size DESC LIMIT 1')
}

/** The largest checkpoint that may be shown, with the cosignatures it was given. */
function served(db: Sql): Promise<Pick<Head, 'size' | 'note'> | undefined> {
  return db.get<Head>('SELECT size, note FROM audit_served ORDER BY size DESC LIMIT 1')
}

async function entryCount(db: Sql): Promise<number> {
  return (await db.get<{ size: number }>('SELECT size FROM audit_head'))?.size ?? 0
}

async function entriesBetween(db: Sql, start: number, end: number): Promise<Buffer[]> {
  const rows = await db.all<{ entry: Buffer }>(
    'SELECT entry FROM audit_entry WHERE idx >= $1 AND idx < $2 ORDER BY idx',
    [start, end],
  )
  if (rows.length !== end - start) throw new LogMismatch('the log has lost an entry')
  return rows.map(({ entry }) => entry)
}

async function tileBytes(db: Sql, level: number, index: number): Promise<Buffer> {
  const row = await db.get<{ hashes: Buffer }>(
    'SELECT hashes FROM audit_tile WHERE level = $1 AND idx = $2',
    [level, index],
  )
  if (row === undefined) throw new LogMismatch('the log has lost a tile')
  return row.hashes
}

/** Reads the tiles that the hashes of `ranges` come from, all of them below the last signed size. */
async function subtreesOf(db: Sql, ranges: readonly LeafRange[]): Promise<SubtreeHash> {
  const size = ranges.reduce((largest, { end }) => Math.max(largest, end), 0)
  const tiles = new Map<string, Buffer>()
  for (const { level, index } of tilesOf(ranges, size)) {
    if (level === 'entries') continue
    tiles.set(`${level}/${index}`, await tileBytes(db, level, index))
  }
  return subtreeHashFrom((level, index) => tiles.get(`${level}/${index}`) ?? Buffer.alloc(0))
}

async function rangeHashes(db: Sql, ranges: readonly LeafRange[]): Promise<Buffer[]> {
  const subtree = await subtreesOf(db, ranges)
  return ranges.map((range) => rangeHash(range, subtree))
}

interface Sequencer extends AuditLogOptions {
  readonly lease: FencedLease
  readonly now: NumericDate
}

/** Publishes, or waits until the process that holds the lease has published as much. */
async function publish(db: Database, sequencer: Sequencer): Promise<string> {
  const target = await entryCount(db)
  await refuseOlderThanMark(sequencer, target, (size) => rootAt(db, size))
  for (let waited = 0; waited < LONGEST_WAIT_MS; waited += TURN_MS) {
    const shown = await served(db)
    if (shown !== undefined && shown.size >= target) return shown.note
    const own = await sequencer.lease.during(() => publishUpTo(db, sequencer, target))
    if (own !== undefined) return own.result
    await sleep(TURN_MS)
  }
  throw new Error('another process holds the log and does not publish')
}

async function publishUpTo(db: Database, sequencer: Sequencer, target: number): Promise<string> {
  for (;;) {
    const last = await head(db)
    if (last !== undefined && last.size >= target) return serve(db, sequencer, last)
    await publishOnce(db, { ...sequencer, last, target })
  }
}

/** Shows a signed checkpoint, after its witnesses have seen it where there are any. */
async function serve(db: Database, { cosign, lease }: Sequencer, last: Head): Promise<string> {
  const shown = await served(db)
  if (shown !== undefined && shown.size >= last.size) return shown.note
  const prove = (oldSize: number): Promise<readonly Buffer[]> =>
    rangeHashes(db, consistencyRanges(oldSize, last.size))
  const note = cosign === undefined ? last.note : await cosign(last.note, prove)
  await db.transaction(async (tx) => {
    await lease.fence(tx)
    await tx.run('INSERT INTO audit_served VALUES ($1, $2) ON CONFLICT DO NOTHING', [
      last.size,
      note,
    ])
  })
  return (await served(db))?.note ?? note
}

/**
 * Signs one larger tree. The mark is written before the database says so, and both before anything is served. A
 * process that has lost the lease, or finds the head moved, stores nothing and looks again.
 */
async function publishOnce(
  db: Database,
  context: Sequencer & { readonly last: Head | undefined; readonly target: number },
): Promise<void> {
  const { origin, signer, lease, mark, now, last, target } = context
  const start = last?.size ?? 0
  const size = Math.min(target, start + BATCH)
  const range = await rightEdge(db, last)
  const tiles = growTree(range, await entriesBetween(db, start, size))
  const root = compactRoot(range)
  const note = await signCheckpoint({ origin, size, root }, signer)
  await mark?.write(note)
  await db.transaction(async (tx) => {
    await lease.fence(tx)
    if ((await head(tx))?.size !== last?.size) return
    for (const tile of tiles) await storeTile(tx, tile)
    await tx.run(
      'INSERT INTO audit_checkpoint (size, root, note, signed_at) VALUES ($1, $2, $3, $4)',
      [size, root, note, now],
    )
  })
}

/** The root of the first `size` entries, out of tiles and what was appended since. */
async function rootAt(db: Sql, size: number): Promise<Buffer> {
  const last = await head(db)
  if (last !== undefined && size === last.size) return last.root
  if (last !== undefined && size < last.size) {
    const whole = { start: 0, end: size }
    return rangeHash(whole, await subtreesOf(db, [whole]))
  }
  const range = await rightEdge(db, last)
  for (const entry of await entriesBetween(db, range.size, size)) {
    appendLeafHash(range, hashLeaf(entry))
  }
  return compactRoot(range)
}

/** The right edge of the last signed tree, out of its tiles, after showing that it is what was signed. */
async function rightEdge(db: Sql, last: Head | undefined): Promise<CompactRange> {
  const size = last?.size ?? 0
  const range = compactRangeAt(size, await subtreesOf(db, [{ start: 0, end: size }]))
  if (last !== undefined && !compactRoot(range).equals(last.root)) {
    throw new LogMismatch('the tiles of the log do not hash to its last checkpoint')
  }
  return range
}

async function storeTile(tx: Sql, { level, index, start, hashes }: NewTile): Promise<void> {
  const before = start === 0 ? Buffer.alloc(0) : await tileBytes(tx, level, index)
  if (before.length !== start * HASH_LENGTH) throw new LogMismatch('a tile of the log has moved')
  await tx.run(
    `INSERT INTO audit_tile (level, idx, hashes) VALUES ($1, $2, $3)
     ON CONFLICT (level, idx) DO UPDATE SET hashes = excluded.hashes`,
    [level, index, Buffer.concat([before, ...hashes])],
  )
}

/** See {@link AuditLog.check}. */
async function check(db: Database, origin: string): Promise<string[]> {
  const findings: string[] = []
  const rows = await db.all<Head>('SELECT size, root, note FROM audit_checkpoint')
  const checkpoints = new Map(rows.map((row) => [row.size, row]))
  const end = (await head(db))?.size ?? 0
  const range = emptyCompactRange()
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
  while (range.size < end) {
    const stored = await db.all<{ idx: number; entry: Buffer }>(
      'SELECT idx, entry FROM audit_entry WHERE idx >= $1 AND idx < $2 ORDER BY idx',
      [range.size, Math.min(end, range.size + BATCH)],
    )
    if (stored.length === 0) return [...findings, `entry ${range.size} is missing`]
    const start = range.size
    const missing = stored.findIndex(({ idx }, at) => idx !== start + at)
    const present = missing === -1 ? stored : stored.slice(0, missing)
    const counted = function* (): Generator<Buffer> {
      for (const { entry } of present) {
        yield entry
        compare()
      }
    }
    for (const tile of growTree(range, counted())) {
      findings.push(...(await compareTile(db, tile)))
    }
    if (missing !== -1) return [...findings, `entry ${range.size} is missing`]
  }
  return findings
}

async function compareTile(db: Sql, { level, index, start, hashes }: NewTile): Promise<string[]> {
  const stored = await tileBytes(db, level, index)
  return hashes.flatMap((hash, at) => {
    const from = (start + at) * HASH_LENGTH
    if (stored.subarray(from, from + HASH_LENGTH).equals(hash)) return []
    return [`tile ${level}/${index} does not hold hash ${index * TILE_WIDTH + start + at}`]
  })
}
