import type { Request, RequestHandler, Response } from 'express'
import { z } from 'zod'
import type { Clock } from '../../shared/clock.ts'
import { type Endpoint, plainEndpoint } from '../../shared/http/endpoint.http.ts'
import type { ServedToken, StatusStore } from './status.ts'

const JWT = 'application/statuslist+jwt'
const CWT = 'application/statuslist+cwt'

/**
 * The lists and their past, to anybody, without authentication and without cookies: `GET /status/:list` with
 * `?time=`, `GET /status` to name them all, `GET /status/tokens/:sha256` for what was signed, byte for byte.
 * Token Status List §8, §9.
 */
export function statusEndpoints(
  store: StatusStore,
  clock: Clock,
  options: {
    /** Whether `?time=` is answered to the public at all. Where not, it is told that the parameter is not supported. */
    readonly history?: boolean
    /**
     * Throws unless the `Authorization` of a request is the regulator's, who may see times after retention. Requests
     * without one are never asked.
     */
    requireRegulator?(request: Request): Promise<unknown>
  } = {},
): readonly Endpoint[] {
  const { history = true, requireRegulator } = options
  const all: RequestHandler = async (_request, response) => {
    response.set('Cache-Control', 'no-cache')
    response.json({ status_lists: await store.uris(clock()) })
  }
  const archived: RequestHandler = async (request, response) => {
    const token = await store.bySha256(digestOf(String(request.params.sha256)))
    if (token === undefined) return answer(response, 404, 'not found')
    response.set('Cache-Control', 'public, max-age=31536000, immutable')
    const type = token.cwtSha256 === digestOf(String(request.params.sha256)) ? CWT : JWT
    sendToken(request, response, { token, type })
  }
  const list: RequestHandler = async (request, response) => {
    const now = clock()
    const list = String(request.params.list)
    const time = request.query.time
    const retainedUntil = await store.retainedUntil(list)
    if (retainedUntil === undefined) return answer(response, 404, 'not found')
    if (time === undefined) {
      const token = await store.current(list)
      if (token === undefined) return answer(response, 404, 'not found')
      const age = Math.max(0, Math.min(token.iat + token.ttl, token.exp) - now)
      response.set('Cache-Control', `public, max-age=${age}`)
      return sendAccepted(request, response, token)
    }
    if (typeof time !== 'string' || !/^(0|[1-9]\d{0,11})$/.test(time)) {
      return answer(response, 400, 'time must be one number of seconds')
    }
    // History is public while a credential of the list may live; after that it is the regulator's.
    const isPublic = history && (retainedUntil === 0 || now <= retainedUntil)
    const isOpen = isPublic || (await isRegulator(request))
    // §8.4: 501 says that the parameter is not supported, 404 that the time is not.
    if (!isOpen && !history) return answer(response, 501, 'time is not supported')
    const token = isOpen ? await store.at(list, Number(time)) : undefined
    if (token === undefined) return answer(response, 404, 'no token of that time')
    response.set('Cache-Control', isPublic ? 'public, max-age=60' : 'no-store')
    sendAccepted(request, response, token)
  }
  const notThere = { description: 'There is none', mediaType: 'text/plain' }
  const token = {
    description: 'A Status List Token; a CWT where that is asked for',
    mediaType: JWT,
  }
  const get = { method: 'get', tag: 'status', specification: 'Token Status List §8' } as const
  return [
    plainEndpoint(
      {
        ...get,
        path: '/status',
        operationId: 'listStatusLists',
        summary: 'Name every list',
        specification: 'Token Status List §9',
        responses: {
          200: {
            description: 'Their addresses',
            schema: z.strictObject({ status_lists: z.array(z.string()) }),
          },
        },
      },
      anyOrigin,
      all,
    ),
    plainEndpoint(
      {
        ...get,
        path: '/status/tokens/{sha256}',
        operationId: 'getArchivedStatusListToken',
        summary: 'A token that was once published, byte for byte, by its digest',
        params: ofToken,
        responses: { 200: token, 404: notThere },
      },
      anyOrigin,
      archived,
    ),
    plainEndpoint(
      {
        ...get,
        path: '/status/{list}',
        operationId: 'getStatusListToken',
        summary: 'What a list says now, or said at a time',
        security: { scheme: 'regulatorKey', scope: 'history:read', optional: true },
        params: ofList,
        query: z.object({
          time: z.string().optional().meta({ description: 'Seconds since 1970.' }),
        }),
        responses: {
          200: token,
          304: { description: 'It has not changed' },
          400: { description: '`time` is no number of seconds', mediaType: 'text/plain' },
          404: notThere,
          406: { description: 'No such form of it', mediaType: 'text/plain' },
          501: { description: '`time` is not supported', mediaType: 'text/plain' },
        },
      },
      anyOrigin,
      list,
    ),
    preflight('/status', 'preflightStatusLists'),
    preflight('/status/tokens/{sha256}', 'preflightStatusListToken', ofToken),
    preflight('/status/{list}', 'preflightStatusList', ofList),
  ]

  /** Nobody is asked who they are; whoever says so has to be right. */
  async function isRegulator(request: Request): Promise<boolean> {
    if (requireRegulator === undefined || request.get('Authorization') === undefined) return false
    await requireRegulator(request)
    return true
  }
}

