import { appendEntry } from '../shared/audit/log.sqlite.ts'
import type { NumericDate } from '../shared/clock.ts'
import { forgetAnswers, IDEMPOTENCY_TABLE, keepAnswer } from '../shared/idempotency/once.sqlite.ts'
import { Problem } from '../shared/problem.ts'
import type { Random } from '../shared/random.ts'
import { type Database, immediate } from '../shared/store/database.sqlite.ts'
import { emitEvent, forgetSubject } from '../shared/webhook/store.sqlite.ts'
import { answeredEvent, refusedEvent } from './request/events.ts'
import {
  answer as answerMove,
  awaitingResponse,
  expire,
  type PresentationRequest,
  type RefusedRequest,
  type RetrievedRequest,
  refuse,
  reject,
  retrieve,
} from './request/request.ts'
import type { Answer, Artefact, VerifierStore } from './store.ts'
import {
  type AnswerRow,
  movedColumns,
  type RequestRow,
  toAnswer,
  toRequest,
} from './stored-request.ts'

/** The schema of the verifier, in the order in which it grew. Each text runs once. */
export const verifierMigrations: readonly string[] = [
  `CREATE TABLE artefact (
     sha256 TEXT PRIMARY KEY,
     text TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE presentation_request (
     id TEXT PRIMARY KEY,
     platform TEXT NOT NULL,
     policy_sha256 TEXT NOT NULL REFERENCES artefact (sha256),
     redirect_uri TEXT,
     client_id TEXT NOT NULL,
     nonce TEXT NOT NULL UNIQUE,
     object_id TEXT NOT NULL UNIQUE,
     response_id TEXT NOT NULL UNIQUE,
     created_at INTEGER NOT NULL,
     expires_at INTEGER NOT NULL,
     state TEXT NOT NULL CHECK (state IN ('requested', 'retrieved', 'answered', 'refused', 'expired')),
     encryption_key TEXT,
     encryption_pkcs8 TEXT,
     rejections TEXT NOT NULL DEFAULT '[]',
     reason TEXT,
     ended_at INTEGER,
     CHECK ((encryption_pkcs8 IS NOT NULL) = (state IN ('requested', 'retrieved'))),
     CHECK ((encryption_key IS NOT NULL) = (encryption_pkcs8 IS NOT NULL)),
     CHECK ((ended_at IS NULL) = (state IN ('requested', 'retrieved'))),
     CHECK ((reason IS NOT NULL) = (state = 'refused'))
   ) STRICT;
   CREATE INDEX presentation_request_open ON presentation_request (expires_at)
     WHERE state IN ('requested', 'retrieved');
   CREATE TRIGGER presentation_request_ends_once BEFORE UPDATE ON presentation_request
     WHEN old.ended_at IS NOT NULL
     BEGIN SELECT RAISE(ABORT, 'an ended request is final'); END;
   CREATE TABLE answer (
     request_id TEXT PRIMARY KEY REFERENCES presentation_request (id),
     verified_at INTEGER NOT NULL,
     vp_token TEXT NOT NULL,
     trust_list_sha256 TEXT NOT NULL REFERENCES artefact (sha256),
     statuses TEXT NOT NULL,
     acceptance TEXT NOT NULL,
     receipt TEXT NOT NULL,
     commitment_key TEXT NOT NULL,
     response_code_sha256 TEXT,
     redeemed_at INTEGER
   ) STRICT;`,
  `CREATE TABLE newest_trust_list (
     one INTEGER PRIMARY KEY CHECK (one = 1),
     sha256 TEXT NOT NULL REFERENCES artefact (sha256)
   ) STRICT;`,
  IDEMPOTENCY_TABLE,
]

const LOOKUP = {
  id: 'SELECT * FROM presentation_request WHERE id = ?',
  object: 'SELECT * FROM presentation_request WHERE object_id = ?',
  response: 'SELECT * FROM presentation_request WHERE response_id = ?',
} as const

