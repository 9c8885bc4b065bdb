import { appendEntries } from '../shared/audit/log.postgres.ts'
import type { NumericDate } from '../shared/clock.ts'
import {
  forgetAnswers,
  IDEMPOTENCY_TABLE,
  keepAnswer,
} from '../shared/idempotency/once.postgres.ts'
import { Problem } from '../shared/problem.ts'
import type { Random } from '../shared/random.ts'
import type { Database, Sql } from '../shared/store/database.postgres.ts'
import { emitEvent, forgetSubject } from '../shared/webhook/store.postgres.ts'
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
   );
   CREATE TABLE presentation_request (
     id TEXT PRIMARY KEY,
     platform TEXT NOT NULL,
     policy_sha256 TEXT NOT NULL REFERENCES artefact (sha256),
     redirect_uri TEXT,
     client_id TEXT NOT NULL,
     nonce TEXT NOT NULL UNIQUE,
     object_id TEXT NOT NULL UNIQUE,
     response_id TEXT NOT NULL UNIQUE,
     created_at BIGINT NOT NULL,
     expires_at BIGINT NOT NULL,
     state TEXT NOT NULL CHECK (state IN ('requested', 'retrieved', 'answered', 'refused', 'expired')),
     encryption_key TEXT,
     encryption_pkcs8 TEXT,
     rejections TEXT NOT NULL DEFAULT '[]',
     reason TEXT,
     ended_at BIGINT,
     CHECK ((encryption_pkcs8 IS NOT NULL) = (state IN ('requested', 'retrieved'))),
     CHECK ((encryption_key IS NOT NULL) = (encryption_pkcs8 IS NOT NULL)),
     CHECK ((ended_at IS NULL) = (state IN ('requested', 'retrieved'))),
     CHECK ((reason IS NOT NULL) = (state = 'refused'))
   );
   CREATE INDEX presentation_request_open ON presentation_request (expires_at)
     WHERE state IN ('requested', 'retrieved');
   CREATE INDEX presentation_request_ended ON presentation_request (ended_at)
     WHERE ended_at IS NOT NULL;
   CREATE TRIGGER presentation_request_ends_once BEFORE UPDATE ON presentation_request
     FOR EACH ROW WHEN (old.ended_at IS NOT NULL)
     EXECUTE FUNCTION refuse_change('an ended request is final');
   CREATE TABLE answer (
     request_id TEXT PRIMARY KEY REFERENCES presentation_request (id),
     verified_at BIGINT NOT NULL,
     vp_token TEXT NOT NULL,
     trust_list_sha256 TEXT NOT NULL REFERENCES artefact (sha256),
     statuses TEXT NOT NULL,
     acceptance TEXT NOT NULL,
     receipt TEXT NOT NULL,
     commitment_key TEXT NOT NULL,
     response_code_sha256 TEXT,
     redeemed_at BIGINT
   );
   CREATE TABLE newest_trust_list (
     one INTEGER PRIMARY KEY CHECK (one = 1),
     sha256 TEXT NOT NULL REFERENCES artefact (sha256)
   );`,
  IDEMPOTENCY_TABLE,
]

const LOOKUP = {
  id: 'SELECT * FROM presentation_request WHERE id = $1 FOR UPDATE',
  object: 'SELECT * FROM presentation_request WHERE object_id = $1 FOR UPDATE',
  response: 'SELECT * FROM presentation_request WHERE response_id = $1 FOR UPDATE',
} as const

/**
 * Opens the store that lives in `db`, whose migrations and those of the audit log have run. Every move locks the row of
 * its request first and, where it appends, the head of the log last.
 */
export function openVerifierStore(
  db: Database,
  { random }: { readonly random: Random },
): VerifierStore {
  /** Makes one move in one transaction; an expired request is put down as such before the move is refused. */
  const move = async <Result>(
    by: keyof typeof LOOKUP,
    key: string,
    now: NumericDate,
    step: (tx: Sql, request: PresentationRequest) => Result | Promise<Result>,
  ): Promise<Result> => {
    const outcome = await db.transaction(
      async (tx): Promise<{ result: Result } | { expired: Problem }> => {
        const found = await load(tx, by, key)
        if (!found) throw new Problem('request_not_found', 'the address of the request is wrong')
        const request = expire(found, now)
        if (request === found) return { result: await step(tx, request) }
        await save(tx, request)
        return { expired: new Problem('request_expired', 'ask the platform for a new request') }
      },
    )
    if ('expired' in outcome) throw outcome.expired
    return outcome.result
  }

  /** Puts a request down, and tells of it when that was its end. */
  const end = async (tx: Sql, request: RetrievedRequest | RefusedRequest): Promise<void> => {
    await save(tx, request)
    if (request.state === 'refused') await emitEvent(tx, refusedEvent(request), random)
  }

  return {
    addRequest: (request, policy, once) =>
      db.transaction(async (tx) => {
        const kept = once && (await keepAnswer(tx, once, request.createdAt))
        if (kept) return kept
        await keep(tx, [policy])
        await tx.run(
          `INSERT INTO presentation_request (id, platform, policy_sha256, redirect_uri, client_id, nonce, object_id,
             response_id, created_at, expires_at, state, encryption_key, encryption_pkcs8)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
          [
            request.id,
            request.platform,
            request.policySha256,
            request.redirectUri ?? null,
            request.clientId,
            request.nonce,
            request.objectId,
            request.responseId,
            request.createdAt,
            request.expiresAt,
            request.state,
            JSON.stringify(request.encryptionKey),
            request.pkcs8,
          ],
        )
        return undefined
      }),
    findRequest: (id, platform, now) =>
      db.transaction(async (tx) => {
        const found = await load(tx, 'id', id)
        if (found?.platform !== platform) return undefined
        const request = expire(found, now)
        if (request !== found) await save(tx, request)
        if (request.state !== 'answered') return { request }
        return { request, answer: await loadAnswer(tx, request) }
      }),
    retrieveObject: (objectId, now) =>
      move('object', objectId, now, async (tx, request) => {
        const retrieved = retrieve(request, now)
        if (retrieved !== request) await save(tx, retrieved)
        return retrieved
      }),
    awaitResponse: (responseId, now) =>
      move('response', responseId, now, (_tx, request) => awaitingResponse(request, now)),
    recordAnswer: (responseId, { answer, artefacts, entries }, now) =>
      move('response', responseId, now, async (tx, request) => {
        const answered = answerMove(request, now)
        await save(tx, answered)
        await keep(tx, artefacts)
        await saveAnswer(tx, answered.id, answer)
        if (entries.length > 0) await appendEntries(tx, entries)
        await emitEvent(tx, answeredEvent(answered, answer), random)
      }),
    recordRefusal: (responseId, reason, now) =>
      move('response', responseId, now, (tx, request) => end(tx, refuse(request, reason, now))),
    recordRejection: (responseId, code, now) =>
      move('response', responseId, now, (tx, request) => end(tx, reject(request, code, now))),
    redeemResponseCode: async (id, platform, codeSha256, now) => {
      const changed = await db.run(
        `UPDATE answer SET redeemed_at = $1
         WHERE request_id = $2 AND response_code_sha256 = $3 AND redeemed_at IS NULL
           AND EXISTS (SELECT 1 FROM presentation_request WHERE id = request_id AND platform = $4)`,
        [now, id, codeSha256, platform],
      )
      if (changed !== 1) {
        throw new Problem(
          'response_code_invalid',
          'use the code that came back in this session, once',
        )
      }
    },
    keepTrustList: (list) =>
      db.transaction(async (tx) => {
        await keep(tx, [list])
        await tx.run(
          `INSERT INTO newest_trust_list VALUES (1, $1)
           ON CONFLICT (one) DO UPDATE SET sha256 = excluded.sha256`,
          [list.sha256],
        )
      }),
    findTrustList: async () =>
      (
        await db.get<{ text: string }>(
          'SELECT text FROM newest_trust_list JOIN artefact USING (sha256)',
        )
      )?.text,
    findArtefact: async (sha256) =>
      (await db.get<{ text: string }>('SELECT text FROM artefact WHERE sha256 = $1', [sha256]))
        ?.text,
    forgetRequest: (id, platform) =>
      db.transaction(async (tx) => {
        if ((await load(tx, 'id', id))?.platform !== platform) {
          throw new Problem('request_not_found', 'this key has made no such request')
        }
        await forget(tx, [id])
      }),
    forgetRequests: ({ unanswered, answered }) =>
      db.transaction(async (tx) => {
        const due = await tx.all<{ id: string }>(
          `SELECT id FROM presentation_request WHERE ended_at IS NOT NULL
             AND ended_at < CASE state WHEN 'answered' THEN $1::bigint ELSE $2::bigint END
           ORDER BY id FOR UPDATE`,
          [answered ?? 0, unanswered],
        )
        await forget(
          tx,
          due.map(({ id }) => id),
        )
        return due.length
      }),
    expireRequests: (now) =>
      db.transaction(async (tx) => {
        const due = await tx.all<RequestRow>(
          `SELECT * FROM presentation_request
           WHERE state IN ('requested', 'retrieved') AND expires_at <= $1 ORDER BY id FOR UPDATE`,
          [now],
        )
        for (const row of due) await save(tx, expire(toRequest(row), now))
        await forgetAnswers(tx, now)
        return due.length
      }),
  }
}

