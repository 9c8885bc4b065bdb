import { decodeBase64url, encodeBase64url } from '../base64url.ts'
import { sha256Base64url } from '../hash.ts'
import { type Json, JsonError, parseJsonBytes } from '../json.ts'
import { SdJwtError } from './error.ts'

/** One disclosure with the digest that stands for it. `name` is absent for an array element. RFC 9901 §4.2. */
export interface Disclosure {
  readonly encoded: string
  readonly digest: string
  readonly name?: string
  readonly value: Json
}

/**
 * Reads a disclosure: canonical base64url over a JSON array of a salt, a name for an object property, and a value.
 * Whether it stands in the right kind of place is decided where its digest is found. RFC 9901 §4.2.1, §4.2.2, §4.2.3.
 * @throws SdJwtError
 */
export function parseDisclosure(encoded: string, maxDepth: number): Disclosure {
  const bytes = decodeBase64url(encoded)
  if (!bytes) throw new SdJwtError('disclosure_invalid', 'disclosure is not base64url')
  const array = parseArray(bytes, maxDepth)
  const digest = sha256Base64url(encoded)
  const [salt, second, third] = array
  if (typeof salt !== 'string') {
    throw new SdJwtError('disclosure_invalid', 'disclosure does not begin with a salt')
  }
  if (array.length === 2) return { encoded, digest, value: second as Json }
  if (array.length !== 3 || typeof second !== 'string') {
    throw new SdJwtError(
      'disclosure_invalid',
      'disclosure is not [salt, name, value] or [salt, value]',
    )
  }
  return { encoded, digest, name: second, value: third as Json }
}

/** Makes the disclosure of an object property; `salt` is base64url. RFC 9901 §4.2.1. */
export function encodeProperty(salt: string, name: string, value: Json): string {
  return encodeBase64url(`["${salt}",${JSON.stringify(name)},${JSON.stringify(value)}]`)
}

/** Makes the disclosure of an array element; `salt` is base64url. RFC 9901 §4.2.2. */
export function encodeElement(salt: string, value: Json): string {
  return encodeBase64url(`["${salt}",${JSON.stringify(value)}]`)
}

function parseArray(bytes: Uint8Array, maxDepth: number): readonly Json[] {
  try {
    const value = parseJsonBytes(bytes, { maxDepth })
    if (Array.isArray(value)) return value
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause
    throw new SdJwtError('disclosure_invalid', `disclosure: ${cause.message}`, { cause })
  }
  throw new SdJwtError('disclosure_invalid', 'disclosure is not an array')
}
