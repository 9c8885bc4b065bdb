import { z } from 'zod'
import { canonicalJson, type Json } from '../../shared/json.ts'
import { OUTCOMES } from '../policy/policy.ts'
import type { World } from '../world.ts'
import { callVerifier } from './platform-client.ts'

const resultSchema = z.looseObject({
  state: z.enum(['requested', 'retrieved', 'answered', 'refused', 'expired']),
  reason: z.string().optional(),
  awaits: z.string().optional(),
  rejections: z.array(z.object({ at: z.int(), code: z.string() })),
  acceptance: z.object({ outcome: z.enum(OUTCOMES), codes: z.array(z.string()) }).optional(),
  claims: z.record(z.string(), z.custom<Json>()).optional(),
})

type Result = z.output<typeof resultSchema>

const POLL_MS = 500

/** Prints what came of a request and answers the exit status that says so. */
export async function readResult(
  world: World,
  id: string,
  given: {
    readonly url: string
    readonly wait: number
    readonly responseCode?: string
    readonly receipt?: string
    readonly json: boolean
  },
): Promise<number> {
  const path = `/requests/${encodeURIComponent(id)}`
  const read = () => callVerifier(world, resultSchema, { url: given.url, path })
  let result =
    given.responseCode === undefined
      ? await read()
      : await callVerifier(world, resultSchema, {
          url: given.url,
          path: `${path}/redemption`,
          body: { response_code: given.responseCode },
        })
  const deadline = world.clock() + given.wait
  while (isOpen(result) && world.clock() < deadline) {
    await world.pause(POLL_MS)
    result = await read()
  }
  if (given.json) world.print(JSON.stringify(result, undefined, 2))
  else printResult(world, result)
  if (given.receipt !== undefined && result.acceptance) {
    const bundle = await callVerifier(world, z.custom<Json>(), {
      url: given.url,
      path: `${path}/receipt`,
    })
    world.writeNewFile(given.receipt, `${JSON.stringify(bundle, undefined, 2)}\n`)
    world.note(`carnet-verifier: receipt written to ${given.receipt}`)
  }
  return statusOf(result)
}

function isOpen({ state }: Result): boolean {
  return state === 'requested' || state === 'retrieved'
}

function statusOf({ state, acceptance }: Result): number {
  if (acceptance) return acceptance.outcome === 'accept' ? 0 : 3
  return state === 'refused' || state === 'expired' ? 5 : 4
}

function printResult({ print }: World, result: Result): void {
  print(`state    ${result.state}${result.reason === undefined ? '' : ` (${result.reason})`}`)
  if (result.awaits !== undefined) print(`awaits   ${result.awaits}`)
  for (const { code } of result.rejections) print(`rejected ${code}`)
  if (!result.acceptance) return
  const { outcome, codes } = result.acceptance
  print(`outcome  ${outcome}${codes.length > 0 ? `: ${codes.join(', ')}` : ''}`)
  for (const [id, claims] of Object.entries(result.claims ?? {})) {
    print(`claims   ${id} ${canonicalJson(claims)}`)
  }
}
