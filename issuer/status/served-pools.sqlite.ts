import { publishedSize } from '../../shared/audit/log.sqlite.ts'
import type { Database } from '../../shared/store/database.sqlite.ts'
import type { ReadServedPools, ServedPool } from './served-pools.ts'

/** Reads from the database of the status store. A list that was never published counts from its opening. */
export function servedPools(db: Database): ReadServedPools {
  const read = db.prepare<[{ now: number; size: number }], ServedPool>(
    `SELECT pool, min(iat) AS iat, min(exp) AS exp FROM (
       SELECT l.pool, coalesce(p.iat, l.opened_at) AS iat, coalesce(p.exp, l.opened_at) AS exp
       FROM status_list l LEFT JOIN status_publication p ON p.list = l.id AND p.sequence = (
         SELECT max(sequence) FROM status_publication WHERE list = l.id AND leaf < :size)
       WHERE l.retained_until >= :now OR l.allocated < l.size)
     GROUP BY pool`,
  )
  return async (now) => read.all({ now, size: publishedSize(db) })
}
