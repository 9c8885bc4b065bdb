import { z } from 'zod'
import { formBody } from '../../shared/http/body.http.ts'
import { type Endpoint, plainEndpoint } from '../../shared/http/endpoint.http.ts'
import { PRE_AUTHORIZED_CODE_GRANT } from '../../shared/oid4vci/offer.ts'
import { tokenResponseSchema } from '../../shared/oid4vci/token.ts'
import { ANONYMOUS_CLIENT, type AuthorizationServer } from './authorization-server.ts'

const MAX_FORM_BYTES = 16_384

/**
 * The token endpoint. A wallet may redeem a pre-authorized code without saying who it is, and the authorization server
 * needs a client, so it gets the anonymous one. OpenID4VCI 1.0 §6.1.
 */
export function tokenEndpoint(authorizationServer: AuthorizationServer): Endpoint {
  return plainEndpoint(
    {
      method: 'post',
      path: '/token',
      operationId: 'createToken',
      tag: 'wallet',
      summary: 'Redeem a pre-authorized code',
      specification: 'OpenID4VCI 1.0 §6',
      errors: 'oauth',
      body: {
        mediaType: 'application/x-www-form-urlencoded',
        schema: z.record(z.string(), z.string()),
        maxBytes: MAX_FORM_BYTES,
      },
      responses: { 200: { description: 'An access token', schema: tokenResponseSchema } },
    },
    ...formBody(MAX_FORM_BYTES),
    async (request, response) => {
      const { grant_type: grantType, client_id: clientId } = request.body
      if (grantType === PRE_AUTHORIZED_CODE_GRANT && clientId === undefined) {
        request.body = { ...request.body, client_id: ANONYMOUS_CLIENT }
      }
      await authorizationServer.answerTokenRequest(request, response)
    },
  )
}
