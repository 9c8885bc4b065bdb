import { isJsonObject, type Json, JsonError, type JsonObject, parseJson } from '../json.ts'
import { SdJwtError } from './error.ts'
import { MAX_SD_JWT_LENGTH, parseSdJwt, type SdJwt } from './parse.ts'
import { parseIssuerJwt } from './verify.ts'

/**
 * Reads an SD-JWT in the flattened or general JWS JSON serialization: disclosures and the key binding JWT stand in the
 * unprotected header of the first signature. That signature is the one that counts, because `sd_hash` covers it; which
 * of several has to verify is the application's decision (RFC 7515 §5.2), and what the others say is neither verified
 * nor used. The parts are what the compact serialization would carry, and so is everything that is verified. RFC 9901 §8.
 * @throws SdJwtError
 */
export function parseSdJwtJson(text: string): SdJwt {
  const object = parse(text)
  const { payload } = object
  const { protected: header, signature, unprotected } = firstSignature(object)
  if (typeof payload !== 'string') throw new SdJwtError('malformed', 'payload is not a string')
  const { disclosures = [], kb_jwt: keyBindingJwt } = unprotected
  if (!Array.isArray(disclosures) || !disclosures.every((one) => typeof one === 'string')) {
    throw new SdJwtError('malformed', 'disclosures is not an array of strings')
  }
  if (keyBindingJwt !== undefined && typeof keyBindingJwt !== 'string') {
    throw new SdJwtError('malformed', 'kb_jwt is not a string')
  }
  // Joined and parsed again, so that a part with a tilde in it cannot shift the others.
  const compact = [`${header}.${payload}.${signature}`, ...disclosures, keyBindingJwt ?? '']
  if (compact.some((part) => part.includes('~')) || keyBindingJwt === '') {
    throw new SdJwtError('malformed', 'a part is empty or holds a tilde')
  }
  const sdJwt = parseSdJwt(compact.join('~'))
  refuseRepeatedParameters(parseIssuerJwt(sdJwt).header, unprotected)
  return sdJwt
}

/** RFC 7515 §7.2.1: "the Header Parameter names in the two locations MUST be disjoint"; §4.1.11: `crit` is protected. */
function refuseRepeatedParameters(header: JsonObject, unprotected: JsonObject): void {
  for (const name of Object.keys(unprotected)) {
    if (Object.hasOwn(header, name) || name === 'crit') {
      throw new SdJwtError('malformed', 'header repeats a protected parameter or holds crit')
    }
  }
}

/** Renders an SD-JWT in the flattened JWS JSON serialization. RFC 9901 §8.1. @public no program sends it yet */
export function renderSdJwtJson({ issuerJwt, disclosures, keyBindingJwt }: SdJwt): JsonObject {
  const [header = '', payload = '', signature = ''] = issuerJwt.split('.')
  return {
    payload,
    protected: header,
    signature,
    header: { disclosures, ...(keyBindingJwt === undefined ? {} : { kb_jwt: keyBindingJwt }) },
  }
}

function parse(text: string): JsonObject {
  try {
    const value = parseJson(text, { maxLength: MAX_SD_JWT_LENGTH, maxDepth: 8 })
    if (isJsonObject(value)) return value
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause
    throw new SdJwtError('malformed', `sd-jwt: ${cause.message}`, { cause })
  }
  throw new SdJwtError('malformed', 'sd-jwt is not an object')
}

interface Signature {
  readonly protected: string
  readonly signature: string
  readonly unprotected: JsonObject
}

/** RFC 7515 §7.2.1: `signatures` and the members of the flattened form exclude each other. */
function firstSignature(object: JsonObject): Signature {
  if (!Object.hasOwn(object, 'signatures')) return readSignature(object)
  const { signatures } = object
  if (!Array.isArray(signatures) || Object.hasOwn(object, 'signature')) {
    throw new SdJwtError('malformed', 'signatures is not an array, or stands beside signature')
  }
  const [first, ...others] = (signatures as readonly Json[]).map(readSignature)
  if (!first) throw new SdJwtError('malformed', 'signatures is empty')
  // §8.3: "MUST be included in the first unprotected header and MUST NOT be present in any following"
  for (const { unprotected } of others) {
    if (Object.hasOwn(unprotected, 'disclosures') || Object.hasOwn(unprotected, 'kb_jwt')) {
      throw new SdJwtError('malformed', 'disclosures or kb_jwt is not in the first header')
    }
  }
  return first
}

function readSignature(value: Json): Signature {
  if (!isJsonObject(value)) throw new SdJwtError('malformed', 'a signature is not an object')
  const { protected: header, signature, header: unprotected = {} } = value
  if (typeof header !== 'string' || typeof signature !== 'string') {
    throw new SdJwtError('malformed', 'protected or signature is not a string')
  }
  if (!isJsonObject(unprotected)) throw new SdJwtError('malformed', 'header is not an object')
  return { protected: header, signature, unprotected }
}
