import type { NumericDate } from '../../shared/clock.ts'
import type { Random } from '../../shared/random.ts'
import type { Database } from '../../shared/store/database.sqlite.ts'
import { emitEvent } from '../../shared/webhook/store.sqlite.ts'
import { NOTICE_SECONDS } from './change.ts'
import { noticeEvents, type PublishedChange } from './events.ts'
import { durationsOf, type NoticeRow, noticeOf } from './notice.ts'
import type { Durations, HolderNotice, StatusOperations, Timeliness } from './operations.ts'

/** Notices that may be sent: the change is published, nobody holds it back, and nobody has told the holder yet. */
export function openNotices(
  db: Database,
  { limit, after: [dueAt, event] = [-1, -1] }: Parameters<StatusOperations['openNotices']>[0],
): HolderNotice[] {
  return db
    .prepare<[number, number, number], NoticeRow>(
      `SELECT n.event, l.uri, e.idx, e.to_status, e.reason_class, e.effective_at, n.due_at
       FROM status_notice AS n JOIN status_event AS e ON e.id = n.event
       JOIN status_list AS l ON l.id = e.list
       WHERE n.told_at IS NULL AND n.held_by IS NULL AND e.published_sequence IS NOT NULL
         AND (n.due_at, n.event) > (?, ?)
       ORDER BY n.due_at, n.event LIMIT ?`,
    )
    .all(dueAt, event, limit)
    .map(noticeOf)
}

export function countOpenNotices(db: Database): number {
  return db
    .prepare(
      `SELECT count(*) FROM status_notice AS n JOIN status_event AS e ON e.id = n.event
       WHERE n.told_at IS NULL AND n.held_by IS NULL AND e.published_sequence IS NOT NULL`,
    )
    .pluck()
    .get() as number
}

/** Notes that a holder was told; telling again is harmless and keeps the first time. Answers whether it was to be told. */
export function markTold(
  db: Database,
  { event, now }: { readonly event: number; readonly now: NumericDate },
): boolean {
  const { changes } = db
    .prepare(
      `UPDATE status_notice SET told_at = coalesce(told_at, ?)
       WHERE event = ? AND held_by IS NULL AND EXISTS (
         SELECT 1 FROM status_event WHERE id = event AND published_sequence IS NOT NULL)`,
    )
    .run(now, event)
  return changes === 1
}

/** Ends a legal hold: the holder is told next, and has 24 hours from now to be told in. Answers whether there was one. */
export function releaseNotice(
  db: Database,
  { event, now, random }: { event: number; now: NumericDate; random: Random },
): boolean {
  const { changes } = db
    .prepare(
      `UPDATE status_notice SET held_by = NULL, due_at = ?
       WHERE event = ? AND held_by IS NOT NULL AND told_at IS NULL`,
    )
    .run(now + NOTICE_SECONDS, event)
  if (changes === 0) return false
  const change = db
    .prepare<[number], PublishedChange>(
      `SELECT e.id AS event, s.subject, e.to_status AS status, e.reason_class, n.due_at
       FROM status_event AS e JOIN status_entry AS s ON s.list = e.list AND s.idx = e.idx
       JOIN status_notice AS n ON n.event = e.id
       WHERE e.id = ? AND e.published_sequence IS NOT NULL AND s.subject IS NOT NULL`,
    )
    .get(event)
  if (change !== undefined) {
    for (const told of noticeEvents(change, now)) emitEvent(db, told, random)
  }
  return true
}

/** How many holders have not been told in time: the alarm. Notices on legal hold do not count. */
export function overdueNotices(db: Database, now: NumericDate): number {
  const row = db
    .prepare<[number], { count: number }>(
      `SELECT count(*) AS count FROM status_notice
       WHERE told_at IS NULL AND held_by IS NULL AND due_at < ?`,
    )
    .get(now)
  return row?.count ?? 0
}

/** How long changes took: from request to publication (R2), and from decision until the holder was told (R3). */
export function timeliness(
  db: Database,
  { from, to }: { readonly from: NumericDate; readonly to: NumericDate },
): Timeliness {
  const seconds = (sql: string): Durations =>
    durationsOf(db.prepare<[number, number], { seconds: number }>(sql).all(from, to))
  return {
    published: seconds(
      `SELECT published_at - requested_at AS seconds FROM status_event
       WHERE decided_at >= ? AND decided_at < ? AND published_at IS NOT NULL AND actor <> 'decoy'`,
    ),
    told: seconds(
      `SELECT n.told_at - e.decided_at AS seconds FROM status_notice AS n
       JOIN status_event AS e ON e.id = n.event
       WHERE e.decided_at >= ? AND e.decided_at < ? AND n.told_at IS NOT NULL`,
    ),
  }
}
