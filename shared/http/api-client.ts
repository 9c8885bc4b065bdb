import { z } from 'zod'
import type { Fetch } from '../fetch.ts'
import { type Json, JsonError, parseJson } from '../json.ts'
import { OperatorError } from '../operator-error.ts'

const MAX_ANSWER_LENGTH = 64 << 20

/** What our own endpoints answer when they refuse, as a caller reads it. RFC 9457 §3. */
const problemSchema = z.object({ code: z.string(), detail: z.string().optional() })

/**
 * Calls an endpoint of a running server of ours, for a command line: GET, or POST where there is a body. An answer
 * without content is `undefined`.
 * @throws OperatorError `server_unreachable`, and `request_refused` with the problem's code
 */
export async function callApi<Schema extends z.ZodType>(
  fetch: Fetch,
  schema: Schema,
  request: {
    /** Such as `issuer`, for messages. */
    readonly server: string
    readonly url: string
    readonly path: string
    readonly key: string
    readonly body?: Json | undefined
    readonly method?: 'DELETE' | undefined
  },
): Promise<z.output<Schema>> {
  const { server, url, path, key, body, method = body === undefined ? 'GET' : 'POST' } = request
  const response = await send(fetch, server, new URL(path, url), {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const answer = jsonOf(await response.text())
  if (response.ok) return parsed(schema, answer, server)
  const problem = problemSchema.safeParse(answer)
  const code = problem.success ? problem.data.code : `status ${response.status}`
  const hint = problem.success ? problem.data.detail : undefined
  throw new OperatorError('request_refused', `the ${server} refused: ${code}`, hint ? { hint } : {})
}

function parsed<Schema extends z.ZodType>(
  schema: Schema,
  answer: Json | undefined,
  server: string,
): z.output<Schema> {
  const result = schema.safeParse(answer)
  if (result.success) return result.data
  throw new OperatorError('request_refused', `the ${server} answered something else than expected`)
}

async function send(fetch: Fetch, server: string, url: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (cause) {
    throw new OperatorError('server_unreachable', `no ${server} answers at ${url.origin}`, {
      cause,
      hint: 'is it running, and is that its address?',
    })
  }
}

function jsonOf(text: string): Json | undefined {
  try {
    return parseJson(text, { maxLength: MAX_ANSWER_LENGTH })
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    return undefined
  }
}
