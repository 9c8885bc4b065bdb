import { type Response, Router } from 'express'
import type { ServerMetadata } from '../../shared/oauth/server-metadata.ts'
import type { IssuerMetadata } from '../../shared/oid4vci/issuer-metadata.ts'

/** Serves both metadata documents where wallets look for them. OpenID4VCI 1.0 §12.2.2, RFC 8414 §3. */
export function metadataEndpoints(documents: {
  readonly issuer: IssuerMetadata
  readonly server: ServerMetadata
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
  return router
}
