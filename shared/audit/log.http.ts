import { gzipSync } from 'node:zlib'
import type { Response } from 'express'
import { z } from 'zod'
import { type Endpoint, plainEndpoint } from '../http/endpoint.http.ts'
import type { AuditLog } from './log.ts'
import { parseTilePath } from './tile.ts'

const SPECIFICATION = 'C2SP tlog-tiles'

const tilePath = z.object({
  path: z.string().meta({
    description: 'Level and index with slashes, such as `0/x001/067` or `entries/000.p/5`.',
  }),
})

/**
 * The log, read-only, below `/log` as C2SP tlog-tiles says: no authentication, no cookie, any origin. Only what the
 * last published checkpoint covers is there.
 */
export function logEndpoints(log: AuditLog): readonly Endpoint[] {
  return [
    plainEndpoint(
      {
        method: 'get',
        path: '/log/checkpoint',
        operationId: 'getCheckpoint',
        tag: 'log',
        summary: 'The newest checkpoint',
        specification: SPECIFICATION,
        responses: {
          200: { description: 'A signed note', mediaType: 'text/plain' },
          404: { description: 'Nothing was published yet', mediaType: 'text/plain' },
        },
      },
      async (_request, response) => {
        const checkpoint = await log.checkpoint()
        if (checkpoint === undefined) return notFound(response)
        // "This endpoint is mutable, so its headers SHOULD prevent caching beyond a few seconds."
        open(response).set('Cache-Control', 'no-cache').type('text/plain; charset=utf-8')
        response.send(checkpoint)
      },
    ),
    plainEndpoint(
      {
        method: 'get',
        path: '/log/tile/{+path}',
        operationId: 'getTile',
        tag: 'log',
        summary: 'A tile of hashes, or a bundle of entries',
        specification: SPECIFICATION,
        params: tilePath,
        responses: {
          200: { description: 'The tile', mediaType: 'application/octet-stream' },
          404: {
            description: 'The last checkpoint does not cover it',
            mediaType: 'text/plain',
          },
        },
      },
      async (request, response) => {
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
      },
    ),
  ]
}

function open(response: Response): Response {
  return response.set('Access-Control-Allow-Origin', '*')
}

function notFound(response: Response): void {
  open(response).status(404).type('text/plain').send('not found\n')
}
