import { type Request, Router } from 'express'
import { z } from 'zod'
import type { Clock } from '../../shared/clock.ts'
import { bearerToken, jsonBody } from '../../shared/http/body.http.ts'
import { Problem } from '../../shared/problem.ts'
import { parseRequest } from '../../shared/schema.ts'
import { requireKey } from '../api-key.ts'
import type { DecidedSession } from '../session/session.ts'
import { reviewerView } from '../session/view.ts'
import type { IssuerStore } from '../store.ts'

const MAX_BODY_BYTES = 16_384
const MAX_LISTED = 200

const reviewSchema = z.strictObject({
  outcome: z.enum(['approve', 'reject']),
  reason: z.string().trim().min(3).max(2000),
})

/** The queue of a reviewer. Every answer takes a reviewer's key. */
export function reviewEndpoints(deps: {
  readonly store: IssuerStore
  readonly clock: Clock
}): Router {
  const { store, clock } = deps
  const reviewer = (request: Request) =>
    requireKey(bearerToken(request.headers.authorization), 'reviewer', store)
  /** Whoever is shown a dossier is in the log before it leaves. */
  const openDossier = async (id: string, actor: string): Promise<DecidedSession> => {
    const session = await store.openDossier(id, { kind: 'reviewer', actor }, clock())
    if (session === undefined) throw notDecided()
    return session
  }
  const router = Router()

  router.get('/reviews', async (request, response) => {
    await reviewer(request)
    const sessions = (await store.referredSessions(MAX_LISTED)) as DecidedSession[]
    response.set('Cache-Control', 'no-store').json({
      reviews: sessions.map(({ id, decision }) => ({
        session_id: id,
        referred_at: decision.decidedAt,
        codes: decision.codes,
      })),
    })
  })

  router.get('/reviews/:id', async (request, response) => {
    const { name } = await reviewer(request)
    const session = await openDossier(request.params.id, name)
    response.set('Cache-Control', 'no-store').json(reviewerView(session))
  })

  router.post('/reviews/:id', ...jsonBody(MAX_BODY_BYTES), async (request, response) => {
    const { name } = await reviewer(request)
    const { outcome, reason } = parseRequest(reviewSchema, request.body)
    const id = String(request.params.id)
    const review = { outcome, reason, reviewer: name, reviewedAt: clock() }
    if (!(await store.recordReview(id, review))) {
      await requireDecided(id, store)
      throw new Problem('session_state', 'the session does not wait for a review')
    }
    const session = await openDossier(id, name)
    response.set('Cache-Control', 'no-store').json(reviewerView(session))
  })
  return router
}

async function requireDecided(id: string, store: IssuerStore): Promise<void> {
  const session = await store.session(id)
  if (session === undefined || session.state === 'collecting') throw notDecided()
}

function notDecided(): Problem {
  return new Problem('session_not_found', 'no decided session has this id')
}
