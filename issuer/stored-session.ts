import { commit, commitmentSalt } from '../shared/audit/commitment.ts'
import type { DossierOpened, DossierReason } from '../shared/audit/dossier-leaf.ts'
import type { AuditEntry } from '../shared/audit/entry.ts'
import type { SessionErased } from '../shared/audit/erasure-leaf.ts'
import type { RulebookAdopted, WorkflowAdopted } from '../shared/audit/rules-leaf.ts'
import type { NumericDate } from '../shared/clock.ts'
import { newIdentifier } from '../shared/identifier.ts'
import { canonicalJson, type Json, type JsonObject } from '../shared/json.ts'
import { Problem } from '../shared/problem.ts'
import type { Random } from '../shared/random.ts'
import type { StatusReference } from '../shared/status-list/reference.ts'
import type { DecisionRecord } from './decision/approval.ts'
import { readStoredWorkflow } from './decision/read-workflow.ts'
import type { Review } from './decision/review.ts'
import { evidenceSchema } from './evidence/evidence-schema.ts'
import type { DecidedSession, Session } from './session/session.ts'
import { decisionSchema, screeningSchema } from './session/stored-facts.ts'
import type { AdoptedRules, ErasureReceipt, IssuanceIntent, IssuerStore } from './store.ts'

/** For how long a wallet may ask again for copies that were signed: longer than an access token lives. */
export const REDELIVERY_SECONDS = 900
/** How long an artefact is kept after it expired. */
export const EXPIRED_ARTEFACTS_SECONDS = 300

/** The state of a session after a decision or a review. */
export const STATE_AFTER = { approve: 'approved', refer: 'referred', reject: 'rejected' } as const

/** A session as every store keeps it, with its workflow and what became of it. */
export interface SessionRow {
  readonly id: string
  readonly token_sha256: string
  readonly state: Session['state']
  readonly created_at: number
  readonly expires_at: number
  readonly workflow: string
  readonly workflow_text: string
  readonly subject_key: Buffer
  readonly evidence: string | null
  readonly screening: string | null
  readonly decision: string | null
  readonly review: string | null
  readonly platform: string | null
  readonly issuance_id: string | null
  readonly done_at: number | null
  readonly revoked_at: number | null
}

/** An issuance as every store keeps it. */
export interface IssuanceRow {
  readonly session_id: string
  readonly id: string
  readonly attempt: number
  readonly keys: string
  readonly statuses: string
  readonly seed: Buffer | null
  readonly issued_at: number
  readonly expires_at: number
  readonly done_at: number | null
}

/** Adopted rules as every store keeps them. */
export interface RulesRow {
  readonly leaf: number
  readonly kind: AdoptedRules['kind']
  readonly details: string
  readonly salt: Buffer | null
  readonly adopted_at: number
}

/** The session of a row, read as strictly as what comes from outside. */
export function sessionOf(row: SessionRow): Session {
  const { workflow, reference } = readStoredWorkflow(row.workflow_text)
  if (reference.sha256 !== row.workflow) throw new Error('a stored workflow has changed')
  const base = {
    id: row.id,
    tokenSha256: row.token_sha256,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    platform: row.platform ?? undefined,
    workflow,
    workflowReference: reference,
  }
  if (row.state === 'collecting') return { ...base, state: row.state }
  return {
    ...base,
    state: row.state,
    evidence: evidenceSchema.parse(JSON.parse(row.evidence ?? '')),
    screening: screeningSchema.parse(JSON.parse(row.screening ?? '')),
    decision: decisionSchema.parse(JSON.parse(row.decision ?? '')),
    review: row.review === null ? undefined : (JSON.parse(row.review) as Review),
    issuance: issuanceState(row),
  }
}

function issuanceState({
  revoked_at,
  done_at,
  issuance_id,
}: SessionRow): DecidedSession['issuance'] {
  if (revoked_at !== null) return 'revoked'
  if (done_at !== null) return 'done'
  return issuance_id === null ? 'none' : 'intended'
}

/** What a decision was made from. */
export function recordOf(row: SessionRow): DecisionRecord {
  const { id, evidence, screening, decision, review, workflow } = sessionOf(row) as DecidedSession
  return { sessionId: id, evidence, screening, decision, review, workflow }
}

/** How facts are stored. */
export function text(value: unknown): string {
  return canonicalJson(value as Json)
}

/** The rules of a row. */
export function rulesOf({ leaf, kind, details, salt, adopted_at }: RulesRow): AdoptedRules {
  return {
    leaf,
    kind,
    adoptedAt: adopted_at,
    details: JSON.parse(details) as JsonObject,
    salt: salt?.toString('base64url'),
  }
}

/** A leaf that says of a person no more than a commitment, whose salt goes with the person's key. */
export function sessionLeaf(
  row: SessionRow,
  now: NumericDate,
  { type, details, purpose = type }: { type: string; details: JsonObject; purpose?: string },
): AuditEntry {
  const salt = commitmentSalt(row.subject_key, `${purpose}/${row.id}`)
  return { type, at: now, commitment: commit({ session: row.id, ...details }, salt) }
}

