import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import express, { type Express, type Request } from 'express'
import helmet from 'helmet'
import { encodeBase64url } from '../base64url.ts'
import type { Log } from '../log.ts'
import { inRequest } from '../observe/current-request.ts'
import type { ObserveRequest } from '../observe/metrics.ts'
import { healthEndpoint, readinessEndpoint } from '../observe/operator.http.ts'
import type { Readiness } from '../observe/readiness.ts'
import { OperatorError } from '../operator-error.ts'
import { Problem } from '../problem.ts'
import type { Random } from '../random.ts'
import { authorityOf } from './authority.ts'
import { routerOf } from './endpoint.http.ts'

/** A listening server. It answers 503 and that it is starting until it is given something to serve. */
export interface HttpServer {
  /** `http://host:port` of the address that was bound. */
  readonly url: string
  serve(listener: RequestListener): void
  /** Whether a stop was asked for. */
  isStopping(): boolean
  /**
   * Stops without cutting a request short, then resolves. Every answer from now on ends its connection. For
   * `drainMilliseconds`, or until no connection is open, requests are still taken, so that whoever sends them can see
   * that this server is not ready and go elsewhere; then only those that have begun are waited for.
   */
  close(drainMilliseconds?: number): Promise<void>
}

/** Who hears of requests, and whether they may be sent here. */
export interface Observation {
  readonly observeRequest: ObserveRequest
  readonly readiness: () => Promise<Readiness>
}

/** How long requests that have begun may take after a stop was asked for. */
const STOP_TIMEOUT_MS = 25_000
/** Time for all of a request's header, for all of a request, and between two requests of one connection. */
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 30_000
const KEEP_ALIVE_TIMEOUT_MS = 15_000
const CHECKING_INTERVAL_MS = 1000
/** How often it is looked whether a server that stops is still in use. */
const LOOK_EVERY_MS = 50
const MAX_HEADER_BYTES = 16_384
const MAX_CONNECTIONS = 2000

/**
 * Binds `host` and `port` (0 lets the system choose) with bounds on header size, time and connections.
 * @throws OperatorError `port_in_use`, `address_unusable`
 */
export async function listen(address: {
  readonly host: string
  readonly port: number
}): Promise<HttpServer> {
  let listener: RequestListener = (_request, response) => {
    response.writeHead(503, { 'Retry-After': '1', 'Content-Type': 'application/json' })
    response.end('{"status":"starting"}')
  }
  let stopping = false
  const unanswered = new Set<ServerResponse>()
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      connectionsCheckingInterval: CHECKING_INTERVAL_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    (request, response) => {
      if (stopping) response.setHeader('Connection', 'close')
      unanswered.add(response)
      response.once('close', () => unanswered.delete(response))
      listener(request, response)
    },
  )
  server.maxConnections = MAX_CONNECTIONS
  await bind(server, address)
  const { port } = server.address() as AddressInfo
  const host = address.host.includes(':') ? `[${address.host}]` : address.host
  return {
    url: `http://${host}:${port}`,
    serve: (next) => {
      listener = next
    },
    isStopping: () => stopping,
    close: async (drainMilliseconds = 0) => {
      stopping = true
      for (const response of unanswered) {
        if (!response.headersSent) response.setHeader('Connection', 'close')
      }
      await untilUnused(server, drainMilliseconds)
      await closeGracefully(server)
    },
  }
}

/** Resolves with the name of the first SIGTERM or SIGINT; a second one ends the process at once. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(signal === 'SIGINT' ? 130 : 143)
        asked = true
        resolve(signal)
      })
    }
  })
}

/**
 * An Express application with what every server of ours does first: a request id, the caller's own where it is well-formed, that every log line of the request
 * carries, one line when it has ended without addresses of persons, numbers of it for `observation`, security headers,
 * `/healthz` and `/readyz`, and refusal of a host other than those of `origins`, because URLs in metadata and the `htu`
 * of DPoP proofs are made for these alone.
 */
export function openApplication(options: {
  readonly log: Log
  readonly random: Random
  readonly origins: readonly string[]
  /** Throws when the server cannot do its work. */
  readonly checkHealth: () => void | Promise<void>
  /** Whether some of it cannot be used yet; `/healthz` says so. */
  readonly isStarting?: () => boolean
  /** Without it nothing is counted, and there is no `/readyz`. */
  readonly observation?: Observation | undefined
}): Express {
  const { log, random, origins, observation } = options
  const hosts = new Set(origins.map((origin) => new URL(origin).host))
  const app = express()
  app.disable('x-powered-by').disable('etag')
  app.set('query parser', 'simple')
  app.locals.origin = origins[0]
  app.use((request, response, next) => {
    const id = requestId(request) ?? encodeBase64url(random(9))
    const begunAt = performance.now()
    const ended = observation?.observeRequest()
    response.locals.log = log
    response.set('X-Request-Id', id)
    response.on('close', () => {
      const { method } = request
      const route = routeOf(request)
      const status = response.writableFinished ? response.statusCode : 'aborted'
      ended?.({ method, route, status, seconds: (performance.now() - begunAt) / 1000 })
      inRequest(id, () => log.info({ method, route, status }, 'answered'))
    })
    inRequest(id, next)
  })
  app.use(
    helmet({
      contentSecurityPolicy: { useDefaults: false, directives: { 'default-src': ["'none'"] } },
      crossOriginResourcePolicy: { policy: 'cross-origin' },
    }),
  )
  // Before the host is looked at: a probe asks under any name.
  const early = [
    healthEndpoint(options),
    ...(observation ? [readinessEndpoint(observation.readiness)] : []),
  ]
  app.locals.endpoints = early
  app.use(routerOf(early))
  app.use((request, _response, next) => {
    if (!hosts.has(authorityOf(request) ?? '')) {
      throw new Problem('misdirected_host', 'use the address in the metadata')
    }
    next()
  })
  return app
}

/** The id that a caller gave a request, if it is one that a log can hold. */
function requestId(request: Request): string | undefined {
  return /^[A-Za-z0-9_-]{8,64}$/.exec(request.get('X-Request-Id') ?? '')?.[0]
}

/** The template of the route that took a request, such as `/sessions/:id`, never its path. */
function routeOf(request: Request): string {
  const path: unknown = request.route?.path
  return typeof path === 'string' ? path : '(none)'
}

/** Answers what no route took; mounted last, before the error renderer. */
export function refuseUnknownRoutes(app: Express): void {
  app.use(() => {
    throw new Problem('not_found', 'no endpoint has this method and path')
  })
}

async function bind(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port }, () => {
        server.off('error', reject)
        resolve()
      })
    })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
      throw new OperatorError('port_in_use', `port ${port} on ${host} is in use`, {
        cause: error,
        hint: 'stop the other program or set another port',
      })
    }
    throw new OperatorError('address_unusable', `cannot listen on ${host} port ${port}`, {
      cause: error,
    })
  }
}

/** Resolves when no connection is open, or when the time is over. */
async function untilUnused(server: Server, milliseconds: number): Promise<void> {
  const connections = promisify(server.getConnections).bind(server)
  for (let left = milliseconds; left > 0; left -= LOOK_EVERY_MS) {
    if ((await connections()) === 0) return
    await sleep(LOOK_EVERY_MS)
  }
}

async function closeGracefully(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  const sweep = setInterval(() => server.closeIdleConnections(), LOOK_EVERY_MS)
  const deadline = setTimeout(() => server.closeAllConnections(), STOP_TIMEOUT_MS)
  await closed
  clearInterval(sweep)
  clearTimeout(deadline)
}
