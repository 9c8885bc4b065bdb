import { Router } from 'express'
import { z } from 'zod'
import type { Clock } from '../../shared/clock.ts'
import { bearerToken, jsonBody } from '../../shared/http/body.http.ts'
import { parseRequest } from '../../shared/schema.ts'
import { requireKey } from '../api-key.ts'
import { publishEmergency } from '../status/emergency.ts'
import { REASON_CLASSES, type ReasonClass } from '../status/status.ts'
import type { IssuerStore } from '../store.ts'

const MAX_BODY_BYTES = 16_384

const revocationSchema = z.strictObject({
  reason_class: z.enum(REASON_CLASSES as [ReasonClass, ...ReasonClass[]]),
  note: z.string().trim().min(1).max(2000).optional(),
  /** When the reason was brought up, now unless it was before. */
  requested_at: z.int().min(0).optional(),
  /** Keeps the holder from being told yet: who asked for that. */
  held_by: z.string().trim().min(1).max(200).optional(),
  /** Publishes at once; everybody can see that something could not wait. */
  emergency: z.boolean().default(false),
})

/**
 * Revokes every copy of a session, with an operator's key. The lists say so with their next publication, in the fixed
 * rhythm that tells nothing of the reason, unless it is an emergency; so the answer is 202.
 */
export function revocationEndpoint(deps: {
  readonly store: IssuerStore
  readonly clock: Clock
  /** Publishes the status lists out of turn. */
  publishNow(): Promise<void>
}): Router {
  const { store, clock, publishNow } = deps
  const router = Router()
  router.post(
    '/sessions/:id/revocation',
    ...jsonBody(MAX_BODY_BYTES),
    async (request, response) => {
      const { name } = await requireKey(
        bearerToken(request.headers.authorization),
        'operator',
        store,
      )
      const order = parseRequest(revocationSchema, request.body)
      const { reason_class: reasonClass, note, emergency, requested_at, held_by } = order
      const decision = {
        reasonClass,
        actor: name,
        ...(note === undefined ? {} : { note }),
        ...(requested_at === undefined ? {} : { requestedAt: requested_at }),
        ...(held_by === undefined ? {} : { heldBy: held_by }),
      }
      const copies = await store.revoke(String(request.params.id), decision, clock())
      const published = emergency ? { published: await publishEmergency(publishNow) } : {}
      response.set('Cache-Control', 'no-store').status(202)
      response.json({ revoked_copies: copies, ...published })
    },
  )
  return router
}
