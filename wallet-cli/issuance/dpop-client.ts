import type { Clock } from '../../shared/clock.ts'
import type { Fetch } from '../../shared/fetch.ts'
import { isJsonObject } from '../../shared/json.ts'
import type { Es256Signer } from '../../shared/key/signer.ts'
import { createDpopProof } from '../../shared/oauth/dpop.ts'
import type { Random } from '../../shared/random.ts'
import { type Answer, exchange, jsonOf } from '../http.ts'

/** The two servers that give nonces; the nonce endpoint speaks for the second. RFC 9449 §8, §9, OpenID4VCI 1.0 §7.2. */
export type DpopServer = 'authorization server' | 'resource server'

/** Sends requests whose sender is proven. RFC 9449. */
export interface DpopClient {
  /**
   * Posts with a fresh proof, and again with the nonce when the server asks for one. The token travels in the header
   * only. Redirects are refused.
   */
  post(server: DpopServer, url: string, request: DpopRequest): Promise<Answer>
  /** Posts without a proof, and keeps the nonce that the answer may bring. */
  postPlain(server: DpopServer, url: string): Promise<Answer>
}

/** A body with its media type, and the token that goes with it. */
export interface DpopRequest {
  readonly contentType: string
  readonly body: string
  readonly accessToken?: string
}

const MOST_NONCES = 2

/** One client for one issuance: one key, and the latest nonce of each server. */
export function dpopClient({
  fetch,
  signer,
  random,
  clock,
}: {
  readonly fetch: Fetch
  readonly signer: Es256Signer
  readonly random: Random
  readonly clock: Clock
}): DpopClient {
  const nonces = new Map<DpopServer, string>()
  const send = async (server: DpopServer, url: string, init: RequestInit): Promise<Answer> => {
    const answer = await exchange(fetch, url, { method: 'POST', redirect: 'error', ...init })
    const nonce = answer.headers.get('dpop-nonce')
    if (nonce !== null) nonces.set(server, nonce)
    return answer
  }
  return {
    post: async (server, url, { contentType, body, accessToken }) => {
      for (let attempt = 0; ; attempt++) {
        const proof = await createDpopProof({
          method: 'POST',
          url,
          nonce: nonces.get(server),
          accessToken,
          signer,
          random,
          now: clock(),
        })
        const answer = await send(server, url, {
          headers: {
            accept: 'application/json',
            'content-type': contentType,
            dpop: proof,
            ...(accessToken === undefined ? {} : { authorization: `DPoP ${accessToken}` }),
          },
          body,
        })
        if (!wantsNonce(answer) || attempt === MOST_NONCES) return answer
      }
    },
    postPlain: (server, url) => send(server, url, { headers: { accept: 'application/json' } }),
  }
}

/** An authorization server says it in the body, a resource in the challenge. RFC 9449 §8, §9. */
function wantsNonce(answer: Answer): boolean {
  if (answer.status !== 400 && answer.status !== 401) return false
  if (!answer.headers.has('dpop-nonce')) return false
  if (/error="use_dpop_nonce"/.test(answer.headers.get('www-authenticate') ?? '')) return true
  const body = jsonOf(answer)
  return isJsonObject(body) && body.error === 'use_dpop_nonce'
}
