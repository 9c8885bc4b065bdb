/** A public elliptic curve key as JWK, with no member beyond these. RFC 7518 §6.2.1. */
export interface EcPublicJwk {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
}

/** A public Edwards curve key as JWK, with no member beyond these. RFC 8037 §2. */
export interface OkpPublicJwk {
  readonly kty: 'OKP'
  readonly crv: 'Ed25519'
  readonly x: string
}

export type PublicJwk = EcPublicJwk | OkpPublicJwk

/**
 * Signs with one private key that never leaves the implementation. Two implementations are real: a software key and
 * a PKCS#11 token. `sign` answers the raw signature of JOSE: R‖S of 64 bytes for ES256 (RFC 7518 §3.4), 64 bytes
 * for Ed25519 (RFC 8032 §5.1.6).
 */
export interface Signer<Key extends PublicJwk = PublicJwk> {
  readonly alg: Key extends EcPublicJwk ? 'ES256' : 'Ed25519'
  readonly publicJwk: Key
  sign(data: Uint8Array): Promise<Uint8Array>
}

export type Es256Signer = Signer<EcPublicJwk>
export type Ed25519Signer = Signer<OkpPublicJwk>
