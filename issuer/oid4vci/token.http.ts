import { Router } from 'express'
import { formBody } from '../../shared/http/body.http.ts'
import { renderErrors } from '../../shared/http/errors.http.ts'
import { PRE_AUTHORIZED_CODE_GRANT } from '../../shared/oid4vci/offer.ts'
import { ANONYMOUS_CLIENT, type AuthorizationServer } from './authorization-server.ts'

const MAX_FORM_BYTES = 16_384

/**
 * The token endpoint. A wallet may redeem a pre-authorized code without saying who it is, and the authorization server
 * needs a client, so it gets the anonymous one. OpenID4VCI 1.0 §6.1.
 */
export function tokenEndpoint(authorizationServer: AuthorizationServer): Router {
  const router = Router()
  router.post('/token', ...formBody(MAX_FORM_BYTES), async (request, response) => {
    const { grant_type: grantType, client_id: clientId } = request.body
    if (grantType === PRE_AUTHORIZED_CODE_GRANT && clientId === undefined) {
      request.body = { ...request.body, client_id: ANONYMOUS_CLIENT }
    }
    await authorizationServer.answerTokenRequest(request, response)
  })
  router.use(renderErrors('oauth'))
  return router
}
