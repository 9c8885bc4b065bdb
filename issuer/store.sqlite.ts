import { appendEntry } from '../shared/audit/log.sqlite.ts'
import { trustListPublished } from '../shared/audit/trust-leaf.ts'
import type { NumericDate } from '../shared/clock.ts'
import {
  effectOnce,
  forgetAnswers,
  keepAnswer,
  keptAnswer,
} from '../shared/idempotency/once.sqlite.ts'
import { canonicalJson } from '../shared/json.ts'
import { Problem } from '../shared/problem.ts'
import type { Random } from '../shared/random.ts'
import type { StatusReference } from '../shared/status-list/reference.ts'
import { type Database, emptyLog, immediate } from '../shared/store/database.sqlite.ts'
import { emitEvent, forgetSubject } from '../shared/webhook/store.sqlite.ts'
import type { DecisionRecord } from './decision/approval.ts'
import { decidedEvent, issuedEvent, reviewedEvent } from './session/events.ts'
import type { DecidedSession } from './session/session.ts'
import type { StatusChange } from './status/change.ts'
import {
  allocateIndexes,
  changeStatus,
  needOf,
  subjectOf,
  unlinkSubject,
} from './status/store.sqlite.ts'
import type { IntentRefusal, IssuanceIntent, IssuerStore, UsedOnce } from './store.ts'
import {
  copyLeaves,
  decisionLeaves,
  ERASE_SESSION,
  EXPIRED_ARTEFACTS_SECONDS,
  erasureOf,
  type IssuanceRow,
  intentOf,
  newRules,
  openingOf,
  REDELIVERY_SECONDS,
  type RulesRow,
  recordOf,
  refuseWhileNeeded,
  rulesOf,
  type SessionRow,
  STATE_AFTER,
  sessionLeaf,
  sessionOf,
  statusesOf,
  text,
} from './stored-session.ts'

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
  // Keys are kept by a component of their own, whose migrations come first. An older one is told apart by its digest.
  `INSERT INTO issued_key (id, name, role, sha256, created_at, revoked_at)
     SELECT substr(sha256, 1, 12), name, role, sha256, created_at, revoked_at FROM api_key;
   DROP TABLE api_key;`,
]

/**
 * Opens the issuer's part of a database that also holds the audit log and the status lists, so that what happens and
 * the entry that tells of it are one transaction.
 */
