import { z } from 'zod'
import { toDateTime } from '../../shared/clock.ts'
import type { World } from '../world.ts'
import { callVerifier } from './platform-client.ts'

const madeSchema = z.object({
  request_id: z.string(),
  policy: z.object({ id: z.string(), version: z.int() }),
  client_id: z.string(),
  request_uri: z.string(),
  authorization_request: z.string(),
  expires_at: z.int(),
})

/** Makes a presentation request and prints the link that calls a wallet. */
export async function makeRequest(
  world: World,
  given: {
    readonly url: string
    readonly policy?: string
    readonly redirectUri?: string
    readonly json: boolean
  },
): Promise<void> {
  const made = await callVerifier(world, madeSchema, {
    url: given.url,
    path: '/requests',
    body: {
      ...(given.policy === undefined ? {} : { policy: given.policy }),
      ...(given.redirectUri === undefined ? {} : { redirect_uri: given.redirectUri }),
    },
  })
  if (given.json) return world.print(JSON.stringify(made, undefined, 2))
  world.print(`request  ${made.request_id}`)
  world.print(`policy   ${made.policy.id} version ${made.policy.version}`)
  world.print(`expires  ${toDateTime(made.expires_at)}`)
  world.print(`link     ${made.authorization_request}`)
}
