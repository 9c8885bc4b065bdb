import { type Response, Router } from 'express'
import type { JsonObject } from '../../shared/json.ts'
import type { ServerMetadata } from '../../shared/oauth/server-metadata.ts'
import type { IssuerMetadata } from '../../shared/oid4vci/issuer-metadata.ts'

/**
 * Serves both metadata documents where wallets look for them (OpenID4VCI 1.0 §12.2.2, RFC 8414 §3), and the metadata of
 * the credential type under its name (SD-JWT VC draft-13 §6.3).
 */
export function metadataEndpoints(documents: {
  readonly issuer: IssuerMetadata
  readonly server: ServerMetadata
  readonly types: Readonly<Record<string, JsonObject>>
}): Router {
  const serve = (response: Response, document: object): void => {
    response.set('Access-Control-Allow-Origin', '*').set('Cache-Control', 'public, max-age=300')
    response.json(document)
  }
  const router = Router()
  router.get('/.well-known/openid-credential-issuer', (_request, response) => {
    serve(response, documents.issuer)
  })
  router.get('/.well-known/oauth-authorization-server', (_request, response) => {
    serve(response, documents.server)
  })
  router.get('/types/:vct', (request, response, next) => {
    const { vct } = request.params
    if (!Object.hasOwn(documents.types, vct)) return next()
    serve(response, documents.types[vct] as JsonObject)
  })
  return router
}
