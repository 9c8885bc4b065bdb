import { isJsonObject, type Json, JsonError, type JsonObject, parseJson } from '../json.ts'
import { SdJwtError } from './error.ts'
import { MAX_SD_JWT_LENGTH, parseSdJwt, type SdJwt } from './parse.ts'

/**
 * Reads an SD-JWT in the flattened or general JWS JSON serialization: disclosures and the key binding JWT stand in the
 * unprotected header of the first signature, the one that is read here. The parts are what the compact serialization
 * would carry, and so are `sd_hash` and everything that is verified. RFC 9901 §8.
 * @throws SdJwtError
 */
export function parseSdJwtJson(text: string): SdJwt {
  const object = parse(text)
  const { payload } = object
  const { protected: header, signature, header: unprotected } = firstSignature(object)
  if (typeof payload !== 'string' || typeof header !== 'string' || typeof signature !== 'string') {
    throw new SdJwtError('malformed', 'payload, protected or signature is not a string')
  }
  if (!isJsonObject(unprotected)) throw new SdJwtError('malformed', 'header is not an object')
  const { disclosures, kb_jwt: keyBindingJwt } = unprotected
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
  return parseSdJwt(compact.join('~'))
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

/** RFC 7515 §7.2.1: `signatures` and the members of the flattened form exclude each other. */
function firstSignature(object: JsonObject): JsonObject {
  if (!Object.hasOwn(object, 'signatures')) return object
  const signatures: Json | undefined = object.signatures
  const [first, ...rest] = (Array.isArray(signatures) ? signatures : []) as readonly Json[]
  if (!isJsonObject(first) || Object.hasOwn(object, 'signature')) {
    throw new SdJwtError('malformed', 'signatures is not an array of objects')
  }
  // §8.1: "disclosures and kb_jwt … MUST be present only in the first unprotected header"
  for (const other of rest) {
    const header = isJsonObject(other) ? other.header : undefined
    if (
      isJsonObject(header) &&
      ['disclosures', 'kb_jwt'].some((name) => Object.hasOwn(header, name))
    ) {
      throw new SdJwtError(
        'malformed',
        'disclosures or kb_jwt stands in another header than the first',
      )
    }
  }
  return first
}
