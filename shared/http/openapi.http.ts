import {
  OpenAPIRegistry,
  OpenApiGeneratorV31,
  type RouteConfig,
} from '@asteasolutions/zod-to-openapi'
import type { Express } from 'express'
import { z } from 'zod'
import { SCOPES } from '../api-key/api-key.ts'
import type { JsonObject } from '../json.ts'
import { PROBLEM_CODES, type ProblemCode, problemEntry } from '../problem.ts'
import {
  type Description,
  type Endpoint,
  endpoint,
  type ResponseDefinition,
  routerOf,
  type SecurityScheme,
} from './endpoint.http.ts'
import { problemPage } from './problems.http.ts'

/** What a document says of the server as a whole. */
export interface DocumentInfo {
  readonly title: string
  readonly version: string
  readonly description: string
  /** Each tag with what its endpoints are for. */
  readonly tags: Readonly<Record<string, string>>
}

const SECURITY_SCHEMES: Readonly<Record<SecurityScheme, string>> = {
  sessionToken: 'The token that opening a session answered, for this session alone.',
  platformKey: 'A key of a system of a platform.',
  reviewerKey: 'A key of a person who reviews referred sessions.',
  operatorKey: 'A key of a person who runs the issuer.',
  regulatorKey: 'A key of a regulator, who may read what is no longer public.',
  accessToken: 'A DPoP-bound access token of the token endpoint. RFC 9449 §7.1.',
  pageSession: 'The cookie of somebody who has signed in at a page of this server.',
}

const problemSchema = z
  .object({
    type: z.string().meta({ description: 'An address that explains the code.' }),
    title: z.string(),
    status: z.int(),
    code: z.enum([...PROBLEM_CODES, 'defect']).meta({ description: 'Stable; branch on this.' }),
    detail: z.string().optional().meta({ description: 'What to do next, for a person.' }),
    request_id: z.string().optional().meta({ description: 'By which the log knows the request.' }),
  })
  .meta({ id: 'Problem', description: 'A refusal. RFC 9457 §3.' })

/** What a specification's own endpoints answer. RFC 6749 §5.2. */
const protocolError = z
  .object({ error: z.string(), error_description: z.string().optional() })
  .meta({ id: 'ProtocolError', description: 'A refusal. RFC 6749 §5.2.' })

/** Serves `endpoints` and, at `/openapi.json`, the document of these and of what the application served before. */
export function serveEndpoints(
  app: Express,
  info: DocumentInfo,
  endpoints: readonly Endpoint[],
): void {
  let document: JsonObject | undefined
  const all: Endpoint[] = [
    ...((app.locals.endpoints ?? []) as readonly Endpoint[]),
    endpoint({
      method: 'get',
      path: '/openapi.json',
      operationId: 'getOpenApi',
      tag: 'server',
      summary: 'This document',
      responses: { 200: { description: 'OpenAPI 3.1', schema: z.record(z.string(), z.unknown()) } },
      handle: () => {
        document ??= openApiDocument(info, all)
        return {
          status: 200,
          body: document,
          headers: { 'Access-Control-Allow-Origin': '*', 'Cache-Control': 'public, max-age=300' },
        }
      },
    }),
    problemPage,
    ...endpoints,
  ]
  app.use(routerOf(all.slice(app.locals.endpoints?.length ?? 0)))
}

/** The OpenAPI 3.1 document of a list of endpoints: the same list gives the same document. */
export function openApiDocument(info: DocumentInfo, endpoints: readonly Endpoint[]): JsonObject {
  const { tags, ...about } = info
  const registry = new OpenAPIRegistry()
  for (const scheme of Object.keys(SECURITY_SCHEMES)) {
    const isUsed = endpoints.some(
      ({ security }) => security?.scheme === scheme || security?.or === scheme,
    )
    if (!isUsed) continue
    registry.registerComponent('securitySchemes', scheme, {
      ...(scheme === 'pageSession'
        ? { type: 'apiKey', in: 'cookie', name: '__Host-carnet-session' }
        : { type: 'http', scheme: scheme === 'accessToken' ? 'DPoP' : 'bearer' }),
      description: describeScheme(scheme as SecurityScheme, endpoints),
    })
  }
  for (const each of endpoints) registry.registerPath(route(each))
  const { webhooks: _none, ...document } = new OpenApiGeneratorV31(
    registry.definitions,
  ).generateDocument({
    openapi: '3.1.1',
    info: {
      ...about,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'the server that this document came from' }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
  })
  return JSON.parse(JSON.stringify(document)) as JsonObject
}

