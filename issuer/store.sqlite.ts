import { commit, commitmentSalt } from '../shared/audit/commitment.ts'
import type { DossierOpened, DossierReason } from '../shared/audit/dossier-leaf.ts'
import { appendEntry } from '../shared/audit/log.sqlite.ts'
import type { RulebookAdopted, WorkflowAdopted } from '../shared/audit/rules-leaf.ts'
import { trustListPublished } from '../shared/audit/trust-leaf.ts'
import type { NumericDate } from '../shared/clock.ts'
import { newIdentifier } from '../shared/identifier.ts'
import { canonicalJson, type Json, type JsonObject } from '../shared/json.ts'
import { Problem } from '../shared/problem.ts'
import type { Random } from '../shared/random.ts'
import type { StatusReference } from '../shared/status-list/reference.ts'
import { type Database, immediate } from '../shared/store/database.sqlite.ts'
import type { DecisionRecord } from './decision/approval.ts'
import { readStoredWorkflow } from './decision/read-workflow.ts'
import type { Review } from './decision/review.ts'
import { evidenceSchema } from './evidence/evidence-schema.ts'
import type { DecidedSession, Session } from './session/session.ts'
import { decisionSchema, screeningSchema } from './session/stored-facts.ts'
import type { StatusChange } from './status/change.ts'
import { allocateIndexes, changeStatus, subjectOf } from './status/store.sqlite.ts'
import type {
  AdoptedRules,
  ApiKey,
  IntentRefusal,
  IssuanceIntent,
  IssuerStore,
  UsedOnce,
} from './store.ts'

/** The schema of sessions, offers, issuances and the authorization server, in the order in which it grew. */
export const issuerMigrations: readonly string[] = [
  `CREATE TABLE workflow (
     sha256 TEXT PRIMARY KEY,
     text TEXT NOT NULL
   ) STRICT;
   CREATE TABLE session (
     id TEXT PRIMARY KEY,
     token_sha256 TEXT NOT NULL,
     state TEXT NOT NULL CHECK (state IN ('collecting', 'referred', 'approved', 'rejected')),
     created_at INTEGER NOT NULL,
     expires_at INTEGER NOT NULL,
     workflow TEXT NOT NULL REFERENCES workflow (sha256),
     subject_key BLOB NOT NULL,
     evidence TEXT,
     screening TEXT,
     decision TEXT,
     review TEXT,
     decided_at INTEGER,
     CHECK ((state = 'collecting') = (decision IS NULL))
   ) STRICT;
   CREATE INDEX session_by_state ON session (state, decided_at);
   CREATE TABLE offer (
     offer_sha256 TEXT PRIMARY KEY,
     session_id TEXT NOT NULL REFERENCES session (id),
     code_sha256 TEXT NOT NULL UNIQUE,
     tx_code_sha256 TEXT NOT NULL,
     attempts_left INTEGER NOT NULL CHECK (attempts_left >= 0),
     expires_at INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX offer_of_session ON offer (session_id);
   CREATE TABLE issuance (
     session_id TEXT PRIMARY KEY REFERENCES session (id),
     id TEXT NOT NULL UNIQUE,
     attempt INTEGER NOT NULL,
     keys TEXT NOT NULL,
     statuses TEXT NOT NULL,
     seed BLOB,
     issued_at INTEGER NOT NULL,
     expires_at INTEGER NOT NULL,
     intended_at INTEGER NOT NULL,
     done_at INTEGER,
     notification_sha256 TEXT NOT NULL UNIQUE,
     notification_event TEXT
   ) STRICT;
   CREATE TRIGGER issuance_done_is_final BEFORE UPDATE OF done_at, keys, statuses ON issuance
     WHEN old.done_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'an issuance is done once'); END;
   CREATE TABLE revocation (
     session_id TEXT PRIMARY KEY REFERENCES session (id),
     reason_class TEXT NOT NULL,
     actor TEXT NOT NULL,
     note TEXT,
     revoked_at INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE used_once (
     id TEXT PRIMARY KEY,
     expires_at INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE api_key (
     name TEXT PRIMARY KEY,
     role TEXT NOT NULL CHECK (role IN ('reviewer', 'operator')),
     sha256 TEXT NOT NULL UNIQUE,
     created_at INTEGER NOT NULL,
     revoked_at INTEGER
   ) STRICT;
   CREATE TABLE trust_list (
     id INTEGER PRIMARY KEY,
     sha256 TEXT NOT NULL,
     jwt TEXT NOT NULL,
     published_at INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE artefact (
     model TEXT NOT NULL,
     key TEXT NOT NULL,
     payload TEXT NOT NULL,
     grant_id TEXT,
     expires_at INTEGER,
     consumed_at INTEGER,
     PRIMARY KEY (model, key)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX artefact_of_grant ON artefact (grant_id) WHERE grant_id IS NOT NULL;
   CREATE INDEX artefact_by_expiry ON artefact (expires_at);`,
  `CREATE TABLE api_key_of_roles (
     name TEXT PRIMARY KEY,
     role TEXT NOT NULL CHECK (role IN ('reviewer', 'operator', 'platform')),
     sha256 TEXT NOT NULL UNIQUE,
     created_at INTEGER NOT NULL,
     revoked_at INTEGER
   ) STRICT;
   INSERT INTO api_key_of_roles SELECT name, role, sha256, created_at, revoked_at FROM api_key;
   DROP TABLE api_key;
   ALTER TABLE api_key_of_roles RENAME TO api_key;
   ALTER TABLE session ADD COLUMN platform TEXT;`,
  `CREATE TABLE api_key_of_any_role (
     name TEXT PRIMARY KEY,
     role TEXT NOT NULL CHECK (role IN ('reviewer', 'operator', 'platform', 'regulator')),
     sha256 TEXT NOT NULL UNIQUE,
     created_at INTEGER NOT NULL,
     revoked_at INTEGER
   ) STRICT;
   INSERT INTO api_key_of_any_role SELECT name, role, sha256, created_at, revoked_at FROM api_key;
   DROP TABLE api_key;
   ALTER TABLE api_key_of_any_role RENAME TO api_key;
   CREATE TABLE adopted_rules (
     leaf INTEGER PRIMARY KEY,
     kind TEXT NOT NULL CHECK (kind IN ('workflow', 'rulebook')),
     details TEXT NOT NULL,
     salt BLOB,
     adopted_at INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE dossier_opening (
     id TEXT PRIMARY KEY,
     session_id TEXT NOT NULL REFERENCES session (id),
     actor TEXT NOT NULL,
     details TEXT NOT NULL,
     opened_at INTEGER NOT NULL,
     leaf INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX dossier_opening_of_session ON dossier_opening (session_id, opened_at);`,
]

