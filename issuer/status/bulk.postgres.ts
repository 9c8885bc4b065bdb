import { lockLog } from '../../shared/audit/log.postgres.ts'
import type { NumericDate } from '../../shared/clock.ts'
import { Problem } from '../../shared/problem.ts'
import type { Random } from '../../shared/random.ts'
import type { Sql } from '../../shared/store/database.postgres.ts'
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
import { changeStatuses, entriesOf, type SubjectKeysOf } from './store.postgres.ts'

/** Changes that one statement carries, so that no statement is larger than a few megabytes. */
const BATCH = 5000

/** Proposes a bulk change inside the caller's transaction and shows what it would do. Nothing changes yet. */
export async function proposeBulk(
  tx: Sql,
  change: BulkChange,
  {
    actor,
    random,
    now,
  }: { readonly actor: string; readonly random: Random; readonly now: NumericDate },
): Promise<BulkPreview> {
  const id = newBulk(change, random)
  const preview = previewOf(id, change, await statusesOf(tx, change))
  await tx.run(
    `INSERT INTO status_bulk (id, change, preview_sha256, proposed_by, proposed_at)
     VALUES ($1, $2, $3, $4, $5)`,
    [id, JSON.stringify(change), preview.sha256, actor, now],
  )
  return preview
}

/**
 * Carries out a proposed bulk change inside the caller's transaction, all or nothing, when somebody else than its
 * author approves exactly what was shown. Answers the events.
 * @throws Problem `bulk_not_found`, `second_person_needed`, `bulk_changed`
 */
export async function approveBulk(
  tx: Sql,
  { id, sha256 }: { readonly id: string; readonly sha256: string },
  approval: {
    readonly actor: string
    readonly now: NumericDate
    readonly subjectKeysOf: SubjectKeysOf
  },
): Promise<number[]> {
  const { actor, now, subjectKeysOf } = approval
  await lockLog(tx)
  const stored = await tx.get<BulkRow>('SELECT * FROM status_bulk WHERE id = $1', [id])
  const row = requireApprovable(stored, actor)
  const change = JSON.parse(row.change) as BulkChange
  const statuses = await statusesOf(tx, change)
  const preview = previewOf(id, change, statuses)
  requireSame(sha256, { proposed: row.preview_sha256, now: preview.sha256 })
  await tx.run('UPDATE status_bulk SET approved_by = $1, approved_at = $2 WHERE id = $3', [
    actor,
    now,
    id,
  ])
  const { references, to, reasonClass } = change
  const affected = references.filter((_reference, at) => isAffected(statuses[at] ?? to, to))
  const events: number[] = []
  for (let at = 0; at < affected.length; at += BATCH) {
    const batch = affected.slice(at, at + BATCH)
    const keys = await subjectKeysOf(tx, batch)
    const changes = batch.map((reference, place) => ({
      reference,
      to,
      reasonClass,
      actor: `${row.proposed_by}+${actor}`,
      requestedAt: row.proposed_at,
      bulk: id,
      subjectKey: requireKey(keys[place]),
      now,
    }))
    events.push(...(await changeStatuses(tx, changes)))
  }
  return events
}

/** @throws Problem `credential_not_found` */
export function requireKey(key: Uint8Array | undefined): Uint8Array {
  if (key === undefined) {
    throw new Problem('credential_not_found', 'nobody has a credential with this status')
  }
  return key
}

/** @throws Problem `credential_not_found` */
async function statusesOf(tx: Sql, { references }: BulkChange): Promise<CredentialStatus[]> {
  const entries = await entriesOf(tx, references)
  return entries.map((entry) => {
    if (entry === undefined || entry.decoy === 1) {
      throw new Problem('credential_not_found', 'no credential has this status')
    }
    return statusOf(entry.status)
  })
}