/** The leaves of a decision and of what it was made from. */
export function decisionLeaves(
  row: SessionRow,
  { evidence, screening, decision }: Parameters<IssuerStore['recordDecision']>[1],
): AuditEntry[] {
  const of = (type: string, details: JsonObject): AuditEntry =>
    sessionLeaf(row, decision.decidedAt, { type, details })
  return [
    of('evidence.collected', { evidence: evidence as unknown as Json }),
    of('screening.done', { screening: screening as unknown as Json }),
    of('decision.made', { decision: decision as unknown as Json }),
  ]
}

/** One leaf a copy about what is signed. */
export function copyLeaves(
  row: SessionRow,
  type: 'issuance.intended' | 'issuance.done',
  issuance: IssuanceRow,
  { vct, now }: { readonly vct: string; readonly now: NumericDate },
): AuditEntry[] {
  return statusesOf(issuance).map(({ uri, idx }, copy) =>
    sessionLeaf(row, now, {
      type,
      details: { list: uri, idx, vct, exp: issuance.expires_at },
      purpose: `${type}/${issuance.id}/${issuance.attempt}/${copy}`,
    }),
  )
}

/** That somebody reads a dossier: the leaf, and what it commits to, which stays in the private ledger. */
export function openingOf(
  row: SessionRow,
  { kind: reader, actor }: Parameters<IssuerStore['openDossier']>[1],
  { random, now }: { readonly random: Random; readonly now: NumericDate },
): { readonly id: string; readonly details: string; readonly entry: DossierOpened } {
  const id = newIdentifier(random, 16)
  const reason: DossierReason = row.state === 'referred' ? 'referral' : 'follow_up'
  const details = { opening: id, session: row.id, reader, reason, actor, opened_at: now }
  const commitment = commit(details, commitmentSalt(row.subject_key, `dossier.opened/${id}`))
  const entry: DossierOpened = { type: 'dossier.opened', at: now, reader, reason, commitment }
  return { id, details: text(details), entry }
}

/** What erases a session in every table that names it, in this order. Artefacts and kept answers hold it in their text. */
export const ERASE_SESSION: readonly string[] = [
  "DELETE FROM artefact WHERE model = 'PreAuthorizedCode' AND key IN (SELECT code_sha256 FROM offer WHERE session_id = $1)",
  'DELETE FROM offer WHERE session_id = $1',
  'DELETE FROM dossier_opening WHERE session_id = $1',
  'DELETE FROM revocation WHERE session_id = $1',
  'DELETE FROM issuance WHERE session_id = $1',
  'DELETE FROM session WHERE id = $1',
]

/** That somebody was erased: the leaf, and what opens it, whose salt is as random as the session's key was. */
export function erasureOf(
  session: string,
  { actor, reason }: Parameters<IssuerStore['eraseSession']>[1],
  { random, now }: { readonly random: Random; readonly now: NumericDate },
): { readonly opening: Omit<ErasureReceipt, 'leaf'>; readonly entry: SessionErased } {
  const details = { session, actor, reason, erased_at: now }
  const salt = random(32)
  return {
    opening: { details, salt: Buffer.from(salt).toString('base64url') },
    entry: { type: 'session.erased', at: now, commitment: commit(details, salt) },
  }
}

/** Refuses to erase what is still needed. @throws Problem `erasure_blocked` */
export function refuseWhileNeeded({
  inForce,
  held,
}: {
  readonly inForce: boolean
  readonly held: boolean
}): void {
  if (inForce) throw new Problem('erasure_blocked', 'a copy of its credential is in force')
  if (held) throw new Problem('erasure_blocked', 'a notice to the holder is held back')
}

/** Rules that are to be adopted, with the leaf that says so. */
export interface NewRules {
  readonly kind: AdoptedRules['kind']
  readonly details: string
  readonly salt: Uint8Array | undefined
  readonly entry: AuditEntry
}

/** The workflow and the rulebook that are in force from `now` on. */
export function newRules(
  { workflow: { id, version, sha256 }, rulebook }: Parameters<IssuerStore['adoptRules']>[0],
  { random, now }: { readonly random: Random; readonly now: NumericDate },
): NewRules[] {
  const workflow = { id, version, sha256: Buffer.from(sha256, 'hex').toString('base64url') }
  const adopted: WorkflowAdopted = { type: 'workflow.adopted', at: now, ...workflow }
  const salt = random(32)
  const commitment = commit(rulebook, salt)
  const ruled: RulebookAdopted = { type: 'rulebook.adopted', at: now, commitment }
  return [
    { kind: 'workflow', details: text(workflow), salt: undefined, entry: adopted },
    { kind: 'rulebook', details: text(rulebook), salt, entry: ruled },
  ]
}

/** The intent of a row whose seed was not erased. */
export function intentOf(row: IssuanceRow, seed: Uint8Array): IssuanceIntent {
  return {
    issuanceId: row.id,
    attempt: row.attempt,
    keys: JSON.parse(row.keys) as string[],
    statuses: statusesOf(row),
    seed,
    issuedAt: row.issued_at,
    expiresAt: row.expires_at,
  }
}

/** The status of each copy. */
export function statusesOf(row: IssuanceRow): StatusReference[] {
  return JSON.parse(row.statuses) as StatusReference[]
}
