import { parseCheckpoint } from './checkpoint.ts'
import type { AuditLog } from './log.ts'
import { TILE_WIDTH, tilePath, tileWidth } from './tile.ts'

/** A file of a log, by its path below the log's prefix. */
export interface LogFile {
  readonly path: string
  readonly bytes: Buffer
}

/**
 * Every file of the log as it was published, for a web server or an object store: tiles and bundles first and the
 * checkpoint last, so that whoever copies them in this order never shows a checkpoint whose tiles are missing.
 * C2SP tlog-tiles, "APIs".
 */
export async function* logFiles(log: AuditLog): AsyncGenerator<LogFile> {
  const checkpoint = await log.checkpoint()
  if (checkpoint === undefined) return
  const { size } = parseCheckpoint(checkpoint)
  for (let level = 0; TILE_WIDTH ** level <= size; level++) {
    for (let index = 0; tileWidth(level, index, size) > 0; index++) {
      const width = tileWidth(level, index, size)
      const bytes = await log.tile(level, index, width)
      if (bytes === undefined) throw new Error('the log has lost a tile')
      yield { path: tilePath({ level, index, width }), bytes }
      if (level > 0) continue
      const bundle = await log.entryBundle(index, width)
      if (bundle === undefined) throw new Error('the log has lost an entry')
      yield { path: tilePath({ level: 'entries', index, width }), bytes: bundle }
    }
  }
  yield { path: 'checkpoint', bytes: Buffer.from(checkpoint) }
}
