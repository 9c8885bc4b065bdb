import { sha256Base64url } from '../hash.ts'
import type { PublicJwk } from '../key/signer.ts'

/** The JWK SHA-256 thumbprint in base64url: the required members in lexicographic order. RFC 7638 §3, RFC 8037 §2. */
export function jwkThumbprint(jwk: PublicJwk): string {
  return sha256Base64url(
    jwk.kty === 'EC'
      ? `{"crv":"${jwk.crv}","kty":"EC","x":"${jwk.x}","y":"${jwk.y}"}`
      : `{"crv":"${jwk.crv}","kty":"OKP","x":"${jwk.x}"}`,
  )
}