const ofToken = z.object({ sha256: z.string() })
const ofList = z.object({ list: z.string() })

/** §11.4: "the Status Provider SHOULD enable CORS" */
const anyOrigin: RequestHandler = (_request, response, next) => {
  response.set('Access-Control-Allow-Origin', '*')
  response.set('Access-Control-Expose-Headers', 'ETag')
  next()
}

/** A page that sends its own `If-None-Match` asks before it does. Fetch, "CORS-preflight fetch". */
function preflight(path: string, operationId: string, params?: z.ZodType): Endpoint {
  return plainEndpoint(
    {
      method: 'options',
      path,
      operationId,
      tag: 'status',
      summary: 'What a page of another origin may send',
      specification: 'Token Status List §11.4',
      params,
      responses: { 204: { description: 'It is in the headers' } },
    },
    anyOrigin,
    (_request, response) => {
      response.set('Access-Control-Allow-Methods', 'GET, HEAD')
      response.set('Access-Control-Allow-Headers', 'Accept, If-None-Match')
      response.set('Access-Control-Max-Age', '86400').status(204).end()
    },
  )
}

/** Digests come in base64url, as the log has them, or in hexadecimal, as receipts have them. */
function digestOf(text: string): string {
  return /^[0-9a-f]{64}$/.test(text) ? Buffer.from(text, 'hex').toString('base64url') : text
}

/** The form that was asked for among those that there are. RFC 9110 §12.5.1. */
function sendAccepted(request: Request, response: Response, token: ServedToken): void {
  const type = request.accepts(token.cwt === null ? [JWT] : [JWT, CWT])
  if (type === false) answer(response, 406, 'not acceptable')
  else sendToken(request, response, { token, type })
}

function sendToken(
  request: Request,
  response: Response,
  { token, type }: { readonly token: ServedToken; readonly type: string },
): void {
  const { cwt, cwtSha256, sha256, gzip } = token
  const etag = `"${type === CWT ? cwtSha256 : sha256}"`
  response.set('ETag', etag).vary('Accept').vary('Accept-Encoding')
  response.set('Content-Type', type)
  if (isKnown(request.get('If-None-Match'), etag)) return void response.status(304).end()
  // Binary and compressed inside already.
  if (type === CWT) return void response.end(cwt)
  // "SHOULD use Content-Encoding"; compressed once, when it was published.
  if (!request.acceptsEncodings('gzip')) return void response.end(token.token)
  response.set('Content-Encoding', 'gzip').end(gzip)
}

/** RFC 9110 §13.1.2. A `Cache-Control: no-cache` beside it, which browsers and fetch add, asks caches and not the origin. */
function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  const tags = ifNoneMatch?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? []
  return tags.includes(etag) || tags.includes('*')
}

function answer(response: Response, status: number, text: string): void {
  response.set('Cache-Control', 'no-store').status(status).type('text/plain').send(`${text}\n`)
}
