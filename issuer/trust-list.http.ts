import { type Response, Router } from 'express'
import type { IssuerStore } from './store.ts'

/**
 * Serves the signed trust list that the audit log names, and every earlier one by its digest, byte for byte, so that
 * whoever knows the log can learn whom to trust and when.
 */
export function trustListEndpoints(current: string, store: Pick<IssuerStore, 'trustList'>): Router {
  const router = Router()
  router.get('/trust-list', (_request, response) => {
    send(response, current, 'public, max-age=60')
  })
  router.get('/trust-list/:sha256', async (request, response) => {
    const archived = await store.trustList(request.params.sha256)
    if (archived === undefined) {
      response.status(404).type('text/plain').send('not found\n')
      return
    }
    send(response, archived, 'public, max-age=31536000, immutable')
  })
  return router
}

function send(response: Response, jwt: string, cacheControl: string): void {
  response.set('Access-Control-Allow-Origin', '*').set('Cache-Control', cacheControl)
  response.set('Content-Type', 'application/jwt').end(jwt)
}
