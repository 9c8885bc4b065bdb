import { lockLog } from '../../shared/audit/log.postgres.ts'
import type { NumericDate } from '../../shared/clock.ts'
import type { Random } from '../../shared/random.ts'
import type { Sql } from '../../shared/store/database.postgres.ts'
import { emitEvent } from '../../shared/webhook/store.postgres.ts'
import { NOTICE_SECONDS } from './change.ts'
import { noticeEvents, type PublishedChange } from './events.ts'
import { durationsOf, type NoticeRow, noticeOf } from './notice.ts'
import type { Durations, HolderNotice, StatusOperations, Timeliness } from './operations.ts'

/** Notices that may be sent: the change is published, nobody holds it back, and nobody has told the holder yet. */
export async function openNotices(
  db: Sql,
  { limit, after: [dueAt, event] = [-1, -1] }: Parameters<StatusOperations['openNotices']>[0],
): Promise<HolderNotice[]> {
  const rows = await db.all<NoticeRow>(
    `SELECT n.event, l.uri, e.idx, e.to_status, e.reason_class, e.effective_at, n.due_at
     FROM status_notice AS n JOIN status_event AS e ON e.id = n.event
     JOIN status_list AS l ON l.id = e.list
     WHERE n.told_at IS NULL AND n.held_by IS NULL AND e.published_sequence IS NOT NULL
       AND (n.due_at, n.event) > ($1, $2)
     ORDER BY n.due_at, n.event LIMIT $3`,
    [dueAt, event, limit],
  )
  return rows.map(noticeOf)
}

export async function countOpenNotices(db: Sql): Promise<number> {
  const row = await db.get<{ count: number }>(
    `SELECT count(*) AS count FROM status_notice AS n JOIN status_event AS e ON e.id = n.event
     WHERE n.told_at IS NULL AND n.held_by IS NULL AND e.published_sequence IS NOT NULL`,
  )
  return row?.count ?? 0
}

/** Notes that a holder was told; telling again is harmless and keeps the first time. Answers whether it was to be told. */
export async function markTold(
  db: Sql,
  { event, now }: { readonly event: number; readonly now: NumericDate },
): Promise<boolean> {
  const changed = await db.run(
    `UPDATE status_notice AS n SET told_at = coalesce(told_at, $1)
     WHERE event = $2 AND held_by IS NULL AND EXISTS (
       SELECT 1 FROM status_event AS e WHERE e.id = n.event AND e.published_sequence IS NOT NULL)`,
    [now, event],
  )
  return changed === 1
}

/**
 * Ends a legal hold: the holder is told next, and has 24 hours from now to be told in. Answers whether there was one. Waits for
 * a publication under way, so that either that one or this transaction asks for the holder to be told.
 */
export async function releaseNotice(
  tx: Sql,
  { event, now, random }: { event: number; now: NumericDate; random: Random },
): Promise<boolean> {
  await lockLog(tx)
  const changed = await tx.run(
    `UPDATE status_notice SET held_by = NULL, due_at = $1
     WHERE event = $2 AND held_by IS NOT NULL AND told_at IS NULL`,
    [now + NOTICE_SECONDS, event],
  )
  if (changed === 0) return false
  const change = await tx.get<PublishedChange>(
    `SELECT e.id AS event, s.subject, e.to_status AS status, e.reason_class, n.due_at
     FROM status_event AS e JOIN status_entry AS s ON s.list = e.list AND s.idx = e.idx
     JOIN status_notice AS n ON n.event = e.id
     WHERE e.id = $1 AND e.published_sequence IS NOT NULL AND s.subject IS NOT NULL`,
    [event],
  )
  if (change !== undefined) {
    for (const told of noticeEvents(change, now)) await emitEvent(tx, told, random)
  }
  return true
}

/** How many holders have not been told in time: the alarm. Notices on legal hold do not count. */
export async function overdueNotices(db: Sql, now: NumericDate): Promise<number> {
  const row = await db.get<{ count: number }>(
    `SELECT count(*) AS count FROM status_notice
     WHERE told_at IS NULL AND held_by IS NULL AND due_at < $1`,
    [now],
  )
  return row?.count ?? 0
}

/** How long changes took: from request to publication (R2), and from decision until the holder was told (R3). */
export async function timeliness(
  db: Sql,
  { from, to }: { readonly from: NumericDate; readonly to: NumericDate },
): Promise<Timeliness> {
  const seconds = async (sql: string): Promise<Durations> =>
    durationsOf(await db.all<{ seconds: number }>(sql, [from, to]))
  return {
    published: await seconds(
      `SELECT published_at - requested_at AS seconds FROM status_event
       WHERE decided_at >= $1 AND decided_at < $2 AND published_at IS NOT NULL AND actor <> 'decoy'`,
    ),
    told: await seconds(
      `SELECT n.told_at - e.decided_at AS seconds FROM status_notice AS n
       JOIN status_event AS e ON e.id = n.event
       WHERE e.decided_at >= $1 AND e.decided_at < $2 AND n.told_at IS NOT NULL`,
    ),
  }
}
