import { z } from 'zod'
import type { Clock } from '../../shared/clock.ts'
import { type Endpoint, endpoint } from '../../shared/http/endpoint.http.ts'
import { credentialOfferSchema } from '../../shared/oid4vci/offer.ts'
import { Problem } from '../../shared/problem.ts'
import type { IssuerStore } from '../store.ts'
import { offerAt } from './offer.ts'

/** Serves offers by reference to whoever has the address. OpenID4VCI 1.0 §4.1.3. */
export function offerEndpoint(deps: {
  readonly issuer: string
  readonly store: IssuerStore
  readonly clock: Clock
}): Endpoint {
  return endpoint({
    method: 'get',
    path: '/offers/{secret}',
    operationId: 'getCredentialOffer',
    tag: 'wallet',
    summary: 'Read an offer, until it is redeemed',
    specification: 'OpenID4VCI 1.0 §4.1.3',
    params: z.object({ secret: z.string().max(128) }),
    responses: { 200: { description: 'The offer', schema: credentialOfferSchema } },
    problems: ['not_found'],
    handle: async ({ params: { secret } }) => {
      const offer = await offerAt(secret, deps, deps.clock())
      if (offer === undefined) {
        throw new Problem('not_found', 'the offer was redeemed, has expired, or never was')
      }
      return { status: 200, body: offer }
    },
  })
}