/** For how long a wallet may ask again for copies that were signed: longer than an access token lives. */
const REDELIVERY_SECONDS = 900
const EXPIRED_ARTEFACTS_SECONDS = 300

/**
 * Opens the issuer's part of a database that also holds the audit log and the status lists, so that what happens and
 * the entry that tells of it are one transaction.
 */
export function openIssuerStore(
  db: Database,
  { random, vct }: { readonly random: Random; readonly vct: string },
): IssuerStore {
  return {
    checkHealth: () => {
      db.prepare('SELECT 1 FROM session LIMIT 1').get()
    },

    openSession: async ({ id, tokenSha256, expiresAt, workflow, maxOpen, platform }, now) =>
      immediate(db, () => {
        const open = db
          .prepare<[number], { open: number }>(
            `SELECT count(*) AS open FROM session WHERE state = 'collecting' AND expires_at > ?`,
          )
          .get(now)
        if ((open?.open ?? 0) >= maxOpen) return false
        db.prepare('INSERT OR IGNORE INTO workflow VALUES (?, ?)').run(
          workflow.reference.sha256,
          workflow.text,
        )
        db.prepare(
          `INSERT INTO session (id, token_sha256, state, created_at, expires_at, workflow, subject_key, platform)
           VALUES (?, ?, 'collecting', ?, ?, ?, ?, ?)`,
        ).run(
          id,
          tokenSha256,
          now,
          expiresAt,
          workflow.reference.sha256,
          random(32),
          platform ?? null,
        )
        return true
      }),

    session: async (id) => {
      const row = sessionRow(db, id)
      return row === undefined ? undefined : sessionOf(row)
    },

    recordDecision: async (id, { evidence, screening, decision }) =>
      immediate(db, () => {
        const row = sessionRow(db, id)
        if (row?.state !== 'collecting') return false
        const at = decision.decidedAt
        db.prepare(
          `UPDATE session SET state = ?, evidence = ?, screening = ?, decision = ?, decided_at = ?
           WHERE id = ?`,
        ).run(
          STATE_AFTER[decision.outcome],
          text(evidence),
          text(screening),
          text(decision),
          at,
          id,
        )
        const log = leafWriter(db, row, at)
        log('evidence.collected', { evidence: evidence as unknown as Json })
        log('screening.done', { screening: screening as unknown as Json })
        log('decision.made', { decision: decision as unknown as Json })
        return true
      }),

    referredSessions: async (limit) =>
      db
        .prepare<[number], SessionRow>(
          `${SELECT_SESSION} WHERE s.state = 'referred' ORDER BY s.decided_at, s.id LIMIT ?`,
        )
        .all(limit)
        .map(sessionOf),

    openDossier: async (id, reader, now) =>
      immediate(db, () => {
        const row = sessionRow(db, id)
        if (row === undefined || row.state === 'collecting') return undefined
        logOpening(db, row, reader, { random, now })
        return sessionOf(row) as DecidedSession
      }),

    recordReview: async (id, review) =>
      immediate(db, () => {
        const row = sessionRow(db, id)
        if (row?.state !== 'referred') return false
        db.prepare('UPDATE session SET state = ?, review = ? WHERE id = ?').run(
          STATE_AFTER[review.outcome],
          text(review),
          id,
        )
        leafWriter(db, row, review.reviewedAt)('review.decided', { review: { ...review } })
        return true
      }),

    recordOffer: async (offer) =>
      immediate(db, () => {
        const row = sessionRow(db, offer.sessionId)
        if (row?.state !== 'approved' || row.done_at !== null || row.revoked_at !== null)
          return false
        db.prepare(
          `DELETE FROM artefact WHERE model = 'PreAuthorizedCode' AND key IN
             (SELECT code_sha256 FROM offer WHERE session_id = ?)`,
        ).run(offer.sessionId)
        db.prepare('DELETE FROM offer WHERE session_id = ?').run(offer.sessionId)
        db.prepare('INSERT INTO offer VALUES (?, ?, ?, ?, ?, ?)').run(
          offer.offerSha256,
          offer.sessionId,
          offer.codeSha256,
          offer.txCodeSha256,
          offer.attempts,
          offer.expiresAt,
        )
        return true
      }),

    offer: async (offerSha256, now) =>
      db
        .prepare<[string, number], { sessionId: string; expiresAt: number }>(
          `SELECT o.session_id AS sessionId, o.expires_at AS expiresAt
           FROM offer AS o JOIN artefact AS a ON a.model = 'PreAuthorizedCode' AND a.key = o.code_sha256
           WHERE o.offer_sha256 = ? AND o.expires_at > ? AND o.attempts_left > 0
             AND a.consumed_at IS NULL`,
        )
        .get(offerSha256, now),

    recordIntent: async (request, now) =>
      immediate(db, (): { record: DecisionRecord; intent: IssuanceIntent } | IntentRefusal => {
        const row = sessionRow(db, request.sessionId)
        if (row?.state !== 'approved' || row.revoked_at !== null) return 'not_approved'
        if (!useAll(db, request.proofs, now)) return 'proof_used'
        const record = recordOf(row)
        const known = issuanceRow(db, request.sessionId)
        if (known === undefined) {
          leafWriter(db, row, now)('approval.redeemed', { session: row.id })
          return { record, intent: intend(db, row, request, { vct, now }) }
        }
        const isSame = canonicalJson(request.keys) === known.keys
        if (isSame && known.seed !== null) return { record, intent: intentOf(known, known.seed) }
        if (known.done_at !== null || known.seed === null) return 'redeemed'
        return {
          record,
          intent: replaceKeys(db, row, known, known.seed, request.keys, { vct, now }),
        }
      }),

    recordIssued: async (sessionId, attempt, now) =>
      immediate(db, () => {
        const row = sessionRow(db, sessionId)
        const known = issuanceRow(db, sessionId)
        if (row === undefined || known?.attempt !== attempt) return false
        if (known.done_at !== null) return true
        db.prepare('UPDATE issuance SET done_at = ? WHERE session_id = ?').run(now, sessionId)
        logCopies(db, row, 'issuance.done', known, { vct, now })
        return true
      }),

    recordNotification: async (sessionId, notificationSha256, event) =>
      immediate(db, () => {
        const { changes } = db
          .prepare(
            `UPDATE issuance SET notification_event = ?
             WHERE session_id = ? AND notification_sha256 = ? AND done_at IS NOT NULL`,
          )
          .run(event, sessionId, notificationSha256)
        return changes === 1
      }),

    revoke: async (sessionId, { reasonClass, actor, note, requestedAt, heldBy }, now) =>
      immediate(db, () => {
        const row = sessionRow(db, sessionId)
        const known = issuanceRow(db, sessionId)
        if (row === undefined || known === undefined) {
          throw new Problem('credential_not_found', 'nothing was issued in this session')
        }
        const changed = statusesOf(known).filter((reference) =>
          revokeUnlessFinal(db, {
            reference,
            to: 'revoked',
            reasonClass,
            actor,
            requestedAt: requestedAt ?? now,
            ...(heldBy === undefined ? {} : { heldBy }),
            subjectKey: row.subject_key,
            now,
          }),
        )
        if (changed.length === 0) {
          throw new Problem('status_final', 'every copy of this session is revoked')
        }
        db.prepare('INSERT INTO revocation VALUES (?, ?, ?, ?, ?)').run(
          sessionId,
          reasonClass,
          actor,
          note ?? null,
          now,
        )
        return changed.length
      }),

    useOnce: async (use, now) => immediate(db, () => useAll(db, [use], now)),

    addKey: async ({ name, role, sha256 }, now) =>
      immediate(db, () => {
        const { changes } = db
          .prepare(
            `INSERT INTO api_key (name, role, sha256, created_at) VALUES (?, ?, ?, ?)
             ON CONFLICT DO NOTHING`,
          )
          .run(name, role, sha256, now)
        return changes === 1
      }),
    keys: async () =>
      db.prepare<[], KeyRow>('SELECT * FROM api_key ORDER BY created_at, name').all().map(keyOf),
    key: async (sha256) => {
      const row = db
        .prepare<[string], KeyRow>('SELECT * FROM api_key WHERE sha256 = ? AND revoked_at IS NULL')
        .get(sha256)
      return row === undefined ? undefined : keyOf(row)
    },
    revokeKey: async (name, now) =>
      immediate(db, () => {
        const { changes } = db
          .prepare('UPDATE api_key SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL')
          .run(now, name)
        return changes === 1
      }),

    adoptRules: async ({ workflow: { id, version, sha256 }, rulebook }, now) =>
      immediate(db, () => {
        const workflow = { id, version, sha256: Buffer.from(sha256, 'hex').toString('base64url') }
        adopt(db, 'workflow', { details: workflow, now }, () => ({
          type: 'workflow.adopted',
          at: now,
          ...workflow,
        }))
        const salt = random(32)
        adopt(db, 'rulebook', { details: rulebook, salt, now }, () => ({
          type: 'rulebook.adopted',
          at: now,
          commitment: commit(rulebook, salt),
        }))
      }),
    adoptedRules: async () =>
      db
        .prepare<[], RulesRow>('SELECT * FROM adopted_rules ORDER BY leaf')
        .all()
        .map(({ leaf, kind, details, salt, adopted_at: adoptedAt }) => ({
          leaf,
          kind,
          adoptedAt,
          details: JSON.parse(details) as JsonObject,
          salt: salt?.toString('base64url'),
        })),

    recordTrustList: async (jwt, signerKey, now) =>
      immediate(db, () => {
        const leaf = trustListPublished(jwt, signerKey, now)
        const { sha256 } = leaf
        const newest = db.prepare('SELECT sha256 FROM trust_list ORDER BY id DESC LIMIT 1').pluck()
        if (newest.get() === sha256) return
        db.prepare('INSERT INTO trust_list (sha256, jwt, published_at) VALUES (?, ?, ?)').run(
          sha256,
          jwt,
          now,
        )
        appendEntry(db, leaf)
      }),
    trustList: async (sha256) =>
      db.prepare('SELECT jwt FROM trust_list WHERE sha256 = ? LIMIT 1').pluck().get(sha256) as
        | string
        | undefined,

    forgetExpired: async (now) =>
      immediate(db, () => {
        db.prepare(`DELETE FROM session WHERE state = 'collecting' AND expires_at <= ?`).run(now)
        db.prepare('DELETE FROM offer WHERE expires_at <= ?').run(now)
        db.prepare('DELETE FROM used_once WHERE expires_at <= ?').run(now)
        db.prepare('DELETE FROM artefact WHERE expires_at <= ?').run(
          now - EXPIRED_ARTEFACTS_SECONDS,
        )
        db.prepare('UPDATE issuance SET seed = NULL WHERE done_at <= ? AND seed IS NOT NULL').run(
          now - REDELIVERY_SECONDS,
        )
      }),
  }
}