async function load(
  tx: Sql,
  by: keyof typeof LOOKUP,
  key: string,
): Promise<PresentationRequest | undefined> {
  const row = await tx.get<RequestRow>(LOOKUP[by], [key])
  return row && toRequest(row)
}

/** Writes the state of a request that is there; its key goes when it ends. */
async function save(tx: Sql, request: PresentationRequest): Promise<void> {
  const { id, state, rejections, reason, endedAt, open } = movedColumns(request)
  await tx.run(
    `UPDATE presentation_request SET state = $1, rejections = $2, reason = $3, ended_at = $4,
       encryption_key = CASE WHEN $5 THEN encryption_key END,
       encryption_pkcs8 = CASE WHEN $5 THEN encryption_pkcs8 END
     WHERE id = $6`,
    [state, rejections, reason, endedAt, open === 1, id],
  )
}

async function forget(tx: Sql, ids: readonly string[]): Promise<void> {
  await tx.run('DELETE FROM answer WHERE request_id = ANY ($1)', [ids])
  await tx.run('DELETE FROM presentation_request WHERE id = ANY ($1)', [ids])
  for (const id of ids) await forgetSubject(tx, id)
}

/** In one order, so that two who keep the same artefacts do not wait for each other in a circle. */
async function keep(tx: Sql, artefacts: readonly Artefact[]): Promise<void> {
  const sorted = [...artefacts].sort((one, other) => (one.sha256 < other.sha256 ? -1 : 1))
  await tx.run(
    'INSERT INTO artefact SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING',
    [sorted.map(({ sha256 }) => sha256), sorted.map(({ text }) => text)],
  )
}

async function saveAnswer(tx: Sql, requestId: string, answer: Answer): Promise<void> {
  await tx.run(
    `INSERT INTO answer (request_id, verified_at, vp_token, trust_list_sha256, statuses, acceptance, receipt,
       commitment_key, response_code_sha256)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      requestId,
      answer.verifiedAt,
      JSON.stringify(answer.vpToken),
      answer.trustListSha256,
      JSON.stringify(answer.statuses),
      JSON.stringify(answer.acceptance),
      answer.receipt,
      answer.commitmentKey,
      answer.responseCodeSha256 ?? null,
    ],
  )
}

async function loadAnswer(tx: Sql, request: PresentationRequest): Promise<Answer> {
  const row = await tx.get<AnswerRow>('SELECT * FROM answer WHERE request_id = $1', [request.id])
  if (!row) throw new Error('an answered request has no answer')
  return toAnswer(row, request)
}
