import { type Request, type Response, Router } from 'express'
import type { Clock, NumericDate } from '../../shared/clock.ts'
import { ProtocolError } from '../../shared/error.ts'
import { sha256Base64url } from '../../shared/hash.ts'
import { jsonBody } from '../../shared/http/body.http.ts'
import { renderErrors } from '../../shared/http/errors.http.ts'
import { credentialRequestSchema } from '../../shared/oid4vci/credential.ts'
import { notificationRequestSchema } from '../../shared/oid4vci/notification.ts'
import { Problem } from '../../shared/problem.ts'
import { parseMessage } from '../../shared/schema.ts'
import { admit } from './access-token.ts'
import type { AccessToken, AuthorizationServer } from './authorization-server.ts'
import { answerCredentialRequest, type CredentialEndpointDeps } from './credential.ts'
import type { Nonces } from './nonce.ts'

const MAX_BODY_BYTES = 65_536

/** The two endpoints that take an access token. OpenID4VCI 1.0 §8 and §11. */
export function credentialEndpoints(
  deps: CredentialEndpointDeps & {
    readonly authorizationServer: AuthorizationServer
    readonly dpopNonces: Nonces
    readonly clock: Clock
  },
): Router {
  const { issuer, store, dpopNonces, clock } = deps
  const admitted = (request: Request, response: Response, now: NumericDate) => {
    response.set('DPoP-Nonce', dpopNonces.create(now)).set('Cache-Control', 'no-store')
    return admit(
      {
        method: request.method,
        url: `${issuer}${request.path}`,
        authorization: request.headers.authorization,
        proofs: request.headersDistinct.dpop ?? [],
      },
      deps,
      now,
    ) satisfies Promise<AccessToken>
  }
  const router = Router()
  router.post('/credential', ...jsonBody(MAX_BODY_BYTES), async (request, response) => {
    const now = clock()
    const token = await admitted(request, response, now)
    const asked = parseMessage(credentialRequestSchema, request.body, 'invalid_credential_request')
    response.json(await answerCredentialRequest(token, asked, deps, now))
  })
  router.post('/notification', ...jsonBody(MAX_BODY_BYTES), async (request, response) => {
    const now = clock()
    const { sessionId } = await admitted(request, response, now)
    const { notification_id: id, event } = parseMessage(
      notificationRequestSchema,
      request.body,
      'invalid_notification_request',
    )
    if (!(await store.recordNotification(sessionId, sha256Base64url(id), event))) {
      throw new ProtocolError('invalid_notification_id', 'no delivery has this notification_id')
    }
    response.status(204).end()
  })
  router.use(
    (thrown: unknown, request: Request, _response: Response, next: (e: unknown) => void) => {
      next(asOwnError(thrown, request.path))
    },
  )
  router.use(renderErrors('resource'))
  return router
}

/** A body that is no JSON is the endpoint's own error here. OpenID4VCI 1.0 §8.3.1.2, §11.3. */
function asOwnError(thrown: unknown, path: string): unknown {
  if (!(thrown instanceof Problem) || thrown.code !== 'request_invalid') return thrown
  const isNotification = path.startsWith('/notification')
  return new ProtocolError(
    isNotification ? 'invalid_notification_request' : 'invalid_credential_request',
    thrown.message,
  )
}
