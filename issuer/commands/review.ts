import { z } from 'zod'
import { toDateTime } from '../../shared/clock.ts'
import type { ReasonClass } from '../status/status.ts'
import type { World } from '../world.ts'
import { callIssuer, pagesOf } from './issuer-client.ts'
import { whenPublished } from './when-published.ts'

interface UrlOption {
  readonly url: string
}

const queueSchema = z.object({
  reviews: z.array(
    z.object({ session_id: z.string(), referred_at: z.number(), codes: z.array(z.string()) }),
  ),
  next: z.string().optional(),
})

const revokedSchema = z.object({
  revoked_copies: z.number(),
  published: z.boolean().optional(),
})

/** Prints the sessions that wait for a person. */
export async function listReviews(world: World, { url }: UrlOption): Promise<void> {
  const request = { url, path: '/reviews', role: 'reviewer' } as const
  for await (const { reviews } of pagesOf(world, queueSchema, request)) {
    for (const { session_id: id, referred_at: at, codes } of reviews) {
      world.print(`${id}  ${toDateTime(at)}  ${codes.join(' ')}`)
    }
  }
}

/** Prints everything that a decision followed from. */
export async function showReview(world: World, id: string, { url }: UrlOption): Promise<void> {
  const path = `/reviews/${encodeURIComponent(id)}`
  const answer = await callIssuer(world, z.json(), { url, path, role: 'reviewer' })
  world.print(JSON.stringify(answer, undefined, 2))
}

/** Decides a referral, with a reason. */
export async function decideReview(
  world: World,
  id: string,
  given: UrlOption & { readonly outcome: 'approve' | 'reject'; readonly reason: string },
): Promise<void> {
  const { url, outcome, reason } = given
  const path = `/reviews/${encodeURIComponent(id)}`
  const { state } = await callIssuer(world, z.object({ state: z.string() }), {
    url,
    path,
    role: 'reviewer',
    body: { outcome, reason },
  })
  world.print(`${id}  ${state}`)
}

const receiptSchema = z.object({
  session_id: z.string(),
  erased_at: z.number(),
  leaf: z.number(),
  reason: z.string(),
  actor: z.string(),
  salt: z.string(),
})

/** Erases what is kept of the person of a session, and prints what opens its leaf in the log, once. */
export async function eraseSession(
  world: World,
  id: string,
  { url, reason }: UrlOption & { readonly reason: string },
): Promise<void> {
  const path = `/sessions/${encodeURIComponent(id)}/erasure`
  const request = { url, path, role: 'operator', body: { reason } } as const
  const receipt = await callIssuer(world, receiptSchema, request)
  world.print(JSON.stringify(receipt))
  world.note('carnet-issuer: this receipt is shown once and kept nowhere')
}

/** Revokes every copy that was issued in a session. */
export async function revokeSession(
  world: World,
  id: string,
  given: UrlOption & {
    readonly reasonClass: ReasonClass
    readonly note?: string
    readonly requestedAt?: number
    readonly heldBy?: string
    readonly emergency: boolean
  },
): Promise<void> {
  const { url, reasonClass, note, requestedAt, heldBy, emergency } = given
  const { revoked_copies: copies, published } = await callIssuer(world, revokedSchema, {
    url,
    path: `/sessions/${encodeURIComponent(id)}/revocation`,
    role: 'operator',
    body: {
      reason_class: reasonClass,
      emergency,
      ...(note === undefined ? {} : { note }),
      ...(requestedAt === undefined ? {} : { requested_at: requestedAt }),
      ...(heldBy === undefined ? {} : { held_by: heldBy }),
    },
  })
  world.print(`${id}  revoked ${copies} copies; ${whenPublished(published)}`)
}
