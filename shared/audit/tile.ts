import { AuditError } from './error.ts'
import {
  appendLeafHash,
  compactRoot,
  emptyCompactRange,
  type LeafRange,
  type SubtreeHash,
} from './merkle.ts'

/** Hashes of a full tile. C2SP tlog-tiles, "Merkle Tree". */
export const TILE_WIDTH = 256
const TILE_HEIGHT = 8
const HASH_LENGTH = 32
const MAX_LEVEL = 63
const MAX_ENTRY_LENGTH = 0xffff

/** Names a tile or, under level `entries`, an entry bundle. `width` is 256 for a full one. */
export interface TileName {
  readonly level: number | 'entries'
  readonly index: number
  readonly width: number
}

/** The path below the log's prefix, such as `tile/0/x001/234.p/5`. C2SP tlog-tiles, "Merkle Tree". */
export function tilePath({ level, index, width }: TileName): string {
  let rest = Math.floor(index / 1000)
  let path = String(index % 1000).padStart(3, '0')
  for (; rest > 0; rest = Math.floor(rest / 1000)) {
    path = `x${String(rest % 1000).padStart(3, '0')}/${path}`
  }
  return `tile/${level}/${path}${width === TILE_WIDTH ? '' : `.p/${width}`}`
}

/** Reads a path below the log's prefix; `undefined` for anything but the one form of a name. */
export function parseTilePath(path: string): TileName | undefined {
  const match = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/){0,4}\d{3})(?:\.p\/(\d{1,3}))?$/.exec(path)
  if (match === null) return undefined
  const [, level = '', digits = '', width] = match
  const name: TileName = {
    level: level === 'entries' ? level : Number(level),
    index: Number(digits.replaceAll(/[x/]/g, '')),
    width: width === undefined ? TILE_WIDTH : Number(width),
  }
  if (name.width === 0 || name.width > TILE_WIDTH) return undefined
  if (name.level !== 'entries' && name.level > MAX_LEVEL) return undefined
  // One name per tile: what does not come back as it was is not its name (leading zeroes, `.p/256`).
  return tilePath(name) === path ? name : undefined
}

/** How many hashes the tile at `index` of `level` has in a tree of `size` leaves: 0 to 256. */
export function tileWidth(level: number, index: number, size: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** level)
  return Math.max(0, Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH))
}

/** Every tile that holds a hash of the given ranges, as a tree of `size` leaves names it, each once. */
export function tilesOf(ranges: readonly LeafRange[], size: number): TileName[] {
  const names = new Map<string, TileName>()
  for (const range of ranges) {
    for (const { height, index } of completeSubtrees(range)) {
      const name = tileOf(height, index, size)
      names.set(tilePath(name), name)
    }
  }
  return [...names.values()]
}

/** Reads subtree hashes out of tiles; `tile` answers the bytes of a tile that {@link tilesOf} named. */
export function subtreeHashFrom(tile: (level: number, index: number) => Uint8Array): SubtreeHash {
  return (height, index) => {
    const level = Math.floor(height / TILE_HEIGHT)
    const width = 2 ** (height % TILE_HEIGHT)
    const first = index * width
    const bytes = tile(level, Math.floor(first / TILE_WIDTH))
    const start = (first % TILE_WIDTH) * HASH_LENGTH
    const end = start + width * HASH_LENGTH
    if (bytes.length < end) throw new AuditError('tile_malformed', 'a tile is too short')
    const range = emptyCompactRange()
    for (let at = start; at < end; at += HASH_LENGTH) {
      appendLeafHash(range, bytes.subarray(at, at + HASH_LENGTH))
    }
    return compactRoot(range)
  }
}

/** Joins entries, each behind its length in two bytes. C2SP tlog-tiles, "Log entries". */
export function renderEntryBundle(entries: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    entries.flatMap((entry) => {
      if (entry.length > MAX_ENTRY_LENGTH) throw new RangeError('entry is too long for a bundle')
      const length = Buffer.alloc(2)
      length.writeUInt16BE(entry.length)
      return [length, entry]
    }),
  )
}

/** Splits a bundle that must hold exactly `width` entries. @throws AuditError `tile_malformed` */
export function parseEntryBundle(bundle: Uint8Array, width: number): Buffer[] {
  const bytes = Buffer.from(bundle.buffer, bundle.byteOffset, bundle.length)
  const entries: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const start = at + 2
    const end = start + (start <= bytes.length ? bytes.readUInt16BE(at) : 0)
    if (start > bytes.length || end > bytes.length) break
    entries.push(bytes.subarray(start, end))
    at = end
  }
  const read = entries.reduce((sum, entry) => sum + 2 + entry.length, 0)
  if (entries.length !== width || read !== bytes.length) {
    throw new AuditError('tile_malformed', 'an entry bundle is malformed')
  }
  return entries
}

/** Splits `[start, end)` as {@link rangeHash} does. */
function completeSubtrees({ start, end }: LeafRange): { height: number; index: number }[] {
  const parts: { height: number; index: number }[] = []
  for (let at = start; at < end; ) {
    const height = Math.floor(Math.log2(end - at))
    const width = 2 ** height
    parts.push({ height, index: at / width })
    at += width
  }
  return parts
}

function tileOf(height: number, index: number, size: number): TileName {
  const level = Math.floor(height / TILE_HEIGHT)
  const tile = Math.floor((index * 2 ** (height % TILE_HEIGHT)) / TILE_WIDTH)
  return { level, index: tile, width: tileWidth(level, tile, size) }
}
