import type { NumericDate } from '../../shared/clock.ts'
import { ProtocolError } from '../../shared/error.ts'
import { sha256Base64url } from '../../shared/hash.ts'
import { verifyDpopProof } from '../../shared/oauth/dpop.ts'
import type { IssuerStore } from '../store.ts'
import type { AccessToken, AuthorizationServer } from './authorization-server.ts'
import { NONCE_MARK_SECONDS, type Nonces } from './nonce.ts'

/**
 * Admits a request to a protected resource: exactly one DPoP proof for this request and token, with a nonce of ours, by
 * the key that the token is bound to, never seen before. RFC 9449 §7.1; a token in another place or of another scheme is
 * not looked at (FAPI 2.0 §5.3.4).
 * @throws ProtocolError `invalid_token`, `invalid_dpop_proof`, `use_dpop_nonce`
 */
export async function admit(
  request: {
    readonly method: string
    readonly url: string
    readonly authorization: string | undefined
    readonly proofs: readonly string[]
  },
  deps: {
    readonly authorizationServer: AuthorizationServer
    readonly store: IssuerStore
    readonly dpopNonces: Nonces
  },
  now: NumericDate,
): Promise<AccessToken> {
  const value = /^DPoP ([A-Za-z0-9\-._~+/]{1,512}=*)$/i.exec(request.authorization ?? '')?.[1]
  if (value === undefined) throw new ProtocolError('invalid_token', 'a DPoP access token is needed')
  const [proof] = request.proofs
  if (proof === undefined || request.proofs.length > 1) {
    throw new ProtocolError('invalid_dpop_proof', 'exactly one DPoP header is needed')
  }
  const { jkt, jti } = verifyDpopProof(proof, {
    expectedMethod: request.method,
    expectedUrl: request.url,
    accessToken: value,
    isNonce: (nonce) => deps.dpopNonces.isOurs(nonce, now),
    now,
  })
  const token = await deps.authorizationServer.accessToken(value)
  if (token === undefined) throw new ProtocolError('invalid_token', 'the access token is not valid')
  if (token.jkt !== jkt) {
    throw new ProtocolError('invalid_token', 'the access token is bound to another key')
  }
  const id = sha256Base64url(`dpop/${jkt}/${jti}`)
  if (!(await deps.store.useOnce({ id, expiresAt: now + NONCE_MARK_SECONDS }, now))) {
    throw new ProtocolError('invalid_dpop_proof', 'jti was used before')
  }
  return token
}
