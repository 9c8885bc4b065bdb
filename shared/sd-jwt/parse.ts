import { SdJwtError } from './error.ts'

/** The parts of an SD-JWT or SD-JWT+KB as they were sent. Nothing in them is verified. RFC 9901 §4. */
export interface SdJwt {
  readonly issuerJwt: string
  readonly disclosures: readonly string[]
  readonly keyBindingJwt?: string
}

/** Bounds that hold before anything is decoded. */
export interface SdJwtLimits {
  /** Longest text, in characters. */
  readonly maxLength: number
  readonly maxDisclosures: number
  /** Deepest nesting of claims, inside one disclosure and after all are put in their places. */
  readonly maxDepth: number
}

export const SD_JWT_LIMITS: SdJwtLimits = { maxLength: 1 << 20, maxDisclosures: 512, maxDepth: 16 }

/**
 * Takes the compact serialization apart: `<Issuer-signed JWT>~<Disclosure 1>~…~<Disclosure N>~[<KB-JWT>]`. The tilde
 * before an absent key binding JWT is required. RFC 9901 §4, §7.1 step 1.
 * @throws SdJwtError
 */
export function parseSdJwt(compact: string, limits: Partial<SdJwtLimits> = {}): SdJwt {
  const { maxLength, maxDisclosures } = { ...SD_JWT_LIMITS, ...limits }
  if (compact.length > maxLength) throw new SdJwtError('too_large', 'sd-jwt is too long')
  const parts = compact.split('~', maxDisclosures + 3)
  if (parts.length < 2) throw new SdJwtError('malformed', 'sd-jwt has no tilde after its jwt')
  if (parts.length > maxDisclosures + 2) {
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