const STATE_AFTER = { approve: 'approved', refer: 'referred', reject: 'rejected' } as const

const SELECT_SESSION = `SELECT s.*, w.text AS workflow_text, i.id AS issuance_id, i.done_at, r.revoked_at
  FROM session AS s JOIN workflow AS w ON w.sha256 = s.workflow
  LEFT JOIN issuance AS i ON i.session_id = s.id
  LEFT JOIN revocation AS r ON r.session_id = s.id`

interface SessionRow {
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

interface IssuanceRow {
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

interface RulesRow {
  readonly leaf: number
  readonly kind: AdoptedRules['kind']
  readonly details: string
  readonly salt: Buffer | null
  readonly adopted_at: number
}

interface KeyRow {
  readonly name: string
  readonly role: ApiKey['role']
  readonly created_at: number
  readonly revoked_at: number | null
}

function sessionRow(db: Database, id: string): SessionRow | undefined {
  return db.prepare<[string], SessionRow>(`${SELECT_SESSION} WHERE s.id = ?`).get(id)
}

function issuanceRow(db: Database, sessionId: string): IssuanceRow | undefined {
  return db
    .prepare<[string], IssuanceRow>('SELECT * FROM issuance WHERE session_id = ?')
    .get(sessionId)
}

function sessionOf(row: SessionRow): Session {
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

function recordOf(row: SessionRow): DecisionRecord {
  const { id, evidence, screening, decision, review, workflow } = sessionOf(row) as DecidedSession
  return { sessionId: id, evidence, screening, decision, review, workflow }
}

function keyOf({ name, role, created_at, revoked_at }: KeyRow): ApiKey {
  return { name, role, createdAt: created_at, revokedAt: revoked_at ?? undefined }
}

function text(value: unknown): string {
  return canonicalJson(value as Json)
}

/** Appends leaves that say of a person no more than a commitment, whose salt goes with the person's key. */
function leafWriter(
  db: Database,
  row: SessionRow,
  now: NumericDate,
): (type: string, details: JsonObject, purpose?: string) => void {
  return (type, details, purpose = type) => {
    const salt = commitmentSalt(row.subject_key, `${purpose}/${row.id}`)
    const commitment = commit({ session: row.id, ...details }, salt)
    appendEntry(db, { type, at: now, commitment })
  }
}

/** Appends that somebody read a dossier; what was committed to stays in the private ledger. */
function logOpening(
  db: Database,
  row: SessionRow,
  { kind: reader, actor }: Parameters<IssuerStore['openDossier']>[1],
  { random, now }: { random: Random; now: NumericDate },
): void {
  const id = newIdentifier(random, 16)
  const reason: DossierReason = row.state === 'referred' ? 'referral' : 'follow_up'
  const details = { opening: id, session: row.id, reader, reason, actor, opened_at: now }
  const commitment = commit(details, commitmentSalt(row.subject_key, `dossier.opened/${id}`))
  const entry: DossierOpened = { type: 'dossier.opened', at: now, reader, reason, commitment }
  const leaf = appendEntry(db, entry)
  db.prepare('INSERT INTO dossier_opening VALUES (?, ?, ?, ?, ?, ?)').run(
    ...[id, row.id, actor, text(details), now, leaf],
  )
}

/** Appends that rules are in force, unless they are those that were adopted last. */
function adopt(
  db: Database,
  kind: AdoptedRules['kind'],
  { details, salt, now }: { details: JsonObject; salt?: Uint8Array; now: NumericDate },
  entry: () => WorkflowAdopted | RulebookAdopted,
): void {
  const last = db
    .prepare<[string], { details: string }>(
      'SELECT details FROM adopted_rules WHERE kind = ? ORDER BY leaf DESC LIMIT 1',
    )
    .get(kind)
  if (last?.details === text(details)) return
  const leaf = appendEntry(db, entry())
  db.prepare('INSERT INTO adopted_rules VALUES (?, ?, ?, ?, ?)').run(
    ...[leaf, kind, text(details), salt ?? null, now],
  )
}

/** The key of the person behind a status reference, while it exists: what salts the commitments about them. */
export function subjectKeyOf(db: Database, reference: StatusReference): Uint8Array | undefined {
  const session = subjectOf(db, reference)
  return session === undefined ? undefined : sessionRow(db, session)?.subject_key
}

/** A copy that was revoked on its own before stays as it is; the others follow. */
function revokeUnlessFinal(db: Database, change: StatusChange): boolean {
  try {
    changeStatus(db, change)
    return true
  } catch (error) {
    if (error instanceof Problem && error.code === 'status_final') return false
    throw error
  }
}

/** Marks everything as used or, when one of it was used before, nothing. */
function useAll(db: Database, uses: readonly UsedOnce[], now: NumericDate): boolean {
  const find = db.prepare('SELECT 1 FROM used_once WHERE id = ? AND expires_at > ?')
  if (uses.some(({ id }) => find.get(id, now) !== undefined)) return false
  if (new Set(uses.map(({ id }) => id)).size !== uses.length) return false
  const mark = db.prepare('INSERT OR REPLACE INTO used_once VALUES (?, ?)')
  for (const { id, expiresAt } of uses) mark.run(id, expiresAt)
  return true
}

function intend(
  db: Database,
  session: SessionRow,
  request: Parameters<IssuerStore['recordIntent']>[0],
  { vct, now }: { vct: string; now: NumericDate },
): IssuanceIntent {
  const { keys, seed, issuedAt, expiresAt } = request
  const statuses = allocateIndexes(db, {
    copies: keys.length,
    credentialExpires: expiresAt,
    now,
    subject: session.id,
  })
  db.prepare(
    `INSERT INTO issuance (session_id, id, attempt, keys, statuses, seed, issued_at, expires_at,
       intended_at, notification_sha256) VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(
    session.id,
    request.issuanceId,
    text(keys),
    text(statuses),
    seed,
    issuedAt,
    expiresAt,
    now,
    request.notificationSha256,
  )
  return logged(db, session, seed, { vct, now })
}

/** Nothing was signed for the earlier keys, so their indexes serve the new ones; missing ones are added. */
function replaceKeys(
  db: Database,
  session: SessionRow,
  known: IssuanceRow,
  seed: Buffer,
  keys: readonly string[],
  { vct, now }: { vct: string; now: NumericDate },
): IssuanceIntent {
  const reserved = statusesOf(known)
  const missing = Math.max(0, keys.length - reserved.length)
  const added =
    missing === 0
      ? []
      : allocateIndexes(db, {
          copies: keys.length,
          credentialExpires: known.expires_at,
          now,
          subject: session.id,
        })
  const statuses = missing === 0 ? reserved.slice(0, keys.length) : added
  db.prepare(
    'UPDATE issuance SET attempt = attempt + 1, keys = ?, statuses = ? WHERE session_id = ?',
  ).run(text(keys), text(statuses), session.id)
  return logged(db, session, seed, { vct, now })
}

/** Appends one leaf a copy about what will be signed, then answers it. */
function logged(
  db: Database,
  session: SessionRow,
  seed: Uint8Array,
  context: { vct: string; now: NumericDate },
): IssuanceIntent {
  const row = issuanceRow(db, session.id)
  if (row === undefined) throw new Error('the intent was not recorded')
  logCopies(db, session, 'issuance.intended', row, context)
  return intentOf(row, seed)
}

function logCopies(
  db: Database,
  session: SessionRow,
  type: 'issuance.intended' | 'issuance.done',
  issuance: IssuanceRow,
  { vct, now }: { vct: string; now: NumericDate },
): void {
  const log = leafWriter(db, session, now)
  for (const [copy, { uri, idx }] of statusesOf(issuance).entries()) {
    const details = { list: uri, idx, vct, exp: issuance.expires_at }
    log(type, details, `${type}/${issuance.id}/${issuance.attempt}/${copy}`)
  }
}

function intentOf(row: IssuanceRow, seed: Uint8Array): IssuanceIntent {
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

function statusesOf(row: IssuanceRow): StatusReference[] {
  return JSON.parse(row.statuses) as StatusReference[]
}
