import type { Database } from '../../shared/store/database.postgres.ts'
import type { ReadServedPools, ServedPool } from './served-pools.ts'

/** Reads from the database of the status store. A list that was never published counts from its opening. */
export function servedPools(db: Database): ReadServedPools {
  return (now) =>
    db.all<ServedPool>(
      `SELECT pool, min(iat) AS iat, min(exp) AS exp FROM (
         SELECT l.pool, coalesce(p.iat, l.opened_at) AS iat, coalesce(p.exp, l.opened_at) AS exp
         FROM status_list AS l LEFT JOIN status_publication AS p ON p.list = l.id AND p.sequence = (
           SELECT max(sequence) FROM status_publication WHERE list = l.id
             AND leaf < (SELECT coalesce(max(size), -1) FROM audit_served))
         WHERE l.retained_until >= $1 OR l.allocated < l.size) AS served
       GROUP BY pool`,
      [now],
    )
}
