import express, { type Express, type RequestHandler } from 'express'
import helmet from 'helmet'
import type { Metrics } from './metrics.ts'
import type { Readiness } from './readiness.ts'

/** Whether a server does its work. */
export interface Health {
  /** Throws when it does not. */
  readonly checkHealth: () => void
  /** Whether some of it cannot be used yet. */
  readonly isStarting?: () => boolean
}

/** What the listener for whoever runs the program shows. */
export interface OperatorView extends Health {
  readonly metrics: Metrics
  readonly readiness: () => Promise<Readiness>
}

/**
 * `/metrics`, `/healthz` and `/readyz` on a listener of their own, which answers whoever reaches it: it has no keys, so
 * it belongs on an address that only the operator's machines reach.
 */
export function operatorApplication(view: OperatorView): Express {
  const app = express()
  app.disable('x-powered-by').disable('etag')
  app.use(helmet())
  app.get('/metrics', async (_request, response) => {
    const { contentType, text } = await view.metrics.render()
    response.set({ 'Cache-Control': 'no-store', 'Content-Type': contentType }).end(text)
  })
  app.get('/healthz', healthEndpoint(view))
  app.get('/readyz', readinessEndpoint(view.readiness))
  app.use((_request, response) => {
    response.status(404).type('text/plain').send('not found\n')
  })
  return app
}

/** 200 while the server does its work, 503 otherwise; it never says why to a stranger. */
export function healthEndpoint({ checkHealth, isStarting }: Health): RequestHandler {
  return (_request, response) => {
    response.set('Cache-Control', 'no-store')
    try {
      checkHealth()
      if (isStarting?.()) response.status(503).json({ status: 'starting' })
      else response.json({ status: 'ok' })
    } catch {
      response.status(503).json({ status: 'failing' })
    }
  }
}

/** 200 while requests may be sent here; 503 with the names of the checks that fail, and from the moment a stop is asked for. */
export function readinessEndpoint(readiness: () => Promise<Readiness>): RequestHandler {
  return async (_request, response) => {
    const answer = await readiness()
    response.set('Cache-Control', 'no-store')
    response.status(answer.status === 'ready' ? 200 : 503).json(answer)
  }
}