const idempotencyHeader = z.object({
  'Idempotency-Key': z.string().optional().meta({
    description:
      'One for each new request, such as a UUID. A repeated request with it is answered as the first one was, for a day, and has no second effect.',
  }),
})

function route(described: Description): RouteConfig {
  const { method, path, operationId, tag, summary, security, specification } = described
  const { params, query, body, errors, idempotent } = described
  return {
    method,
    path: path.replace('{+', '{'),
    operationId,
    tags: [tag],
    summary,
    ...(specification === undefined ? {} : { 'x-carnet-specification': specification }),
    security: securityOf(security),
    request: {
      ...(params === undefined ? {} : { params: params as z.ZodObject }),
      ...(query === undefined ? {} : { query: query as z.ZodObject }),
      ...(body === undefined ? {} : { body: bodyOf(body) }),
      ...(idempotent ? { headers: idempotencyHeader } : {}),
    },
    responses: {
      ...Object.fromEntries(
        Object.entries(described.responses).map(([status, each]) => [status, responseOf(each)]),
      ),
      ...(errors === undefined ? problemResponses(described) : PROTOCOL_RESPONSES),
    },
  }
}

const PROTOCOL_RESPONSES = {
  default: {
    description: 'A refusal, with a code of the specification',
    content: { 'application/json': { schema: protocolError } },
  },
}

/** Whose key or token it is, and what a key may be made for. */
function describeScheme(scheme: SecurityScheme, endpoints: readonly Endpoint[]): string {
  const scopes = new Set(
    endpoints.flatMap(({ security }) =>
      (security?.or ?? security?.scheme) === scheme && security?.scope !== undefined
        ? [security.scope]
        : [],
    ),
  )
  const opens = [...scopes].sort().map((scope) => `\`${scope}\` (${SCOPES[scope].opens})`)
  const base = SECURITY_SCHEMES[scheme]
  return opens.length === 0 ? base : `${base} Its scopes: ${opens.join(', ')}.`
}

function securityOf(security: Description['security']): Record<string, string[]>[] {
  if (security === undefined) return []
  const { scheme, or, scope, optional } = security
  const scopes = scope === undefined ? [] : [scope]
  return [
    ...(optional ? [{}] : []),
    { [scheme]: or === undefined ? scopes : [] },
    ...(or === undefined ? [] : [{ [or]: scopes }]),
  ]
}

function bodyOf({ mediaType = 'application/json', schema }: NonNullable<Description['body']>) {
  return { required: true, content: { [mediaType]: { schema: schema ?? {} } } }
}

function responseOf({ description, schema, mediaType, headers = {} }: ResponseDefinition) {
  const type = mediaType ?? (schema === undefined ? undefined : 'application/json')
  return {
    description,
    ...(Object.keys(headers).length === 0 ? {} : { headers: headersOf(headers) }),
    ...(type === undefined ? {} : { content: { [type]: { schema: schema ?? {} } } }),
  }
}

function headersOf(headers: Readonly<Record<string, string>>) {
  return Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [
      name,
      { description, schema: { type: 'string' as const } },
    ]),
  )
}

/** Every code that an endpoint can answer, by status; what any server can answer is said once, as the default. */
function problemResponses(described: Description) {
  const byStatus = new Map<number, ProblemCode[]>()
  for (const code of problemCodesOf(described)) {
    const { status } = problemEntry(code)
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  const content = { 'application/problem+json': { schema: problemSchema } }
  return {
    ...Object.fromEntries(
      [...byStatus].sort().map(([status, codes]) => [
        status,
        {
          description: codes.map((code) => `\`${code}\``).join(', '),
          content:
            status === 400 && described.protocolErrors
              ? { ...content, 'application/json': { schema: protocolError } }
              : content,
        },
      ]),
    ),
    default: { description: '`misdirected_host`, or a defect of the server', content },
  }
}

/** The codes of an endpoint: its own, and those that follow from what it takes. */
function problemCodesOf({
  security,
  params,
  query,
  body,
  idempotent,
  problems = [],
}: Description): readonly ProblemCode[] {
  return [
    ...new Set<ProblemCode>([
      ...(params || query || body || idempotent ? (['request_invalid'] as const) : []),
      ...(body ? (['body_too_large'] as const) : []),
      ...(idempotent ? (['idempotency_key_reused', 'idempotency_key_in_use'] as const) : []),
      ...(security ? (['not_authenticated'] as const) : []),
      ...(security?.scheme.endsWith('Key') || security?.or?.endsWith('Key')
        ? (['not_permitted'] as const)
        : []),
      ...problems,
    ]),
  ]
}
