import { z } from 'zod'
import { type KeyRing, keySecurity } from '../../shared/api-key/security.http.ts'
import type { Clock } from '../../shared/clock.ts'
import { type Endpoint, endpoint } from '../../shared/http/endpoint.http.ts'
import { type ErasureDeps, eraseSession } from './erasure.ts'

const MAX_BODY_BYTES = 16_384

const erased = z
  .strictObject({
    session_id: z.string(),
    erased_at: z.int(),
    leaf: z.int().meta({ description: 'The place of `session.erased` in the log.' }),
    reason: z.string(),
    actor: z.string(),
    salt: z
      .string()
      .meta({ description: 'Opens the leaf with the rest; told once, kept nowhere.' }),
  })
  .meta({ id: 'ErasureReceipt' })

/** Erases what is kept of a person, with an operator's key. */
export function erasureEndpoint(
  deps: ErasureDeps & { readonly keys: KeyRing; readonly clock: Clock },
): Endpoint {
  return endpoint({
    method: 'post',
    path: '/sessions/{id}/erasure',
    operationId: 'eraseSession',
    tag: 'sessions',
    summary: 'Erase what is kept of the person of a session; the log says that somebody was',
    security: keySecurity('sessions:erase', deps.keys),
    params: z.object({ id: z.string().max(128) }),
    body: {
      schema: z.strictObject({
        reason: z.string().trim().min(3).max(2000).meta({ description: 'Committed to, not kept.' }),
      }),
      maxBytes: MAX_BODY_BYTES,
    },
    responses: { 200: { description: 'What opens the leaf', schema: erased } },
    problems: ['session_not_found', 'erasure_blocked'],
    handle: async ({ params: { id }, body: { reason }, caller: { name: actor } }) => {
      const now = deps.clock()
      const { leaf, salt } = await eraseSession(id, { actor, reason }, deps, now)
      return {
        status: 200,
        body: { session_id: id, erased_at: now, leaf, reason, actor, salt },
      }
    },
  })
}
