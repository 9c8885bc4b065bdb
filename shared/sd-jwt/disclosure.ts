import { decodeBase64url, encodeBase64url } from '../base64url.ts'
import { sha256Base64url } from '../hash.ts'
import { type Json, JsonError, parseJsonBytes } from '../json.ts'
import { SdJwtError } from './error.ts'
import { ISSUER_JWT_LIMITS } from './parse.ts'

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
export function parseDisclosure(encoded: string): Disclosure {
  const bytes = decodeBase64url(encoded)
  if (!bytes) throw new SdJwtError('disclosure_invalid', 'disclosure is not base64url')
  const array = parseArray(bytes)
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

/** The JSON text of an object property's disclosure from JSON texts; `salt` is base64url. RFC 9901 §4.2.1. */
export function propertyText(salt: string, nameText: string, valueText: string): string {
  return `["${salt}",${nameText},${valueText}]`
}

/** The JSON text of an array element's disclosure from a JSON text; `salt` is base64url. RFC 9901 §4.2.2. */
export function elementText(salt: string, valueText: string): string {
  return `["${salt}",${valueText}]`
}

/** What white space, which may follow a JSON text (RFC 8259 §2), makes a length divisible by three. */
const PADDING = ['', '  ', ' ']

/**
 * Encodes disclosures from their JSON texts. Each is filled up to whole groups of three bytes, so that all are encoded
 * in one call and cut apart.
 */
export function encodeDisclosures(texts: readonly string[]): string[] {
  let filled = fillGroups(texts, (text) => text.length)
  const isAscii = Buffer.byteLength(filled.joined) === filled.joined.length
  if (!isAscii) filled = fillGroups(texts, Buffer.byteLength)
  const encoded = encodeBase64url(filled.joined)
  return filled.ends.map((end, index) => encoded.slice(filled.ends[index - 1] ?? 0, end))
}

/** The texts with their padding, and where each ends in base64url. */
function fillGroups(
  texts: readonly string[],
  lengthOf: (text: string) => number,
): { joined: string; ends: readonly number[] } {
  let joined = ''
  let length = 0
  const ends: number[] = []
  for (const text of texts) {
    const own = lengthOf(text)
    const padding = PADDING[own % 3] as string
    joined += text + padding
    length += own + padding.length
    ends.push((length / 3) * 4)
  }
  return { joined, ends }
}

function parseArray(bytes: Uint8Array): readonly Json[] {
  try {
    const value = parseJsonBytes(bytes, ISSUER_JWT_LIMITS)
    if (Array.isArray(value)) return value
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause
    throw new SdJwtError('disclosure_invalid', `disclosure: ${cause.message}`, { cause })
  }
  throw new SdJwtError('disclosure_invalid', 'disclosure is not an array')
}
