import { createPublicKey, type KeyObject } from 'node:crypto'
import { isJsonObject } from '../json.ts'
import type { EcPublicJwk, PublicJwk } from '../key/signer.ts'
import { JoseError } from './error.ts'

/** Members of private and symmetric keys. RFC 7518 §6.2.2, §6.3.2, §6.4.1. */
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/** 32 bytes in the one canonical base64url encoding: the last character carries four bits of data. */
const COORDINATE = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

/**
 * Where a JWK object remembers its key object. A property that is not enumerable costs the collector of garbage less
 * than an entry in a weak map, which matters for a fresh holder key in every presentation.
 */
const KEY_OBJECT = Symbol('key object')

interface Remembering {
  [KEY_OBJECT]?: KeyObject
}

/**
 * Takes a P-256 public key out of untrusted JSON: the exact members `kty`, `crv`, `x`, `y`, full-length canonical
 * coordinates and a point on the curve. Other public members (`kid`, `use`, `alg`) are dropped; a private or
 * symmetric member is refused, for whoever sent it has leaked it. RFC 7518 §6.2.1.
 * @throws JoseError
 */
export function parsePublicJwk(value: unknown): EcPublicJwk {
  if (!isJsonObject(value)) throw new JoseError('key_invalid', 'jwk is not an object')
  if (SECRET_MEMBERS.some((member) => Object.hasOwn(value, member))) {
    throw new JoseError('key_invalid', 'jwk has a private member')
  }
  const { kty, crv, x, y } = value
  if (kty !== 'EC' || crv !== 'P-256') {
    throw new JoseError('key_invalid', 'jwk is not a P-256 key')
  }
  if (
    typeof x !== 'string' ||
    typeof y !== 'string' ||
    !COORDINATE.test(x) ||
    !COORDINATE.test(y)
  ) {
    throw new JoseError('key_invalid', 'jwk coordinates are not 32 bytes in base64url')
  }
  const jwk: EcPublicJwk = { kty, crv, x, y }
  publicKeyObject(jwk)
  return jwk
}

/**
 * The key object of a public key, made once for each JWK object. OpenSSL checks that the point is on the curve.
 * @throws JoseError
 */
export function publicKeyObject(jwk: PublicJwk): KeyObject {
  const known = (jwk as Remembering)[KEY_OBJECT]
  if (known) return known
  try {
    const key = createPublicKey({ key: { ...jwk }, format: 'jwk' })
    if (Object.isExtensible(jwk)) Object.defineProperty(jwk, KEY_OBJECT, { value: key })
    return key
  } catch (cause) {
    throw new JoseError('key_invalid', 'jwk is not a point on its curve', { cause })
  }
}
