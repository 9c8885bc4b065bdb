import { appendLeafHash, type CompactRange, hashLeaf } from './merkle.ts'
import { TILE_WIDTH } from './tile.ts'

/** Hashes that a tile gains when a tree grows. */
export interface NewTile {
  readonly level: number
  readonly index: number
  /** Place of the first new hash within the tile. */
  readonly start: number
  readonly hashes: Uint8Array[]
}

/** Appends entries to the right edge of a tree, which grows in place, and answers what its tiles gain. */
export function growTree(range: CompactRange, entries: Iterable<Uint8Array>): NewTile[] {
  const tiles = new Map<string, NewTile>()
  for (const entry of entries) {
    appendLeafHash(range, hashLeaf(entry), (height, place, hash) => {
      if (height % 8 !== 0) return
      const [level, index] = [height / 8, Math.floor(place / TILE_WIDTH)]
      const key = `${level}/${index}`
      const tile = tiles.get(key) ?? { level, index, start: place % TILE_WIDTH, hashes: [] }
      tile.hashes.push(hash)
      tiles.set(key, tile)
    })
  }
  return [...tiles.values()]
}
