import { z } from 'zod'
import { type KeyRing, keySecurity } from '../../shared/api-key/security.http.ts'
import type { Clock } from '../../shared/clock.ts'
import { type Endpoint, endpoint } from '../../shared/http/endpoint.http.ts'
import { nextPage, pageOf, pageQuery } from '../../shared/http/page.http.ts'
import { Problem } from '../../shared/problem.ts'
import type { DecidedSession } from '../session/session.ts'
import { dossierSchema, reviewerView } from '../session/view.ts'
import type { IssuerStore } from '../store.ts'

const MAX_BODY_BYTES = 16_384

const reviewSchema = z
  .strictObject({
    outcome: z.enum(['approve', 'reject']),
    reason: z.string().trim().min(3).max(2000).meta({ description: 'Kept; it can be contested.' }),
  })
  .meta({ id: 'ReviewDecision' })
const waiting = z
  .strictObject({
    session_id: z.string(),
    referred_at: z.int(),
    codes: z.array(z.string()).readonly(),
  })
  .meta({ id: 'WaitingReview' })
const place = { list: 'reviews', position: z.tuple([z.int(), z.string().max(128)]) }
const ofSession = z.object({ id: z.string().max(128) })

/** The queue of a reviewer. Every answer takes a reviewer's key. */
export function reviewEndpoints(deps: {
  readonly store: IssuerStore
  readonly keys: KeyRing
  readonly clock: Clock
}): readonly Endpoint[] {
  const { store, keys, clock } = deps
  /** Whoever is shown a dossier is in the log before it leaves. */
  const openDossier = async (id: string, actor: string): Promise<DecidedSession> => {
    const session = await store.openDossier(id, { kind: 'reviewer', actor }, clock())
    if (session === undefined) throw notDecided()
    return session
  }
  const common = { tag: 'reviews', security: keySecurity('reviews:read', keys) } as const
  return [
    endpoint({
      ...common,
      method: 'get',
      path: '/reviews',
      operationId: 'listReviews',
      summary: 'What waits for a person, the longest first',
      query: pageQuery,
      responses: {
        200: {
          description: 'Referred sessions',
          schema: z.strictObject({ reviews: z.array(waiting), next: nextPage }),
        },
      },
      problems: ['cursor_invalid'],
      handle: async ({ query }) => {
        const { rows, next } = await pageOf(query, place, {
          read: store.referredSessions,
          positionOf: ({ id, decision }): [number, string] => [decision.decidedAt, id],
        })
        const reviews = rows.map(({ id, decision }) => ({
          session_id: id,
          referred_at: decision.decidedAt,
          codes: decision.codes,
        }))
        return { status: 200, body: { reviews, ...next } }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/reviews/{id}',
      operationId: 'getDossier',
      summary: 'Everything that a decision followed from; the log says who looked',
      params: ofSession,
      responses: { 200: { description: 'The dossier', schema: dossierSchema } },
      problems: ['session_not_found'],
      handle: async ({ params, caller }) => ({
        status: 200,
        body: reviewerView(await openDossier(params.id, caller.name)),
      }),
    }),
    endpoint({
      ...common,
      security: keySecurity('reviews:decide', keys),
      method: 'post',
      path: '/reviews/{id}',
      operationId: 'decideReview',
      summary: 'Approve or reject a referred session',
      params: ofSession,
      body: { schema: reviewSchema, maxBytes: MAX_BODY_BYTES },
      responses: { 200: { description: 'The dossier as it is now', schema: dossierSchema } },
      problems: ['session_not_found', 'session_state'],
      handle: async ({ params: { id }, body: { outcome, reason }, caller: { name } }) => {
        const review = { outcome, reason, reviewer: name, reviewedAt: clock() }
        if (!(await store.recordReview(id, review))) {
          await requireDecided(id, store)
          throw new Problem('session_state', 'the session does not wait for a review')
        }
        return { status: 200, body: reviewerView(await openDossier(id, name)) }
      },
    }),
  ]
}

async function requireDecided(id: string, store: IssuerStore): Promise<void> {
  const session = await store.session(id)
  if (session === undefined || session.state === 'collecting') throw notDecided()
}

function notDecided(): Problem {
  return new Problem('session_not_found', 'no decided session has this id')
}
