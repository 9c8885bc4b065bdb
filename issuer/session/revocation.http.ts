import { z } from 'zod'
import { idempotentForKey, type KeyRing, keySecurity } from '../../shared/api-key/security.http.ts'
import type { Clock } from '../../shared/clock.ts'
import { type Endpoint, endpoint } from '../../shared/http/endpoint.http.ts'
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
  readonly keys: KeyRing
  readonly clock: Clock
  /** Publishes the status lists out of turn. */
  publishNow(): Promise<void>
}): Endpoint {
  const { store, keys, clock, publishNow } = deps
  return endpoint({
    method: 'post',
    path: '/sessions/{id}/revocation',
    operationId: 'revokeSession',
    tag: 'status',
    summary: 'Revoke every copy that was issued in a session',
    security: keySecurity('status:write', keys),
    params: z.object({ id: z.string().max(128) }),
    body: { schema: revocationSchema, maxBytes: MAX_BODY_BYTES },
    idempotentFor: idempotentForKey,
    responses: {
      202: {
        description: 'The next publication of the lists says so',
        schema: z.strictObject({ revoked_copies: z.int(), published: z.boolean().optional() }),
      },
    },
    problems: ['credential_not_found', 'status_final', 'busy'],
    handle: async ({ params: { id }, body, caller, idempotency }) => {
      const { reason_class: reasonClass, note, emergency, requested_at, held_by } = body
      const decision = {
        reasonClass,
        actor: caller.name,
        ...(note === undefined ? {} : { note }),
        ...(requested_at === undefined ? {} : { requestedAt: requested_at }),
        ...(held_by === undefined ? {} : { heldBy: held_by }),
      }
      const copies = await store.revoke(id, decision, clock(), idempotency)
      const published = emergency ? { published: await publishEmergency(publishNow) } : {}
      return { status: 202, body: { revoked_copies: copies, ...published } }
    },
  })
}
