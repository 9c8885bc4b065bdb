import type { Response } from 'express'
import { z } from 'zod'
import { type Endpoint, plainEndpoint } from '../../shared/http/endpoint.http.ts'
import type { JsonObject } from '../../shared/json.ts'
import { type ServerMetadata, serverMetadataSchema } from '../../shared/oauth/server-metadata.ts'
import { type IssuerMetadata, issuerMetadataSchema } from '../../shared/oid4vci/issuer-metadata.ts'
import { Problem } from '../../shared/problem.ts'

/**
 * Both metadata documents where wallets look for them (OpenID4VCI 1.0 §12.2.2, RFC 8414 §3), and the metadata of the
 * credential type under its name (SD-JWT VC draft-13 §6.3).
 */
export function metadataEndpoints(documents: {
  readonly issuer: IssuerMetadata
  readonly server: ServerMetadata
  readonly types: Readonly<Record<string, JsonObject>>
}): readonly Endpoint[] {
  const serve = (response: Response, document: object): void => {
    response.set('Access-Control-Allow-Origin', '*').set('Cache-Control', 'public, max-age=300')
    response.json(document)
  }
  return [
    plainEndpoint(
      {
        method: 'get',
        path: '/.well-known/openid-credential-issuer',
        operationId: 'getCredentialIssuerMetadata',
        tag: 'wallet',
        summary: 'What is issued, and how',
        specification: 'OpenID4VCI 1.0 §12.2',
        responses: { 200: { description: 'Metadata', schema: issuerMetadataSchema } },
      },
      (_request, response) => serve(response, documents.issuer),
    ),
    plainEndpoint(
      {
        method: 'get',
        path: '/.well-known/oauth-authorization-server',
        operationId: 'getAuthorizationServerMetadata',
        tag: 'wallet',
        summary: 'How a token is had',
        specification: 'RFC 8414 §3',
        responses: { 200: { description: 'Metadata', schema: serverMetadataSchema } },
      },
      (_request, response) => serve(response, documents.server),
    ),
    plainEndpoint(
      {
        method: 'get',
        path: '/types/{vct}',
        operationId: 'getTypeMetadata',
        tag: 'wallet',
        summary: 'Metadata of a credential type',
        specification: 'SD-JWT VC draft-13 §6.3',
        params: z.object({ vct: z.string() }),
        responses: {
          200: { description: 'Metadata', schema: z.record(z.string(), z.unknown()) },
        },
        problems: ['not_found'],
      },
      (request, response) => {
        const vct = String(request.params.vct)
        if (!Object.hasOwn(documents.types, vct)) {
          throw new Problem('not_found', 'no credential of this type is issued here')
        }
        serve(response, documents.types[vct] as JsonObject)
      },
    ),
  ]
}
