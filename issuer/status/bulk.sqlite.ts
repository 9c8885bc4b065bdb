import { encodeBase64url } from '../../shared/base64url.ts'
import type { NumericDate } from '../../shared/clock.ts'
import { sha256Base64url } from '../../shared/hash.ts'
import { canonicalJson, type JsonObject } from '../../shared/json.ts'
import { Problem } from '../../shared/problem.ts'
import type { Random } from '../../shared/random.ts'
import type { StatusReference } from '../../shared/status-list/reference.ts'
import type { Database } from '../../shared/store/database.sqlite.ts'
import type { BulkChange, BulkPreview } from './operations.ts'
import { type CredentialStatus, statusOf } from './status.ts'
import { changeStatus } from './store.sqlite.ts'

const MAX_REFERENCES = 100_000

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
  const { references } = change
  const names = new Set(references.map(({ uri, idx }) => `${uri}#${idx}`))
  if (references.length === 0 || references.length > MAX_REFERENCES) {
    throw new Problem('request_invalid', 'a bulk change names 1 to 100000 credentials')
  }
  if (names.size !== references.length) {
    throw new Problem('request_invalid', 'a bulk change names each credential once')
  }
  const id = encodeBase64url(random(12))
  const preview = previewOf(db, id, change)
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
  const row = db.prepare<[string], BulkRow>('SELECT * FROM status_bulk WHERE id = ?').get(id)
  if (row === undefined || row.approved_at !== null) {
    throw new Problem('bulk_not_found', 'there is no such bulk change, or it was carried out')
  }
  if (row.proposed_by === actor) {
    throw new Problem('second_person_needed', 'who proposed it cannot approve it')
  }
  const change = JSON.parse(row.change) as BulkChange
  if (row.preview_sha256 !== sha256 || previewOf(db, id, change).sha256 !== sha256) {
    throw new Problem('bulk_changed', 'propose it again and look at the new preview')
  }
  db.prepare('UPDATE status_bulk SET approved_by = ?, approved_at = ? WHERE id = ?').run(
    actor,
    now,
    id,
  )
  const { to, reasonClass } = change
  return affected(db, change).map((reference) =>
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

interface BulkRow {
  readonly change: string
  readonly preview_sha256: string
  readonly proposed_by: string
  readonly proposed_at: number
  readonly approved_at: number | null
}

function previewOf(db: Database, id: string, change: BulkChange): BulkPreview {
  const { references, to, reasonClass } = change
  const statuses = references.map((reference) => currentStatus(db, reference))
  const count = (status: CredentialStatus): number =>
    statuses.filter((current) => current === status).length
  const shown: JsonObject = {
    id,
    references: references.map(({ uri, idx }, at) => ({ uri, idx, status: statuses[at] ?? '' })),
    to,
    reason_class: reasonClass,
  }
  return {
    id,
    sha256: sha256Base64url(canonicalJson(shown)),
    total: references.length,
    lists: new Set(references.map(({ uri }) => uri)).size,
    now: { valid: count('valid'), suspended: count('suspended'), revoked: count('revoked') },
    unchanged: references.length - affected(db, change).length,
  }
}

function affected(db: Database, { references, to }: BulkChange): StatusReference[] {
  return references.filter((reference) => {
    const status = currentStatus(db, reference)
    return status !== to && status !== 'revoked'
  })
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
