import { type ErrorRequestHandler, type Request, type RequestHandler, Router } from 'express'
import { z } from 'zod'
import type { Scope } from '../api-key/api-key.ts'
import { sha256Hex } from '../hash.ts'
import type { SealingIdempotencyKey } from '../idempotency/once.ts'
import { canonicalJson, type Json } from '../json.ts'
import { sealingKey } from '../key/seal.ts'
import { Problem, type ProblemCode } from '../problem.ts'
import { parseRequest } from '../schema.ts'
import { bearerToken, formBody, jsonBody } from './body.http.ts'
import { renderErrors } from './errors.http.ts'

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete' | 'head' | 'options'

/** How a caller says who they are: a bearer token, but for `accessToken` (DPoP) and `pageSession` (a cookie). */
export type SecurityScheme =
  | 'sessionToken'
  | 'platformKey'
  | 'reviewerKey'
  | 'operatorKey'
  | 'regulatorKey'
  | 'accessToken'
  | 'pageSession'

/** A body that an endpoint takes. */
export interface BodyDefinition<Body = unknown> {
  /** JSON where nothing is said. */
  readonly mediaType?: string
  /** Absent where the body is bytes. */
  readonly schema?: z.ZodType<Body>
  readonly maxBytes: number
}

/** What an endpoint answers under one status: JSON of `schema`, something of `mediaType`, or nothing. */
export interface ResponseDefinition {
  readonly description: string
  readonly schema?: z.ZodType
  readonly mediaType?: string
  /** Headers by name, each with what it tells. */
  readonly headers?: Readonly<Record<string, string>>
}

/** What the interface document says of an endpoint. Paths are templates: `/sessions/{id}`, `{+rest}` for several segments. */
export interface Description {
  readonly method: Method
  readonly path: string
  /** Unique in one server; the generated client names a function so. */
  readonly operationId: string
  readonly tag: string
  readonly summary: string
  readonly security?:
    | {
        readonly scheme: SecurityScheme
        /** What a key has to have been made for. */
        readonly scope?: Scope
        /** Another way to say it. */
        readonly or?: SecurityScheme
        readonly optional?: true
      }
    | undefined
  /** The clause of the specification that owns the endpoint and its messages. */
  readonly specification?: string
  /** The form of its errors: RFC 9457 where nothing is said, else RFC 6749 §5.2, or that of a resource (RFC 6750 §3). */
  readonly errors?: 'problem' | 'oauth' | 'resource'
  readonly params?: z.ZodType | undefined
  readonly query?: z.ZodType | undefined
  readonly body?: BodyDefinition | undefined
  /** Whether some of its refusals are in the form of the specification (400), beside problems. */
  readonly protocolErrors?: boolean
  /** Whether `Idempotency-Key` is read. */
  readonly idempotent?: boolean
  readonly responses: Readonly<Record<number, ResponseDefinition>>
  /** Codes that the endpoint answers beside those that follow from what it takes. */
  readonly problems?: readonly ProblemCode[]
}

/** A whole number in a path or a query, where everything is text. */
export const wholeNumber: z.ZodType<number> = z
  .string()
  .regex(/^(0|[1-9]\d{0,14})$/, 'is no whole number')
  .transform(Number)
  .meta({ type: 'integer' })

/** An endpoint: what is said of it and what it does, in one. */
export interface Endpoint extends Description {
  readonly handlers: readonly (RequestHandler | ErrorRequestHandler)[]
}

type Responses = Readonly<Record<number, ResponseDefinition>>

/** One of the answers that were declared. */
export type Reply<Declared extends Responses> = {
  [Status in keyof Declared]: {
    readonly status: Status
    readonly headers?: Readonly<Record<string, string>>
  } & (Declared[Status] extends { readonly schema: z.ZodType<infer Body> }
    ? { readonly body: Body }
    : Declared[Status] extends { readonly mediaType: string }
      ? { readonly bytes: Uint8Array }
      : unknown)
}[keyof Declared]

/**
 * Makes an endpoint of our own. The caller is known before anything else of a request is read; parameters, query and
 * body are parsed once, here; what `handle` throws is answered as a problem (RFC 9457). Nothing is kept by caches
 * unless the answer says otherwise.
 */
export function endpoint<
  Params,
  Query,
  Body,
  Caller,
  const Declared extends Responses,
