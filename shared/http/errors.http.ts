import type { ErrorRequestHandler, Response } from 'express'
import { type ProtocolCode, ProtocolError } from '../error.ts'
import { Problem, type ProblemCode, toProblemDetails } from '../problem.ts'
import { logOf } from './request-log.http.ts'

/** Codes of RFC 6750 §3.1 and RFC 9449 §7.1 that a resource answers with a challenge. */
const CHALLENGES = new Set<ProtocolCode>([
  'invalid_token',
  'insufficient_scope',
  'invalid_dpop_proof',
  'use_dpop_nonce',
])

/**
 * Renders what the endpoints before it threw. `problem` is for our own endpoints (RFC 9457), `oauth` for those of an
 * authorization server (RFC 6749 §5.2), `resource` for those that take an access token (RFC 6750 §3, RFC 9449 §7.1,
 * OpenID4VCI 1.0 §8.3.1.2). What is neither a {@link Problem} nor a {@link ProtocolError} is a defect: it is logged
 * and tells nothing.
 */
export function renderErrors(form: 'problem' | 'oauth' | 'resource'): ErrorRequestHandler {
  return (thrown, _request, response, next) => {
    if (response.headersSent) {
      next(thrown)
      return
    }
    response.set('Cache-Control', 'no-store')
    const error = fromTransport(thrown)
    if (error instanceof ProtocolError) renderProtocolError(response, error, form)
    else if (error instanceof Problem && form === 'problem') renderProblem(response, error)
    else if (error instanceof Problem) renderAsProtocol(response, error)
    else renderDefect(response, thrown, form)
  }
}

function renderProblem(response: Response, error: Problem): void {
  logOf(response).info({ code: error.code, err: error.cause }, 'refused')
  setRetryAfter(response, error)
  if (error.status === 401) response.set('WWW-Authenticate', 'Bearer')
  response
    .status(error.status)
    .type('application/problem+json')
    .json(toProblemDetails(error, occurrence(response)))
}

/** Where codes are explained, and by which id the log knows the request. */
function occurrence(response: Response): { origin?: string; requestId: string | undefined } {
  const { origin } = response.app.locals as { origin?: string }
  return { ...(origin === undefined ? {} : { origin }), requestId: response.get('X-Request-Id') }
}

/** RFC 9110 §10.2.3: seconds after which trying again may help. */
function setRetryAfter(response: Response, { status, retryAfterSeconds }: Problem): void {
  const seconds = retryAfterSeconds ?? (status === 503 ? 2 : undefined)
  if (seconds !== undefined) response.set('Retry-After', String(seconds))
}

function renderProtocolError(response: Response, error: ProtocolError, form: string): void {
  logOf(response).info({ code: error.code, err: error.cause }, 'refused')
  if (form === 'resource' && CHALLENGES.has(error.code)) {
    response.set('WWW-Authenticate', `DPoP error="${error.code}", algs="ES256"`)
    response.status(error.code === 'insufficient_scope' ? 403 : 401)
  } else response.status(statusOf(error.code))
  response.json({ error: error.code, error_description: describe(error.message) })
}

/** A bound or a missing resource met at a protocol endpoint: the status is the problem's, the form is OAuth's. */
function renderAsProtocol(response: Response, error: Problem): void {
  logOf(response).info({ code: error.code }, 'refused')
  setRetryAfter(response, error)
  response.status(error.status).json({
    error: error.status >= 500 ? 'server_error' : 'invalid_request',
    error_description: describe(error.message),
  })
}

function renderDefect(response: Response, thrown: unknown, form: string): void {
  logOf(response).error({ err: thrown }, 'defect')
  response.status(500)
  if (form === 'problem') {
    response.type('application/problem+json').json(toProblemDetails(thrown, occurrence(response)))
    return
  }
  response.json({ error: 'server_error', error_description: 'the server met a defect' })
}

function statusOf(code: ProtocolCode): number {
  if (code === 'invalid_client') return 401
  return code === 'server_error' ? 500 : 400
}

/** RFC 6749 §5.2: "MUST NOT include characters outside the set %x20-21 / %x23-5B / %x5D-7E". */
function describe(message: string): string {
  return message.replace(/["\\]/g, "'").replace(/[^\x20-\x7e]/g, '?')
}

/** What body parsers throw, by the status that they ask for. */
const TRANSPORT: Readonly<Record<number, readonly [code: ProblemCode, detail: string]>> = {
  400: ['request_invalid', 'the request cannot be read'],
  413: ['body_too_large', 'send a smaller body'],
  415: ['request_invalid', 'the body has an encoding that is not read'],
}

function fromTransport(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || thrown instanceof Problem || thrown instanceof ProtocolError) {
    return thrown
  }
  // The router's, for a path that does not decode. Its message quotes the path, so it is not kept.
  if (thrown instanceof URIError) return new Problem('not_found', 'the address cannot be read')
  const { status, expose } = thrown as { status?: number; expose?: boolean }
  const known = expose === true && status !== undefined ? TRANSPORT[status] : undefined
  return known === undefined ? thrown : new Problem(...known, { cause: thrown })
}
