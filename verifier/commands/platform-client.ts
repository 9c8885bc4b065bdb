import { z } from 'zod'
import { type Json, JsonError, parseJson } from '../../shared/json.ts'
import { OperatorError } from '../../shared/operator-error.ts'
import type { World } from '../world.ts'

const problemSchema = z.object({ code: z.string(), detail: z.string().optional() })

/** Calls a verifier's endpoint with the platform key. @throws OperatorError `server_unreachable`, `request_refused` */
export async function callVerifier<Schema extends z.ZodType>(
  { fetch, platformKey }: World,
  schema: Schema,
  { url, path, body }: { readonly url: string; readonly path: string; readonly body?: Json },
): Promise<z.output<Schema>> {
  if (platformKey === undefined) {
    throw new OperatorError('key_invalid', 'CARNET_PLATFORM_KEY is not set', {
      hint: 'carnet-verifier keys api makes a key; the verifier’s configuration must know its digest',
    })
  }
  const response = await send(fetch, new URL(path, url), {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${platformKey}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const answer = jsonOf(await response.text())
  if (!response.ok) {
    const problem = problemSchema.safeParse(answer)
    const code = problem.success ? problem.data.code : `status ${response.status}`
    const hint = problem.success ? problem.data.detail : undefined
    throw new OperatorError(
      'request_refused',
      `the verifier refused: ${code}`,
      hint ? { hint } : {},
    )
  }
  const parsed = schema.safeParse(answer)
  if (parsed.success) return parsed.data
  throw new OperatorError('request_refused', 'the verifier answered something else than expected')
}

async function send(fetch: World['fetch'], url: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (cause) {
    throw new OperatorError('server_unreachable', `no verifier answers at ${url.origin}`, {
      cause,
      hint: 'is it running, and is that its address?',
    })
  }
}

function jsonOf(text: string): Json | undefined {
  try {
    return parseJson(text, { maxLength: 64 << 20 })
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    return undefined
  }
}
