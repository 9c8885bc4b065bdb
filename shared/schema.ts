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
  throw new Problem('request_invalid', explain(result.error))
}

/** Reads a protocol message. @throws ProtocolError with `code`, naming the parameters at fault */
export function parseMessage<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  code: ProtocolCode,
): z.output<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new ProtocolError(code, explain(result.error))
}

/** One line that names every member at fault and what is expected there, never the value. */
export function explain(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message))
    .join('; ')
}
