import { z } from 'zod'
import type { NumericDate } from '../clock.ts'
import { ProtocolError } from '../error.ts'
import { parsePublicJwk } from '../jose/jwk.ts'
import { type ParsedJwt, parseJwt, signJwt, verifyJwtSignature } from '../jose/jws.ts'
import { jwkThumbprint } from '../jose/thumbprint.ts'
import type { EcPublicJwk, Es256Signer } from '../key/signer.ts'

const TYPE = 'openid4vci-proof+jwt'
const MAX_AHEAD_SECONDS = 30
const MAX_AGE_SECONDS = 300

const claimsSchema = z.object({
  iss: z.string().max(2048).optional(),
  aud: z.string().max(2048),
  iat: z.number(),
  nonce: z.string().max(1024).optional(),
})

/** A holder key whose possession was proven just now. */
export interface ProvenKey {
  readonly jwk: EcPublicJwk
  /** RFC 7638 thumbprint. */
  readonly jkt: string
  readonly nonce: string
}

/** Makes the proof that the wallet holds one key; `iss` stays out for an anonymous wallet. OpenID4VCI 1.0 Appendix F.1. */
export function createKeyProof(options: {
  readonly issuer: string
  readonly nonce: string
  readonly signer: Es256Signer
  readonly now: NumericDate
}): Promise<string> {
  const { issuer, nonce, signer, now } = options
  return signJwt({
    header: { typ: TYPE, jwk: { ...signer.publicJwk } },
    payload: { aud: issuer, iat: now, nonce },
    signer,
  })
}

/**
 * Verifies one `jwt` key proof as OpenID4VCI 1.0 Appendix F.4 lists it. It does NOT check that the nonce was not used
 * before with this key.
 * @throws ProtocolError `invalid_proof`, `invalid_nonce`
 */
export function verifyKeyProof(
  proof: unknown,
  expected: {
    readonly expectedIssuer: string
    readonly expectedClientId: string | undefined
    readonly isNonce: (nonce: string) => boolean
    readonly now: NumericDate
  },
): ProvenKey {
  const { parsed, jwk } = verifyOwnKey(proof)
  const claims = claimsSchema.safeParse(parsed.payload)
  if (!claims.success) throw refuse('a required claim of the key proof is missing or malformed')
  const { iss, aud, iat, nonce } = claims.data
  if (aud !== expected.expectedIssuer) throw refuse('aud is not this issuer')
  if (iss !== undefined && iss !== expected.expectedClientId) {
    throw refuse('iss is not the client of the access token')
  }
  const age = expected.now - iat
  if (!(age >= -MAX_AHEAD_SECONDS && age <= MAX_AGE_SECONDS)) throw refuse('iat is not of now')
  if (nonce === undefined) throw refuse('the key proof has no nonce')
  if (!expected.isNonce(nonce)) {
    throw new ProtocolError('invalid_nonce', 'get a new c_nonce from the nonce endpoint')
  }
  return { jwk, jkt: jwkThumbprint(jwk), nonce }
}

/** Exactly one of `jwk`, `kid`, `x5c`: this profile takes `jwk` alone, and no private member in it. */
function verifyOwnKey(proof: unknown): { parsed: ParsedJwt; jwk: EcPublicJwk } {
  try {
    if (typeof proof !== 'string') throw new Error('not a text')
    const parsed = parseJwt(proof)
    const { typ, kid, x5c } = parsed.header
    if (typ !== TYPE) throw new Error('typ is not openid4vci-proof+jwt')
    if (kid !== undefined || x5c !== undefined) throw new Error('another key reference than jwk')
    const jwk = parsePublicJwk(parsed.header.jwk)
    verifyJwtSignature(parsed, jwk)
    return { parsed, jwk }
  } catch (cause) {
    throw refuse('the key proof is malformed or not signed by the key in its header', cause)
  }
}

function refuse(message: string, cause?: unknown): ProtocolError {
  return new ProtocolError('invalid_proof', message, { cause })
}
