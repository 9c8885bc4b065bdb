import { Router } from 'express'
import type { Clock } from '../../shared/clock.ts'
import type { NonceResponse } from '../../shared/oid4vci/nonce.ts'
import type { Nonces } from './nonce.ts'

/** The nonce endpoint; it also hands out the DPoP nonce of the credential endpoint. OpenID4VCI 1.0 §7. */
export function nonceEndpoint(deps: {
  readonly credentialNonces: Nonces
  readonly dpopNonces: Nonces
  readonly clock: Clock
}): Router {
  const { credentialNonces, dpopNonces, clock } = deps
  return Router().post('/nonce', (_request, response) => {
    const now = clock()
    const body: NonceResponse = { c_nonce: credentialNonces.create(now) }
    // "The Credential Issuer MUST make the response uncacheable".
    response.set('Cache-Control', 'no-store').set('DPoP-Nonce', dpopNonces.create(now)).json(body)
  })
}
