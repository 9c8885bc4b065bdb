import { type Checkpoint, verifyCheckpoint } from './checkpoint.ts'
import { AuditError } from './error.ts'
import type { AuditLog } from './log.ts'
import { appendLeafHash, compactRoot, emptyCompactRange, hashLeaf } from './merkle.ts'
import type { NoteVerifier } from './note.ts'
import { logFiles } from './static-files.ts'
import {
  parseEntryBundle,
  parseTilePath,
  TILE_WIDTH,
  type TileName,
  tilePath,
  tileWidth,
} from './tile.ts'

/** A copy of a log as files for a web server or an object store, by their paths below the log's prefix. */
export interface LogFolder {
  paths(): Promise<readonly string[]>
  read(path: string): Promise<Buffer | undefined>
  /** Puts a file in place as a whole. */
  write(path: string, bytes: Uint8Array): Promise<void>
  remove(path: string): Promise<void>
}

/**
 * Brings a copy up to the log's checkpoint, the checkpoint last, and answers how many files it wrote. Full tiles and
 * bundles never change, so those that are there stay. A copy that is ahead of the log is refused.
 * @throws AuditError `checkpoint_older`
 */
export async function exportLog(
  log: AuditLog,
  folder: LogFolder,
  verifier: NoteVerifier,
): Promise<number> {
  const [known, served] = [await folder.read('checkpoint'), await log.checkpoint()]
  if (known !== undefined && served !== undefined) {
    const [before, now] = [known.toString(), served].map((text) => verifyCheckpoint(text, verifier))
    if ((before?.size ?? 0) > (now?.size ?? 0)) {
      throw new AuditError('checkpoint_older', 'the folder has a larger log than the database')
    }
  }
  for (const path of await folder.paths()) if (path.endsWith('.new')) await folder.remove(path)
  const full = new Set(
    (await folder.paths()).filter((path) => parseTilePath(path)?.width === TILE_WIDTH),
  )
  let written = 0
  for await (const { path, bytes } of logFiles(log)) {
    if (full.has(path)) continue
    await folder.write(path, bytes)
    written++
  }
  return written
}

/**
 * Removes the partial tiles and bundles of which the full one is there, and says what it removed. A log "MAY delete
 * any partial tile once the corresponding full tile is […] available" (C2SP tlog-tiles); nothing else may go, because
 * there is no retention policy. What the full one does not begin with stays, for {@link checkLogFolder} to report.
 */
export async function pruneLog(folder: LogFolder): Promise<string[]> {
  const removed: string[] = []
  for (const path of await folder.paths()) {
    const name = parseTilePath(path)
    if (name === undefined || name.width === TILE_WIDTH) continue
    const full = await folder.read(tilePath({ ...name, width: TILE_WIDTH }))
    const partial = await folder.read(path)
    if (full === undefined || partial === undefined || !isBeginning(partial, full)) continue
    await folder.remove(path)
    removed.push(path)
  }
  return removed
}

/** Hashes a copy of a log again, from its entries up to its checkpoint, and answers what does not match. */
export async function checkLogFolder(folder: LogFolder, verifier: NoteVerifier): Promise<string[]> {
  const text = await folder.read('checkpoint')
  if (text === undefined) return ['checkpoint is missing']
  let checkpoint: Checkpoint
  try {
    checkpoint = verifyCheckpoint(text.toString(), verifier)
  } catch (error) {
    if (!(error instanceof AuditError)) throw error
    return [`checkpoint: ${error.message}`]
  }
  const findings = await checkTiles(folder, checkpoint)
  for (const path of await folder.paths()) {
    const name = parseTilePath(path)
    if (name === undefined && path !== 'checkpoint') findings.push(`${path} is no file of a log`)
    if (name === undefined || isOf(name, checkpoint.size)) continue
    // An older partial one: its full one, or the partial one of now, begins with it.
    const [partial, larger] = [await folder.read(path), await readLarger(folder, name, checkpoint)]
    if (partial === undefined || larger === undefined || !isBeginning(partial, larger)) {
      findings.push(`${path} is not of this log`)
    }
  }
  return findings
}

/** Reads every bundle and compares the tiles that its leaves make with those that are there. */
async function checkTiles(folder: LogFolder, { size, root }: Checkpoint): Promise<string[]> {
  const findings: string[] = []
  const range = emptyCompactRange()
  const tiles = new Map<string, { readonly name: TileName; readonly hashes: Uint8Array[] }>()
  const compare = async ({
    name,
    hashes,
  }: {
    name: TileName
    hashes: Uint8Array[]
  }): Promise<void> => {
    const stored = await folder.read(tilePath(name))
    if (stored === undefined) findings.push(`${tilePath(name)} is missing`)
    else if (!stored.equals(Buffer.concat(hashes))) findings.push(`${tilePath(name)} is damaged`)
  }
  const add = (level: number, place: number, hash: Uint8Array): void => {
    const index = Math.floor(place / TILE_WIDTH)
    const name = { level, index, width: tileWidth(level, index, size) }
    const tile = tiles.get(tilePath(name)) ?? { name, hashes: [] }
    tile.hashes.push(hash)
    tiles.set(tilePath(name), tile)
  }
  for (let index = 0; range.size < size; index++) {
    const name = { level: 'entries', index, width: tileWidth(0, index, size) } as const
    const bundle = await folder.read(tilePath(name))
    const entries = bundle === undefined ? undefined : entriesOf(bundle, name.width)
    if (entries === undefined) {
      findings.push(`${tilePath(name)} is ${bundle === undefined ? 'missing' : 'damaged'}`)
      return findings
    }
    for (const entry of entries) {
      appendLeafHash(range, hashLeaf(entry), (height, place, hash) => {
        if (height % 8 === 0) add(height / 8, place, hash)
      })
    }
    for (const [path, tile] of tiles) {
      if (tile.hashes.length < tile.name.width) continue
      await compare(tile)
      tiles.delete(path)
    }
  }
  if (!compactRoot(range).equals(root)) findings.push('the entries do not hash to the checkpoint')
  return findings
}

function entriesOf(bundle: Buffer, width: number): Buffer[] | undefined {
  try {
    return parseEntryBundle(bundle, width)
  } catch (error) {
    if (error instanceof AuditError) return undefined
    throw error
  }
}

/** Whether a tree of `size` leaves has a file of exactly this name. */
function isOf({ level, index, width }: TileName, size: number): boolean {
  return tileWidth(level === 'entries' ? 0 : level, index, size) === width
}

async function readLarger(
  folder: LogFolder,
  name: TileName,
  { size }: Checkpoint,
): Promise<Buffer | undefined> {
  const { level, index } = name
  const width = tileWidth(level === 'entries' ? 0 : level, index, size)
  return width < name.width ? undefined : folder.read(tilePath({ ...name, width }))
}

function isBeginning(partial: Buffer, full: Buffer): boolean {
  return partial.length <= full.length && full.subarray(0, partial.length).equals(partial)
}
