import type { Request, Response } from 'express'
import type { Clock, NumericDate } from '../../shared/clock.ts'
import { type ProtocolCode, ProtocolError } from '../../shared/error.ts'
import { sha256Base64url } from '../../shared/hash.ts'
import { jsonBody } from '../../shared/http/body.http.ts'
import { type Endpoint, plainEndpoint } from '../../shared/http/endpoint.http.ts'
import {
  credentialRequestSchema,
  credentialResponseSchema,
} from '../../shared/oid4vci/credential.ts'
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
): readonly Endpoint[] {
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
  const resource = {
    method: 'post',
    tag: 'wallet',
    security: { scheme: 'accessToken' },
    errors: 'resource',
  } as const
  return [
    plainEndpoint(
      {
        ...resource,
        path: '/credential',
        operationId: 'createCredential',
        summary: 'Have one copy issued for each key proof',
        specification: 'OpenID4VCI 1.0 §8',
        body: { schema: credentialRequestSchema, maxBytes: MAX_BODY_BYTES },
        responses: { 200: { description: 'The copies', schema: credentialResponseSchema } },
        asOwn: asOwn('invalid_credential_request'),
      },
      ...jsonBody(MAX_BODY_BYTES),
      async (request, response) => {
        const now = clock()
        const token = await admitted(request, response, now)
        const asked = parseMessage(
          credentialRequestSchema,
          request.body,
          'invalid_credential_request',
        )
        response.json(await answerCredentialRequest(token, asked, deps, now))
      },
    ),
    plainEndpoint(
      {
        ...resource,
        path: '/notification',
        operationId: 'notifyIssuer',
        summary: 'Tell what became of a delivery',
        specification: 'OpenID4VCI 1.0 §11',
        body: { schema: notificationRequestSchema, maxBytes: MAX_BODY_BYTES },
        responses: { 204: { description: 'It was recorded' } },
        asOwn: asOwn('invalid_notification_request'),
      },
      ...jsonBody(MAX_BODY_BYTES),
      async (request, response) => {
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
      },
    ),
  ]
}

/** A body that is no JSON is the endpoint's own error here. OpenID4VCI 1.0 §8.3.1.2, §11.3. */
function asOwn(code: ProtocolCode): (thrown: unknown) => unknown {
  return (thrown) =>
    thrown instanceof Problem && thrown.code === 'request_invalid'
      ? new ProtocolError(code, thrown.message)
      : thrown
}
