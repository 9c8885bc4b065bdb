import type { Clock } from '../../shared/clock.ts'
import { type Endpoint, plainEndpoint } from '../../shared/http/endpoint.http.ts'
import { type NonceResponse, nonceResponseSchema } from '../../shared/oid4vci/nonce.ts'
import type { Nonces } from './nonce.ts'

/** The nonce endpoint; it also hands out the DPoP nonce of the credential endpoint. OpenID4VCI 1.0 §7. */
export function nonceEndpoint(deps: {
  readonly credentialNonces: Nonces
  readonly dpopNonces: Nonces
  readonly clock: Clock
}): Endpoint {
  const { credentialNonces, dpopNonces, clock } = deps
  return plainEndpoint(
    {
      method: 'post',
      path: '/nonce',
      operationId: 'createNonce',
      tag: 'wallet',
      summary: 'Get a `c_nonce` for key proofs',
      specification: 'OpenID4VCI 1.0 §7',
      responses: {
        200: {
          description: 'A nonce',
          schema: nonceResponseSchema,
          headers: { 'DPoP-Nonce': 'For the next DPoP proof at a resource.' },
        },
      },
    },
    (_request, response) => {
      const now = clock()
      const body: NonceResponse = { c_nonce: credentialNonces.create(now) }
      // "The Credential Issuer MUST make the response uncacheable".
      response.set('Cache-Control', 'no-store').set('DPoP-Nonce', dpopNonces.create(now)).json(body)
    },
  )
}