/** Opens the store that lives in `db`, whose migrations and those of the audit log have run. */
export function openVerifierStore(
  db: Database,
  { random }: { readonly random: Random },
): VerifierStore {
  /** Makes one move in one transaction; an expired request is put down as such before the move is refused. */
  const move = <Result>(
    by: keyof typeof LOOKUP,
    key: string,
    now: NumericDate,
    step: (request: PresentationRequest) => Result,
  ): Result => {
    const outcome = immediate(db, (): { result: Result } | { expired: Problem } => {
      const found = load(db, by, key)
      if (!found) throw new Problem('request_not_found', 'the address of the request is wrong')
      const request = expire(found, now)
      if (request === found) return { result: step(request) }
      save(db, request)
      return { expired: new Problem('request_expired', 'ask the platform for a new request') }
    })
    if ('expired' in outcome) throw outcome.expired
    return outcome.result
  }

  /** Puts a request down, and tells of it when that was its end. */
  const end = (request: RetrievedRequest | RefusedRequest): void => {
    save(db, request)
    if (request.state === 'refused') emitEvent(db, refusedEvent(request), random)
  }

  return {
    addRequest: async (request, policy, once) =>
      immediate(db, () => {
        const kept = once && keepAnswer(db, once, request.createdAt)
        if (kept) return kept
        keep(db, [policy])
        db.prepare(
          `INSERT INTO presentation_request (id, platform, policy_sha256, redirect_uri, client_id, nonce, object_id,
             response_id, created_at, expires_at, state, encryption_key, encryption_pkcs8)
           VALUES (@id, @platform, @policySha256, @redirectUri, @clientId, @nonce, @objectId,
             @responseId, @createdAt, @expiresAt, @state, @key, @pkcs8)`,
        ).run({
          ...request,
          redirectUri: request.redirectUri ?? null,
          key: JSON.stringify(request.encryptionKey),
        })
        return undefined
      }),
    findRequest: async (id, platform, now) =>
      immediate(db, () => {
        const found = load(db, 'id', id)
        if (found?.platform !== platform) return undefined
        const request = expire(found, now)
        if (request !== found) save(db, request)
        if (request.state !== 'answered') return { request }
        return { request, answer: loadAnswer(db, request) }
      }),
    retrieveObject: async (objectId, now) =>
      move('object', objectId, now, (request) => {
        const retrieved = retrieve(request, now)
        if (retrieved !== request) save(db, retrieved)
        return retrieved
      }),
    awaitResponse: async (responseId, now) =>
      move('response', responseId, now, (request) => awaitingResponse(request, now)),
    recordAnswer: async (responseId, { answer, artefacts, entries }, now) =>
      move('response', responseId, now, (request) => {
        const answered = answerMove(request, now)
        save(db, answered)
        keep(db, artefacts)
        saveAnswer(db, answered.id, answer)
        for (const entry of entries) appendEntry(db, entry)
        emitEvent(db, answeredEvent(answered, answer), random)
      }),
    recordRefusal: async (responseId, reason, now) =>
      move('response', responseId, now, (request) => end(refuse(request, reason, now))),
    recordRejection: async (responseId, code, now) =>
      move('response', responseId, now, (request) => end(reject(request, code, now))),
    redeemResponseCode: async (id, platform, codeSha256, now) => {
      const { changes } = db
        .prepare(
          `UPDATE answer SET redeemed_at = ? WHERE request_id = ? AND response_code_sha256 = ? AND redeemed_at IS NULL
             AND EXISTS (SELECT 1 FROM presentation_request WHERE id = request_id AND platform = ?)`,
        )
        .run(now, id, codeSha256, platform)
      if (changes !== 1) {
        throw new Problem(
          'response_code_invalid',
          'use the code that came back in this session, once',
        )
      }
    },
    keepTrustList: async (list) =>
      immediate(db, () => {
        keep(db, [list])
        db.prepare('INSERT OR REPLACE INTO newest_trust_list VALUES (1, ?)').run(list.sha256)
      }),
    findTrustList: async () =>
      db
        .prepare<[], string>('SELECT text FROM newest_trust_list JOIN artefact USING (sha256)')
        .pluck()
        .get() as string | undefined,
    findArtefact: async (sha256) =>
      db
        .prepare<[string], string>('SELECT text FROM artefact WHERE sha256 = ?')
        .pluck()
        .get(sha256) as string | undefined,
    forgetRequest: async (id, platform) =>
      immediate(db, () => {
        if (load(db, 'id', id)?.platform !== platform) {
          throw new Problem('request_not_found', 'this key has made no such request')
        }
        forget(db, [id])
      }),
    forgetRequests: async ({ unanswered, answered }) =>
      immediate(db, () => {
        const ids = db
          .prepare<[NumericDate, NumericDate], string>(
            `SELECT id FROM presentation_request WHERE ended_at IS NOT NULL
               AND ended_at < iif(state = 'answered', ?, ?)`,
          )
          .pluck()
          .all(answered ?? 0, unanswered) as string[]
        forget(db, ids)
        return ids.length
      }),
    expireRequests: async (now) =>
      immediate(db, () => {
        const due = db
          .prepare<[NumericDate], RequestRow>(
            `SELECT * FROM presentation_request WHERE state IN ('requested', 'retrieved') AND expires_at <= ?`,
          )
          .all(now)
        for (const row of due) save(db, expire(toRequest(row), now))
        forgetAnswers(db, now)
        return due.length
      }),
  }
}

function load(db: Database, by: keyof typeof LOOKUP, key: string): PresentationRequest | undefined {
  const row = db.prepare<[string], RequestRow>(LOOKUP[by]).get(key)
  return row && toRequest(row)
}

/** Writes the state of a request that is there; its key goes when it ends. */
function save(db: Database, request: PresentationRequest): void {
  db.prepare(
    `UPDATE presentation_request SET state = @state, rejections = @rejections, reason = @reason, ended_at = @endedAt,
       encryption_key = iif(@open, encryption_key, NULL), encryption_pkcs8 = iif(@open, encryption_pkcs8, NULL)
     WHERE id = @id`,
  ).run(movedColumns(request))
}

function forget(db: Database, ids: readonly string[]): void {
  for (const id of ids) {
    db.prepare('DELETE FROM answer WHERE request_id = ?').run(id)
    db.prepare('DELETE FROM presentation_request WHERE id = ?').run(id)
    forgetSubject(db, id)
  }
}

function keep(db: Database, artefacts: readonly Artefact[]): void {
  const insert = db.prepare('INSERT INTO artefact VALUES (?, ?) ON CONFLICT DO NOTHING')
  for (const { sha256, text } of artefacts) insert.run(sha256, text)
}

function saveAnswer(db: Database, requestId: string, answer: Answer): void {
  db.prepare(
    `INSERT INTO answer (request_id, verified_at, vp_token, trust_list_sha256, statuses, acceptance, receipt,
       commitment_key, response_code_sha256)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(
    requestId,
    answer.verifiedAt,
    JSON.stringify(answer.vpToken),
    answer.trustListSha256,
    JSON.stringify(answer.statuses),
    JSON.stringify(answer.acceptance),
    answer.receipt,
    answer.commitmentKey,
    answer.responseCodeSha256 ?? null,
  )
}

function loadAnswer(db: Database, request: PresentationRequest): Answer {
  const row = db
    .prepare<[string], AnswerRow>('SELECT * FROM answer WHERE request_id = ?')
    .get(request.id)
  if (!row) throw new Error('an answered request has no answer')
  return toAnswer(row, request)
}
