import type { NumericDate } from '../../shared/clock.ts'
import { ProtocolError } from '../../shared/error.ts'
import type { Fetch } from '../../shared/fetch.ts'
import type { VerifiedRequest } from '../../shared/oid4vp/request.ts'
import {
  encryptResponse,
  parseAcknowledgement,
  type VpToken,
} from '../../shared/oid4vp/response.ts'
import type { Random } from '../../shared/random.ts'
import type { ClaimPath } from '../../shared/sd-jwt/claim-path.ts'
import { presentSdJwt } from '../../shared/sd-jwt/present.ts'
import { WalletError } from '../error.ts'
import { type Answer, exchange, jsonOf } from '../http.ts'
import type { HolderCopy } from '../vault/vault.ts'

/** A copy, the query that it answers, and what to disclose of it. */
export interface AnsweringCopy {
  readonly queryId: string
  readonly disclose: readonly ClaimPath[]
  readonly copy: HolderCopy
}

/**
 * Builds the presentations: exactly the disclosures that were chosen, bound by the copy's key to this request's nonce
 * and to the whole client identifier as audience. RFC 9901 §7.2, OpenID4VP 1.0 §8.1, Appendix B.3.6.
 */
export async function buildVpToken(
  { clientId, request }: VerifiedRequest,
  answers: readonly AnsweringCopy[],
  now: NumericDate,
): Promise<VpToken> {
  const entries = await Promise.all(
    answers.map(async ({ queryId, disclose, copy }) => {
      const presentation = await presentSdJwt({
        sdJwt: copy.compact,
        disclose,
        keyBinding: { signer: copy.holder, audience: clientId, nonce: request.nonce, now },
      })
      return [queryId, [presentation]] as const
    }),
  )
  return Object.fromEntries(entries)
}

/**
 * Posts the encrypted answer to the response URI of the signed request. Answers where the verifier wants the worker to
 * go next. Redirects are not followed: they could carry the answer elsewhere. OpenID4VP 1.0 §8.2, §8.3.1.
 * @throws WalletError `verifier_refused` when it was delivered and not taken, `not_reachable` when it may have arrived
 */
export async function postResponse(
  fetch: Fetch,
  { request, encryption }: VerifiedRequest,
  vpToken: VpToken,
  random: Random,
): Promise<{ readonly redirectUri: string | undefined }> {
  const response = await encryptResponse(
    { vpToken, state: request.state },
    { ...encryption, random },
  )
  const answer = await post(fetch, request.response_uri, { response })
  if (answer.status !== 200) {
    throw new WalletError('verifier_refused', `the answer was not taken (HTTP ${answer.status})`, {
      hint: 'ask for a new request; they would get the same copy again',
    })
  }
  return { redirectUri: redirectUriIn(answer) }
}

/** Tells the verifier no, without saying whether for want of consent or of a credential. OpenID4VP 1.0 §8.5, §15.9. */
export async function postRefusal(fetch: Fetch, { request }: VerifiedRequest): Promise<void> {
  const { state, response_uri: uri } = request
  await post(fetch, uri, {
    error: 'access_denied',
    ...(state === undefined ? {} : { state }),
  })
}

function post(fetch: Fetch, url: string, form: Record<string, string>): Promise<Answer> {
  return exchange(fetch, url, {
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
    redirect: 'error',
  })
}

function redirectUriIn(answer: Answer): string | undefined {
  const body = jsonOf(answer)
  if (body === undefined) return undefined
  try {
    return parseAcknowledgement(body).redirectUri
  } catch (error) {
    if (error instanceof ProtocolError) return undefined // it was taken; where to go next cannot be read
    throw error
  }
}