export function openIssuerStore(
  db: Database,
  { random, vct }: { readonly random: Random; readonly vct: string },
): IssuerStore {
  return {
    checkHealth: async () => {
      db.prepare('SELECT 1 FROM session LIMIT 1').get()
    },

    openSession: async ({ id, tokenSha256, expiresAt, workflow, maxOpen, platform }, now, once) =>
      immediate(db, () => {
        const kept = once && keptAnswer(db, once, now)
        if (kept) return kept
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
        if (once) keepAnswer(db, once, now)
        return true
      }),

    session: async (id) => {
      const row = sessionRow(db, id)
      return row === undefined ? undefined : sessionOf(row)
    },

    recordDecision: async (id, facts) =>
      immediate(db, () => {
        const { evidence, screening, decision } = facts
        const row = sessionRow(db, id)
        if (row?.state !== 'collecting') return false
        db.prepare(
          `UPDATE session SET state = ?, evidence = ?, screening = ?, decision = ?, decided_at = ?
           WHERE id = ?`,
        ).run(
          STATE_AFTER[decision.outcome],
          text(evidence),
          text(screening),
          text(decision),
          decision.decidedAt,
          id,
        )
        for (const entry of decisionLeaves(row, facts)) appendEntry(db, entry)
        emitEvent(db, decidedEvent(row, decision), random)
        return true
      }),

    referredSessions: async ({ limit, after: [decidedAt, id] = [-1, ''] }) =>
      db
        .prepare<[number, string, number], SessionRow>(
          `${SELECT_SESSION} WHERE s.state = 'referred' AND (s.decided_at, s.id) > (?, ?)
           ORDER BY s.decided_at, s.id LIMIT ?`,
        )
        .all(decidedAt, id, limit)
        .map((row) => sessionOf(row) as DecidedSession),

    openDossier: async (id, reader, now) =>
      immediate(db, () => {
        const row = sessionRow(db, id)
        if (row === undefined || row.state === 'collecting') return undefined
        const { id: opening, details, entry } = openingOf(row, reader, { random, now })
        const leaf = appendEntry(db, entry)
        db.prepare('INSERT INTO dossier_opening VALUES (?, ?, ?, ?, ?, ?)').run(
          ...[opening, row.id, reader.actor, details, now, leaf],
        )
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
        const details = { review: { ...review } }
        const leaf = sessionLeaf(row, review.reviewedAt, { type: 'review.decided', details })
        appendEntry(db, leaf)
        emitEvent(db, reviewedEvent(row, review), random)
        return true
      }),

    recordOffer: async (offer, now, once) =>
      immediate(db, () => {
        const kept = once && keptAnswer(db, once, now)
        if (kept) return kept
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
        if (once) keepAnswer(db, once, now)
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
          const details = { session: row.id }
          appendEntry(db, sessionLeaf(row, now, { type: 'approval.redeemed', details }))
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
        for (const entry of copyLeaves(row, 'issuance.done', known, { vct, now })) {
          appendEntry(db, entry)
        }
        emitEvent(db, issuedEvent(row, statusesOf(known).length, now), random)
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

    revoke: async (sessionId, { reasonClass, actor, note, requestedAt, heldBy }, now, key) =>
      immediate(db, () =>
        effectOnce(db, key, now, () => {
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
            ...[sessionId, reasonClass, actor, note ?? null, now],
          )
          return changed.length
        }),
      ),

    eraseSession: async (id, order, now) => {
      const receipt = immediate(db, () => {
        const row = sessionRow(db, id)
        if (row === undefined) throw new Problem('session_not_found', 'no session has this id')
        const known = issuanceRow(db, id)
        const { inForce, held } = needOf(db, known === undefined ? [] : statusesOf(known))
        refuseWhileNeeded({ inForce: inForce && (known?.expires_at ?? 0) > now, held })
        const { opening, entry } = erasureOf(id, order, { random, now })
        const leaf = appendEntry(db, entry)
        for (const sql of ERASE_SESSION) db.prepare(sql.replace('$1', '?')).run(id)
        for (const [table, column] of [
          ['artefact', 'payload'],
          ['idempotency', 'body'],
        ]) {
          db.prepare(`DELETE FROM ${table} WHERE instr(${column}, ?) > 0`).run(id)
        }
        unlinkSubject(db, id)
        forgetSubject(db, id)
        return { leaf, ...opening }
      })
      emptyLog(db)
      return receipt
    },

    useOnce: async (use, now) => immediate(db, () => useAll(db, [use], now)),

    adoptRules: async (rules, now) =>
      immediate(db, () => {
        for (const { kind, details, salt, entry } of newRules(rules, { random, now })) {
          const last = db
            .prepare('SELECT details FROM adopted_rules WHERE kind = ? ORDER BY leaf DESC LIMIT 1')
            .pluck()
            .get(kind)
          if (last === details) continue
          db.prepare('INSERT INTO adopted_rules VALUES (?, ?, ?, ?, ?)').run(
            ...[appendEntry(db, entry), kind, details, salt ?? null, now],
          )
        }
      }),
    adoptedRules: async () =>
      db.prepare<[], RulesRow>('SELECT * FROM adopted_rules ORDER BY leaf').all().map(rulesOf),

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
        forgetAnswers(db, now)
        db.prepare('DELETE FROM artefact WHERE expires_at <= ?').run(
          now - EXPIRED_ARTEFACTS_SECONDS,
        )
        db.prepare('UPDATE issuance SET seed = NULL WHERE done_at <= ? AND seed IS NOT NULL').run(
          now - REDELIVERY_SECONDS,
        )
      }),
  }
}

const SELECT_SESSION = `SELECT s.*, w.text AS workflow_text, i.id AS issuance_id, i.done_at, r.revoked_at
  FROM session AS s JOIN workflow AS w ON w.sha256 = s.workflow
  LEFT JOIN issuance AS i ON i.session_id = s.id
  LEFT JOIN revocation AS r ON r.session_id = s.id`

function sessionRow(db: Database, id: string): SessionRow | undefined {
  return db.prepare<[string], SessionRow>(`${SELECT_SESSION} WHERE s.id = ?`).get(id)
}

function issuanceRow(db: Database, sessionId: string): IssuanceRow | undefined {
  return db
    .prepare<[string], IssuanceRow>('SELECT * FROM issuance WHERE session_id = ?')
    .get(sessionId)
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
  for (const entry of copyLeaves(session, 'issuance.intended', row, context)) {
    appendEntry(db, entry)
  }
  return intentOf(row, seed)
}
