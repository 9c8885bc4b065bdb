import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'
import { currentRequest } from './observe/current-request.ts'

/** Writes structured lines for the operator: identifiers, codes and times, never a fact about a person. */
export type Log = Logger

/** Members that are removed wherever a careless caller puts them. */
const REDACTED = [
  'authorization',
  'dpop',
  'cookie',
  'access_token',
  'session_token',
  'tx_code',
  'pre-authorized_code',
  'claims',
  'fields',
  'evidence',
  'credential',
  'vp_token',
]

/**
 * Opens the log of one program: JSON lines with an ISO time, no process number and no host name, and with the id of the
 * request that was worked for. An error is reduced to name, code, message and stack; a cause is followed, other members
 * of it are left out.
 */
export function openLog(options: {
  readonly name: string
  readonly level: 'silent' | 'error' | 'warn' | 'info' | 'debug'
  readonly destination?: DestinationStream
}): Log {
  const { name, level, destination } = options
  return pino(
    {
      name,
      level,
      base: { name },
      timestamp: stdTimeFunctions.isoTime,
      redact: {
        paths: REDACTED.flatMap((member) => [`["${member}"]`, `*["${member}"]`]),
        remove: true,
      },
      serializers: { err: plainError },
      mixin: () => {
        const request = currentRequest()
        return request === undefined ? {} : { request }
      },
    },
    destination ?? pino.destination({ dest: 2, sync: true }),
  )
}

interface PlainError {
  readonly type: string
  readonly message: string
  readonly code?: string
  readonly stack?: string
  readonly cause?: PlainError
}

/** What the log keeps of something thrown. */
function plainError(thrown: unknown): PlainError {
  if (!(thrown instanceof Error)) return { type: typeof thrown, message: 'not an error' }
  const { code } = thrown as { code?: unknown }
  return {
    type: thrown.name,
    message: thrown.message,
    ...(typeof code === 'string' ? { code } : {}),
    ...(thrown.stack === undefined ? {} : { stack: thrown.stack }),
    ...(thrown.cause === undefined ? {} : { cause: plainError(thrown.cause) }),
  }
}
