import type { z } from 'zod'
import { type ProtocolCode, ProtocolError } from './error.ts'
import { Problem } from './problem.ts'

/** Reads what one of our own endpoints was sent. @throws Problem `request_invalid`, naming the members at fault */
export function parseRequest<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): z.output<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new Problem('request_invalid', explainToCaller(result.error))
}

/** Reads a protocol message. @throws ProtocolError with `code`, naming the parameters at fault */
export function parseMessage<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  code: ProtocolCode,
): z.output<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new ProtocolError(code, explainToCaller(result.error))
}

/** A name that one of our own members could have, so that no text of a person is told again as one. */
const MEMBER = /^[a-z][a-zA-Z_]{0,39}$/

function explainToCaller(error: z.ZodError): string {
  const issues = error.issues.map((issue) => {
    const path = issue.path.map((part) =>
      typeof part === 'number' || MEMBER.test(String(part)) ? part : '…',
    )
    if (issue.code !== 'unrecognized_keys') return { ...issue, path }
    const known = issue.keys.filter((key) => MEMBER.test(key)).slice(0, 8)
    return { ...issue, path, message: ['a member is not known', ...known].join(': ') }
  })
  return explain({ issues })
}

/** One line that names every member at fault and what is expected there, never the value. */
export function explain(error: Pick<z.ZodError, 'issues'>): string {
  return error.issues
    .map(({ path, message }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message))
    .join('; ')
}
