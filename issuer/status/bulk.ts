import { sha256Base64url } from '../../shared/hash.ts'
import { newIdentifier } from '../../shared/identifier.ts'
import { canonicalJson, type JsonObject } from '../../shared/json.ts'
import { Problem } from '../../shared/problem.ts'
import type { Random } from '../../shared/random.ts'
import type { BulkChange, BulkPreview } from './operations.ts'
import type { CredentialStatus } from './status.ts'

const MAX_REFERENCES = 100_000

/** A proposed bulk change as every store keeps it. */
export interface BulkRow {
  readonly change: string
  readonly preview_sha256: string
  readonly proposed_by: string
  readonly proposed_at: number
  readonly approved_at: number | null
}

/** The id of a new bulk change. @throws Problem `request_invalid` */
export function newBulk({ references }: BulkChange, random: Random): string {
  if (references.length === 0 || references.length > MAX_REFERENCES) {
    throw new Problem('request_invalid', 'a bulk change names 1 to 100000 credentials')
  }
  const names = new Set(references.map(({ uri, idx }) => `${uri}#${idx}`))
  if (names.size !== references.length) {
    throw new Problem('request_invalid', 'a bulk change names each credential once')
  }
  return newIdentifier(random, 12)
}

/** What the approver sees; `statuses` are those of the references, in their order. */
export function previewOf(
  id: string,
  change: BulkChange,
  statuses: readonly CredentialStatus[],
): BulkPreview {
  const { references, to, reasonClass } = change
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
    unchanged: statuses.filter((status) => !isAffected(status, to)).length,
  }
}

/** Whether a bulk change to `to` changes what is at `status`. */
export function isAffected(status: CredentialStatus, to: CredentialStatus): boolean {
  return status !== to && status !== 'revoked'
}

/** The proposal that `approval` may carry out. @throws Problem `bulk_not_found`, `second_person_needed` */
export function requireApprovable(row: BulkRow | undefined, actor: string): BulkRow {
  if (row === undefined || row.approved_at !== null) {
    throw new Problem('bulk_not_found', 'there is no such bulk change, or it was carried out')
  }
  if (row.proposed_by === actor) {
    throw new Problem('second_person_needed', 'who proposed it cannot approve it')
  }
  return row
}

/** @throws Problem `bulk_changed` unless the approver saw what was proposed and is still so */
export function requireSame(
  sha256: string,
  { proposed, now }: { readonly proposed: string; readonly now: string },
): void {
  if (proposed !== sha256 || now !== sha256) {
    throw new Problem('bulk_changed', 'propose it again and look at the new preview')
  }
}
