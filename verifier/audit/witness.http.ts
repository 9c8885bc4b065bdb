import type { RequestListener } from 'node:http'
import express, { type ErrorRequestHandler, Router } from 'express'
import { sha256Hex } from '../../shared/hash.ts'
import type { Witness } from './witness.ts'

const MAX_BODY = 1 << 17

/** Serves a witness under one prefix for submission and monitoring. C2SP tlog-witness, "HTTP Interface". */
export function witnessRouter(witness: Witness): Router {
  const router = Router()
  const text = express.text({ type: () => true, limit: MAX_BODY })
  router.post('/add-checkpoint', text, async (request, response) => {
    const body = typeof request.body === 'string' ? request.body : ''
    const answer = await witness.addCheckpoint(body)
    response.status(answer.status)
    // Express would add a charset, and C2SP tlog-witness names the type without one.
    response.setHeader('Content-Type', answer.status === 409 ? 'text/x.tlog.size' : 'text/plain')
    response.end(answer.body)
  })
  router.get('/:origin/checkpoint', async (request, response) => {
    const log = witness.logs.find(({ name }) => sha256Hex(name) === request.params.origin)
    const checkpoint = log === undefined ? undefined : await witness.checkpoint(log.name)
    if (checkpoint === undefined) response.status(404).type('text/plain').end('not found\n')
    else response.type('text/plain; charset=utf-8').end(checkpoint)
  })
  return router
}

/** A server with nothing but a witness. What goes wrong inside is told to nobody outside. */
export function witnessApplication(
  witness: Witness,
  report: (error: unknown) => void,
): RequestListener {
  const app = express().disable('x-powered-by').disable('etag')
  app.use(witnessRouter(witness))
  app.use(((error, _request, response, next) => {
    if (response.headersSent) {
      next(error)
      return
    }
    const { status } = error as { status?: number }
    if (status === undefined || status >= 500) report(error)
    response
      .status(status ?? 500)
      .type('text/plain')
      .end('refused\n')
  }) satisfies ErrorRequestHandler)
  return app
}
