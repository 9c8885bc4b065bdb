import type { NumericDate } from '../../shared/clock.ts'
import { Problem } from '../../shared/problem.ts'
import type { Random } from '../../shared/random.ts'
import type { StatusReference } from '../../shared/status-list/reference.ts'
import type { Database } from '../../shared/store/database.sqlite.ts'
import {
  type BulkRow,
  isAffected,
  newBulk,
  previewOf,
  requireApprovable,
  requireSame,
} from './bulk.ts'
import type { BulkChange, BulkPreview } from './operations.ts'
import { type CredentialStatus, statusOf } from './status.ts'
import { changeStatus } from './store.sqlite.ts'

/** Proposes a bulk change inside the caller's transaction and shows what it would do. Nothing changes yet. */
export function proposeBulk(
  db: Database,
  change: BulkChange,
  {
    actor,
    random,
    now,
  }: { readonly actor: string; readonly random: Random; readonly now: NumericDate },
): BulkPreview {
  const id = newBulk(change, random)
  const preview = previewOf(id, change, statusesOf(db, change))
  db.prepare(
    `INSERT INTO status_bulk (id, change, preview_sha256, proposed_by, proposed_at)
     VALUES (?, ?, ?, ?, ?)`,
  ).run(id, JSON.stringify(change), preview.sha256, actor, now)
  return preview
}

/**
 * Carries out a proposed bulk change inside the caller's transaction, all or nothing, when somebody else than its
 * author approves exactly what was shown. Answers the events.
 * @throws Problem `bulk_not_found`, `second_person_needed`, `bulk_changed`
 */
export function approveBulk(
  db: Database,
  { id, sha256 }: { readonly id: string; readonly sha256: string },
  approval: {
    readonly actor: string
    readonly now: NumericDate
    subjectKeyOf(reference: StatusReference): Uint8Array
  },
): number[] {
  const { actor, now, subjectKeyOf } = approval
  const stored = db.prepare<[string], BulkRow>('SELECT * FROM status_bulk WHERE id = ?').get(id)
  const row = requireApprovable(stored, actor)
  const change = JSON.parse(row.change) as BulkChange
  const statuses = statusesOf(db, change)
  const preview = previewOf(id, change, statuses)
  requireSame(sha256, { proposed: row.preview_sha256, now: preview.sha256 })
  db.prepare('UPDATE status_bulk SET approved_by = ?, approved_at = ? WHERE id = ?').run(
    actor,
    now,
    id,
  )
  const { references, to, reasonClass } = change
  const affected = references.filter((_, at) => isAffected(statuses[at] ?? to, to))
  return affected.map((reference) =>
    changeStatus(db, {
      reference,
      to,
      reasonClass,
      actor: `${row.proposed_by}+${actor}`,
      requestedAt: row.proposed_at,
      bulk: id,
      subjectKey: subjectKeyOf(reference),
      now,
    }),
  )
}

function statusesOf(db: Database, { references }: BulkChange): CredentialStatus[] {
  return references.map((reference) => currentStatus(db, reference))
}

/** @throws Problem `credential_not_found` */
function currentStatus(db: Database, { uri, idx }: StatusReference): CredentialStatus {
  const row = db
    .prepare<[string, number], { status: number }>(
      `SELECT e.status FROM status_entry AS e JOIN status_list AS l ON l.id = e.list
       WHERE l.uri = ? AND e.idx = ? AND e.decoy = 0`,
    )
    .get(uri, idx)
  if (row === undefined) throw new Problem('credential_not_found', 'no credential has this status')
  return statusOf(row.status)
}