>(definition: {
  readonly method: Method
  readonly path: string
  readonly operationId: string
  readonly tag: string
  readonly summary: string
  readonly specification?: string
  readonly protocolErrors?: boolean
  readonly security?: {
    readonly scheme: SecurityScheme
    readonly scope?: Scope
    /** Another way to say it. */
    readonly or?: SecurityScheme
    /** Whether a caller may also come without. */
    readonly optional?: true
    authenticate(request: Request): Promise<Caller> | Caller
  }
  /** What is known of a caller whom no scheme names; it may refuse. */
  readonly recognise?: (request: Request) => Caller
  /** Bounds that hold before a body is read; the caller is in `response.locals.caller`. */
  readonly limit?: RequestHandler
  readonly params?: z.ZodType<Params>
  readonly query?: z.ZodType<Query>
  readonly body?: BodyDefinition<Body>
  /**
   * Names the caller whose `Idempotency-Key` it is, and nobody who cannot be told from others; where the endpoint has
   * none the header is not read.
   */
  readonly idempotentFor?: (caller: Caller) => string | undefined
  readonly responses: Declared
  readonly problems?: readonly ProblemCode[]
  handle(input: {
    readonly params: Params
    readonly query: Query
    readonly body: Body
    readonly caller: Caller
    /** What the store is told, so that effect and answer are kept together. */
    readonly idempotency: SealingIdempotencyKey | undefined
  }): Promise<Reply<Declared>> | Reply<Declared>
}): Endpoint {
  const { security, recognise, limit, params, query, body, idempotentFor, handle, ...described } =
    definition
  const inUse = new Set<string>()
  const answer: RequestHandler = async (request, response) => {
    const caller = response.locals.caller as Caller
    const idempotency = idempotentFor && idempotencyKey(request, idempotentFor(caller))
    const held = idempotency && `${idempotency.keySha256} ${idempotency.caller}`
    if (held !== undefined) {
      if (inUse.has(held)) {
        throw new Problem('idempotency_key_in_use', 'wait until the first one was answered')
      }
      inUse.add(held)
    }
    try {
      const reply = await handle({
        params: parsed(params, request.params),
        query: parsed(query, request.query),
        body: parsed(body?.schema, request.body),
        caller,
        idempotency,
      })
      response.set(reply.headers ?? {}).status(Number(reply.status))
      if ('body' in reply) response.json(reply.body)
      else if ('bytes' in reply) response.send(reply.bytes)
      else response.end()
    } finally {
      if (held !== undefined) inUse.delete(held)
    }
  }
  const known: RequestHandler = async (request, response, next) => {
    response.set('Cache-Control', 'no-store')
    response.locals.caller = await (security?.authenticate(request) ?? recognise?.(request))
    next()
  }
  return {
    ...described,
    security,
    params,
    query,
    body,
    idempotent: idempotentFor !== undefined,
    handlers: [
      known,
      ...(limit === undefined ? [] : [limit]),
      ...(body === undefined ? [] : reader(body)),
      answer,
    ],
  }
}

/**
 * Makes an endpoint out of plain handlers: for what a specification owns, and for streams. What they throw passes
 * through `asOwn` and is rendered in the form that `errors` names.
 */
export function plainEndpoint(
  description: Description & { asOwn?(thrown: unknown): unknown },
  ...handlers: readonly RequestHandler[]
): Endpoint {
  const { asOwn = (thrown) => thrown, ...described } = description
  const render = renderErrors(described.errors ?? 'problem')
  return {
    ...described,
    handlers: [
      ...handlers,
      ((thrown, request, response, next) => {
        render(asOwn(thrown), request, response, next)
      }) satisfies ErrorRequestHandler,
    ],
  }
}

/** Serves `endpoints`, and nothing else. */
export function routerOf(endpoints: readonly Endpoint[]): Router {
  const router = Router()
  for (const { method, path, handlers } of endpoints) router[method](pattern(path), ...handlers)
  return router
}

/** What `Idempotency-Key` says, a string in quotes as draft-ietf-httpapi-idempotency-key-header §2.1 has it, or bare. */
function idempotencyKey(
  request: Request,
  caller: string | undefined,
): SealingIdempotencyKey | undefined {
  const field = request.get('Idempotency-Key')
  if (field === undefined) return undefined
  const key = /^"?([A-Za-z0-9._:-]{8,128})"?$/.exec(field)?.[1]
  if (key === undefined) {
    throw new Problem('request_invalid', 'Idempotency-Key: 8 to 128 letters, digits, . _ : -')
  }
  const secret = bearerToken(request.headers.authorization)
  // What is kept is sealed under this secret: without one anybody could open it.
  if (caller === undefined || secret === undefined) {
    throw new Problem('request_invalid', 'Idempotency-Key: it takes a key that says who asks')
  }
  const asked = [request.method, request.path, canonicalJson((request.body ?? null) as Json)]
  const keySha256 = sha256Hex(key)
  const requestSha256 = sha256Hex(asked.join('\n'))
  const purpose = `idempotency/${keySha256}/${requestSha256}`
  return { caller, keySha256, requestSha256, sealingKey: sealingKey(secret, purpose) }
}

/** A path template as Express writes it. */
function pattern(path: string): string {
  return path.replace(/\{\+(\w+)\}/g, '*$1').replace(/\{(\w+)\}/g, ':$1')
}

function reader({ mediaType = 'application/json', maxBytes }: BodyDefinition): RequestHandler[] {
  return mediaType === 'application/json' ? jsonBody(maxBytes) : formBody(maxBytes)
}

function parsed<Value>(schema: z.ZodType<Value> | undefined, value: unknown): Value {
  return schema === undefined ? (undefined as Value) : parseRequest(schema, value)
}
