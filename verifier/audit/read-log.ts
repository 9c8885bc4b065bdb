import { type Checkpoint, verifyCheckpoint } from '../../shared/audit/checkpoint.ts'
import { AuditError } from '../../shared/audit/error.ts'
import {
  appendLeafHash,
  type CompactRange,
  compactRoot,
  consistencyRanges,
  hashLeaf,
  inclusionRanges,
  isConsistent,
  isIncluded,
  rangeHash,
} from '../../shared/audit/merkle.ts'
import type { NoteVerifier } from '../../shared/audit/note.ts'
import { renderTlogProof } from '../../shared/audit/proof.ts'
import {
  parseEntryBundle,
  subtreeHashFrom,
  TILE_WIDTH,
  tilePath,
  tilesOf,
  tileWidth,
} from '../../shared/audit/tile.ts'
import type { PublicSource } from './source.ts'

/** An entry at its place. */
export interface LogEntry {
  readonly index: number
  readonly bytes: Buffer
}

/** A log that is known up to a size. */
export interface KnownLog {
  readonly checkpoint: Checkpoint
  /** The checkpoint as it was served. */
  readonly text: string
  readonly edge: CompactRange
}

/** The log showed two trees that no append-only log can have. Both signed checkpoints are the evidence. */
export class LogInconsistent extends Error {
  override readonly name = 'LogInconsistent'
  readonly before: string
  readonly after: string

  constructor(message: string, before: string, after: string) {
    super(message)
    this.before = before
    this.after = after
  }
}

/**
 * Reads every entry that came after `known`, and answers only when they lead from the tree that was known to the
 * root that the log has signed: with that, each entry is included and the new tree continues the old one.
 * @throws AuditError for a checkpoint or a bundle that is malformed or not signed, LogInconsistent
 */
export async function readNewEntries(
  source: PublicSource,
  log: NoteVerifier,
  known: KnownLog | undefined,
): Promise<{ readonly known: KnownLog; readonly entries: readonly LogEntry[] }> {
  const text = await source.checkpoint()
  const checkpoint = verifyCheckpoint(text, log)
  const start = known?.edge.size ?? 0
  if (known !== undefined && checkpoint.size < start) {
    throw new LogInconsistent('the log became shorter', known.text, text)
  }
  const edge: CompactRange = { size: start, hashes: [...(known?.edge.hashes ?? [])] }
  const entries: LogEntry[] = []
  for (let bundle = Math.floor(start / TILE_WIDTH); edge.size < checkpoint.size; bundle++) {
    const width = tileWidth(0, bundle, checkpoint.size)
    const bytes = await source.tile({ level: 'entries', index: bundle, width })
    for (const [place, entry] of parseEntryBundle(bytes, width).entries()) {
      const index = bundle * TILE_WIDTH + place
      if (index < start) continue
      appendLeafHash(edge, hashLeaf(entry))
      entries.push({ index, bytes: entry })
    }
  }
  if (!compactRoot(edge).equals(checkpoint.root)) {
    if (known === undefined || (await isContinued(source, known.checkpoint, checkpoint))) {
      throw new AuditError('tile_malformed', 'the entries do not hash to the checkpoint')
    }
    throw new LogInconsistent('the log rewrote what it had signed', known.text, text)
  }
  return { known: { checkpoint, text, edge }, entries }
}

/** Makes the offline proof of an entry out of the log's tiles, and verifies it. @throws AuditError */
export async function proveEntry(
  source: PublicSource,
  { checkpoint, text }: KnownLog,
  entry: LogEntry,
): Promise<string> {
  const { size, root } = checkpoint
  const hashes = await hashesOf(source, inclusionRanges(entry.index, size), size)
  const leafHash = hashLeaf(entry.bytes)
  if (!isIncluded({ leafHash, index: entry.index, size, proof: hashes, root })) {
    throw new AuditError('proof_invalid', 'the tiles do not prove the entry')
  }
  return renderTlogProof({ index: entry.index, hashes, checkpoint: text })
}

/** True when the log's tiles prove that the later of two checkpoints continues the earlier. */
export async function isContinued(
  source: PublicSource,
  before: Checkpoint,
  after: Checkpoint,
): Promise<boolean> {
  if (before.size === 0) return true
  if (before.size === after.size) return before.root.equals(after.root)
  const proof = await hashesOf(source, consistencyRanges(before.size, after.size), after.size)
  const claim = { first: before.size, firstRoot: before.root, second: after.size }
  return isConsistent({ ...claim, secondRoot: after.root, proof })
}

async function hashesOf(
  source: PublicSource,
  ranges: ReturnType<typeof inclusionRanges>,
  size: number,
): Promise<Buffer[]> {
  const tiles = new Map<string, Buffer>()
  for (const name of tilesOf(ranges, size)) tiles.set(tilePath(name), await source.tile(name))
  const subtree = subtreeHashFrom((level, index) => {
    const name = { level, index, width: tileWidth(level, index, size) }
    return tiles.get(tilePath(name)) ?? Buffer.alloc(0)
  })
  return ranges.map((range) => rangeHash(range, subtree))
}
