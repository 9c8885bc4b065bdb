import type { JsonLimits } from '../json.ts'
import { SdJwtError } from './error.ts'

/** The parts of an SD-JWT or SD-JWT+KB as they were sent. Nothing in them is verified. RFC 9901 §4. */
export interface SdJwt {
  readonly issuerJwt: string
  readonly disclosures: readonly string[]
  readonly keyBindingJwt?: string
}

/** Longest text that is read, in characters. */
export const MAX_SD_JWT_LENGTH: number = 1 << 20
/** Deepest nesting of claims, inside one disclosure and after all are put in their places. */
export const MAX_CLAIM_DEPTH = 16
/** Bounds of the issuer-signed JWT. */
export const ISSUER_JWT_LIMITS: JsonLimits = {
  maxLength: MAX_SD_JWT_LENGTH,
  maxDepth: MAX_CLAIM_DEPTH,
}
const MAX_DISCLOSURES = 512

/**
 * Takes the compact serialization apart: `<Issuer-signed JWT>~<Disclosure 1>~…~<Disclosure N>~[<KB-JWT>]`. The tilde
 * before an absent key binding JWT is required. RFC 9901 §4, §7.1 step 1.
 * @throws SdJwtError
 */
export function parseSdJwt(compact: string): SdJwt {
  if (compact.length > MAX_SD_JWT_LENGTH) throw new SdJwtError('too_large', 'sd-jwt is too long')
  const parts = compact.split('~', MAX_DISCLOSURES + 3)
  if (parts.length < 2) throw new SdJwtError('malformed', 'sd-jwt has no tilde after its jwt')
  if (parts.length > MAX_DISCLOSURES + 2) {
    throw new SdJwtError('too_large', 'sd-jwt has too many disclosures')
  }
  const issuerJwt = parts[0] as string
  const keyBindingJwt = parts[parts.length - 1] as string
  const disclosures = parts.slice(1, -1)
  if (issuerJwt === '' || disclosures.includes('')) {
    throw new SdJwtError('malformed', 'sd-jwt has an empty part')
  }
  return keyBindingJwt === ''
    ? { issuerJwt, disclosures }
    : { issuerJwt, disclosures, keyBindingJwt }
}
