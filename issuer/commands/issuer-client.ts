import { z } from 'zod'
import { type Json, JsonError, parseJson } from '../../shared/json.ts'
import { OperatorError } from '../../shared/operator-error.ts'
import type { World } from '../world.ts'

const problemSchema = z.object({ code: z.string(), detail: z.string().optional() })

/** Calls an endpoint of a running issuer. @throws OperatorError `server_unreachable`, `request_refused`, `key_invalid` */
export async function callIssuer(
  { fetch, keys }: World,
  request: {
    readonly url: string
    readonly path: string
    readonly role: 'reviewer' | 'operator'
    readonly body?: Json
  },
): Promise<Json> {
  const { url, path, role, body } = request
  const key = keys[role]
  if (key === undefined) {
    throw new OperatorError('key_invalid', `CARNET_${role.toUpperCase()}_KEY is not set`, {
      hint: `carnet-issuer keys add --role ${role} --name NAME makes one`,
    })
  }
  const response = await send(fetch, new URL(path, url), {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const answer = jsonOf(await response.text())
  if (response.ok && answer !== undefined) return answer
  const problem = problemSchema.safeParse(answer)
  const code = problem.success ? problem.data.code : `status ${response.status}`
  const hint = problem.success ? problem.data.detail : undefined
  throw new OperatorError('request_refused', `the issuer refused: ${code}`, hint ? { hint } : {})
}

async function send(fetch: World['fetch'], url: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (cause) {
    throw new OperatorError('server_unreachable', `no issuer answers at ${url.origin}`, {
      cause,
      hint: 'is it running, and is that its address?',
    })
  }
}

function jsonOf(text: string): Json | undefined {
  try {
    return parseJson(text, { maxLength: 16 << 20 })
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    return undefined
  }
}
