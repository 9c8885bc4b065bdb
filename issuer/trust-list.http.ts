import type { Response } from 'express'
import { z } from 'zod'
import { type Endpoint, plainEndpoint } from '../shared/http/endpoint.http.ts'
import type { IssuerStore } from './store.ts'

const JWT = 'application/jwt'

/**
 * The signed trust list that the audit log names, and every earlier one by its digest, byte for byte, so that whoever
 * knows the log can learn whom to trust and when.
 */
export function trustListEndpoints(
  current: string,
  store: Pick<IssuerStore, 'trustList'>,
): readonly Endpoint[] {
  return [
    plainEndpoint(
      {
        method: 'get',
        path: '/trust-list',
        operationId: 'getTrustList',
        tag: 'trust',
        summary: 'The signed trust list in force',
        responses: { 200: { description: 'A JWT', mediaType: JWT } },
      },
      (_request, response) => {
        send(response, current, 'public, max-age=60')
      },
    ),
    plainEndpoint(
      {
        method: 'get',
        path: '/trust-list/{sha256}',
        operationId: 'getArchivedTrustList',
        tag: 'trust',
        summary: 'An earlier trust list by its digest',
        params: z.object({ sha256: z.string().meta({ description: 'In base64url.' }) }),
        responses: {
          200: { description: 'A JWT', mediaType: JWT },
          404: { description: 'There was no such list', mediaType: 'text/plain' },
        },
      },
      async (request, response) => {
        const archived = await store.trustList(String(request.params.sha256))
        if (archived === undefined) {
          response.status(404).type('text/plain').send('not found\n')
          return
        }
        send(response, archived, 'public, max-age=31536000, immutable')
      },
    ),
  ]
}

function send(response: Response, jwt: string, cacheControl: string): void {
  response.set('Access-Control-Allow-Origin', '*').set('Cache-Control', cacheControl)
  response.set('Content-Type', JWT).end(jwt)
}
