import { gzipSync } from 'node:zlib'
import { type Response, Router } from 'express'
import type { AuditLog } from './log.ts'
import { parseTilePath } from './tile.ts'

/**
 * Serves the log read-only below `/log` as C2SP tlog-tiles says: no authentication, no cookie, any origin. Only what
 * the last published checkpoint covers is there.
 */
export function logRouter(log: AuditLog): Router {
  const router = Router()
  router.get('/log/checkpoint', async (_request, response) => {
    const checkpoint = await log.checkpoint()
    if (checkpoint === undefined) return notFound(response)
    // "This endpoint is mutable, so its headers SHOULD prevent caching beyond a few seconds."
    open(response).set('Cache-Control', 'no-cache').type('text/plain; charset=utf-8')
    response.send(checkpoint)
  })
  router.get('/log/tile/*path', async (request, response) => {
    const name = parseTilePath(request.path.slice('/log/'.length))
    if (name === undefined) return notFound(response)
    const { level, index, width } = name
    const bytes =
      level === 'entries'
        ? await log.entryBundle(index, width)
        : await log.tile(level, index, width)
    if (bytes === undefined) return notFound(response)
    open(response).set('Cache-Control', 'public, max-age=31536000, immutable')
    response.type('application/octet-stream')
    // "Entry bundles SHOULD be compressed at the HTTP layer."
    if (level !== 'entries') return void response.send(bytes)
    response.vary('Accept-Encoding')
    if (!request.acceptsEncodings('gzip')) return void response.send(bytes)
    response.set('Content-Encoding', 'gzip').send(gzipSync(bytes))
  })
  return router
}

function open(response: Response): Response {
  return response.set('Access-Control-Allow-Origin', '*')
}

function notFound(response: Response): void {
  open(response).status(404).type('text/plain').send('not found\n')
}
