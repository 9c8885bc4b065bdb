import express, { type Express, type RequestHandler } from 'express'
import helmet from 'helmet'
import { z } from 'zod'
import { type Endpoint, endpoint, routerOf } from '../http/endpoint.http.ts'
import type { Metrics } from './metrics.ts'
import type { Readiness } from './readiness.ts'

/** Whether a server does its work. */
export interface Health {
  /** Throws when it does not. */
  readonly checkHealth: () => void | Promise<void>
  /** Whether some of it cannot be used yet. */
  readonly isStarting?: () => boolean
}

/** What the listener for whoever runs the program shows. */
export interface OperatorView extends Health {
  readonly metrics: Metrics
  readonly readiness: () => Promise<Readiness>
  /** What people sign in to, beside what machines read. */
  readonly pages?: RequestHandler | undefined
}

/**
 * `/metrics`, `/healthz` and `/readyz` on a listener of their own, which answers whoever reaches it: these ask for no key,
 * so it belongs on an address that only the operator's machines reach. Pages, where there are some, do ask.
 */
export function operatorApplication(view: OperatorView): Express {
  const app = express()
  app.disable('x-powered-by').disable('etag')
  app.use(helmet())
  app.get('/metrics', async (_request, response) => {
    const { contentType, text } = await view.metrics.render()
    response.set({ 'Cache-Control': 'no-store', 'Content-Type': contentType }).end(text)
  })
  app.use(routerOf([healthEndpoint(view), readinessEndpoint(view.readiness)]))
  if (view.pages) app.use(view.pages)
  app.use((_request, response) => {
    response.status(404).type('text/plain').send('not found\n')
  })
  return app
}

/** 200 while the server does its work, 503 otherwise; it never says why to a stranger. */
export function healthEndpoint({ checkHealth, isStarting }: Health): Endpoint {
  return endpoint({
    method: 'get',
    path: '/healthz',
    operationId: 'getHealth',
    tag: 'server',
    summary: 'Whether the server does its work',
    responses: {
      200: { description: 'It does', schema: z.strictObject({ status: z.literal('ok') }) },
      503: {
        description: 'It does not, or not yet',
        schema: z.strictObject({ status: z.enum(['starting', 'failing']) }),
      },
    },
    handle: async () => {
      try {
        await checkHealth()
      } catch {
        return { status: 503, body: { status: 'failing' } }
      }
      if (isStarting?.()) return { status: 503, body: { status: 'starting' } }
      return { status: 200, body: { status: 'ok' } }
    },
  })
}

const readinessSchema: z.ZodType<Readiness> = z
  .strictObject({
    status: z.enum(['ready', 'not ready', 'stopping']),
    checks: z.record(z.string(), z.enum(['ok', 'failing'])),
  })
  .meta({ id: 'Readiness' })

/** 200 while requests may be sent here; 503 with the names of the checks that fail, and from the moment a stop is asked for. */
export function readinessEndpoint(readiness: () => Promise<Readiness>): Endpoint {
  return endpoint({
    method: 'get',
    path: '/readyz',
    operationId: 'getReadiness',
    tag: 'server',
    summary: 'Whether requests may be sent here',
    responses: {
      200: { description: 'They may', schema: readinessSchema },
      503: { description: 'They may not', schema: readinessSchema },
    },
    handle: async () => {
      const body = await readiness()
      return { status: body.status === 'ready' ? 200 : 503, body }
    },
  })
}
