import { z } from 'zod'
import { encodeBase64url } from '../base64url.ts'
import type { NumericDate } from '../clock.ts'
import { ProtocolError } from '../error.ts'
import { sha256Base64url } from '../hash.ts'
import { parsePublicJwk } from '../jose/jwk.ts'
import { type ParsedJwt, parseJwt, signJwt, verifyJwtSignature } from '../jose/jws.ts'
import { jwkThumbprint } from '../jose/thumbprint.ts'
import type { Es256Signer } from '../key/signer.ts'
import type { Random } from '../random.ts'

const TYPE = 'dpop+jwt'
/** FAPI 2.0 §5.3.2.1: up to 10 seconds ahead must be taken, more than 60 refused. */
const MAX_AHEAD_SECONDS = 30
const MAX_AGE_SECONDS = 300

const claimsSchema = z.object({
  jti: z.string().min(1).max(256),
  htm: z.string().max(16),
  htu: z.string().max(2048),
  iat: z.number(),
  ath: z.string().max(64).optional(),
  nonce: z.string().max(256).optional(),
})

/** A DPoP proof whose signature and claims were checked. */
export interface DpopProof {
  /** RFC 7638 thumbprint of the key that signed, to compare with the one a token is bound to. */
  readonly jkt: string
  /** To be taken once for each `jkt`. RFC 9449 §11.1. */
  readonly jti: string
}

/** Makes the proof of one request; `accessToken` is given at a resource and never at the token endpoint. RFC 9449 §4.2. */
export function createDpopProof(options: {
  readonly method: string
  readonly url: string
  readonly nonce?: string | undefined
  readonly accessToken?: string | undefined
  readonly signer: Es256Signer
  readonly random: Random
  readonly now: NumericDate
}): Promise<string> {
  const { method, url, nonce, accessToken, signer, random, now } = options
  return signJwt({
    header: { typ: TYPE, jwk: { ...signer.publicJwk } },
    payload: {
      jti: encodeBase64url(random(16)),
      htm: method,
      htu: withoutQuery(url),
      iat: now,
      ...(nonce === undefined ? {} : { nonce }),
      ...(accessToken === undefined ? {} : { ath: sha256Base64url(accessToken) }),
    },
    signer,
  })
}

/**
 * Verifies the proof of one request to a resource, RFC 9449 §4.3: type, signature by the key in the header, method,
 * address, access token, nonce and age. It does NOT check that `jti` is new nor that the token is bound to `jkt`.
 * @throws ProtocolError `invalid_dpop_proof`, `use_dpop_nonce`
 */
export function verifyDpopProof(
  proof: string,
  expected: {
    readonly expectedMethod: string
    readonly expectedUrl: string
    readonly accessToken: string
    readonly isNonce: (nonce: string) => boolean
    readonly now: NumericDate
  },
): DpopProof {
  const { parsed, jkt } = verifyOwnKey(proof)
  const claims = claimsSchema.safeParse(parsed.payload)
  if (!claims.success) throw refuse('a required claim is missing or malformed')
  const { jti, htm, htu, iat, ath, nonce } = claims.data
  if (htm !== expected.expectedMethod) throw refuse('htm is not the method of the request')
  if (htu !== expected.expectedUrl) throw refuse('htu is not the address of the request')
  if (ath !== sha256Base64url(expected.accessToken)) throw refuse('ath is not of the access token')
  const age = expected.now - iat
  if (!(age >= -MAX_AHEAD_SECONDS && age <= MAX_AGE_SECONDS)) throw refuse('iat is not of now')
  if (nonce === undefined || !expected.isNonce(nonce)) {
    throw new ProtocolError('use_dpop_nonce', 'the DPoP proof needs the nonce of this answer')
  }
  return { jkt, jti }
}

/** The signature is checked with the key in the proof's own header; what that key may do is the caller's question. */
function verifyOwnKey(proof: string): { parsed: ParsedJwt; jkt: string } {
  try {
    const parsed = parseJwt(proof)
    if (parsed.header.typ !== TYPE) throw new Error('typ is not dpop+jwt')
    const jwk = parsePublicJwk(parsed.header.jwk)
    verifyJwtSignature(parsed, jwk)
    return { parsed, jkt: jwkThumbprint(jwk) }
  } catch (cause) {
    throw refuse('the DPoP proof is malformed or not signed by its own key', cause)
  }
}

function refuse(message: string, cause?: unknown): ProtocolError {
  return new ProtocolError('invalid_dpop_proof', message, { cause })
}

/** RFC 9449 §4.2 `htu`: "without query and fragment parts". */
function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}
