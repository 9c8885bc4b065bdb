import { Router } from 'express'
import type { Clock } from '../../shared/clock.ts'
import { Problem } from '../../shared/problem.ts'
import type { IssuerStore } from '../store.ts'
import { offerAt } from './offer.ts'

/** Serves offers by reference to whoever has the address. OpenID4VCI 1.0 §4.1.3. */
export function offerEndpoint(deps: {
  readonly issuer: string
  readonly store: IssuerStore
  readonly clock: Clock
}): Router {
  return Router().get('/offers/:secret', async (request, response) => {
    const offer = await offerAt(request.params.secret, deps, deps.clock())
    if (offer === undefined) {
      throw new Problem('not_found', 'the offer was redeemed, has expired, or never was')
    }
    response.set('Cache-Control', 'no-store').json(offer)
  })
}
