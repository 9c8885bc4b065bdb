import type { NumericDate } from '../clock.ts'
import { sha256Base64url } from '../hash.ts'
import { JoseError } from '../jose/error.ts'
import { parsePublicJwk } from '../jose/jwk.ts'
import {
  CLOCK_TOLERANCE,
  checkTimes,
  type ParsedJwt,
  parseJwt,
  verifyJwtSignature,
} from '../jose/jws.ts'
import { isJsonObject, type JsonObject } from '../json.ts'
import type { EcPublicJwk, PublicJwk } from '../key/signer.ts'
import type { ConcretePath } from './claim-path.ts'
import { parseDisclosure } from './disclosure.ts'
import { SdJwtError, type SdJwtErrorCode } from './error.ts'
import { NEVER_DISCLOSED } from './never-disclosed.ts'
import { ISSUER_JWT_LIMITS, parseSdJwt, type SdJwt } from './parse.ts'
import { processClaims } from './process.ts'

/** What a key binding JWT must say to be one for this verifier, this transaction and this moment. RFC 9901 §7.3. */
export interface KeyBindingExpectation {
  readonly expectedAudience: string
  readonly expectedNonce: string
  readonly maxAgeSeconds: number
}

/** The verifier's own policy, never taken from what arrived. RFC 9901 §7.3 step 1. */
export type KeyBindingPolicy = KeyBindingExpectation | 'not_required'

/** How an SD-JWT is judged. */
export interface SdJwtExpectation {
  readonly issuerKey: PublicJwk
  readonly now: NumericDate
  readonly keyBinding: KeyBindingPolicy
  /** Claims that must be present after processing, such as `exp`. RFC 9901 §7.1 step 6. */
  readonly requiredClaims?: readonly string[]
  /** Top-level claims that no disclosure may make or reach into. */
  readonly neverDisclosed?: ReadonlySet<string>
  /** The holder's key where `cnf` names it by another way than `jwk` and the caller resolved it. RFC 7800 §3.4. */
  readonly resolvedHolderKey?: EcPublicJwk | undefined
}

/** An SD-JWT that passed every step. */
export interface VerifiedSdJwt {
  readonly header: JsonObject
  /** As an application reads them: disclosures in place, digests gone. */
  readonly claims: JsonObject
  /** Where the disclosed values stand in `claims`. */
  readonly disclosedPaths: readonly ConcretePath[]
  readonly issuerJwt: string
  /** The key of `cnf.jwk`, when there is one. With key binding required, it signed the key binding JWT. */
  readonly holderKey?: EcPublicJwk
  /** The claims of the verified key binding JWT. */
  readonly keyBinding?: JsonObject
}

/**
 * Verifies an SD-JWT or SD-JWT+KB under the issuer's key: RFC 9901 §7.1 and §7.3 in full, with `exp`, `nbf` and `cnf`
 * never disclosable (§9.7) and sha-256 the only digest. Where key binding is not required, a key binding JWT is refused
 * and not ignored. Does not check who the issuer is, nor `typ`, `aud` or `status`.
 * @throws SdJwtError
 */
export function verifySdJwt(compact: string, expectation: SdJwtExpectation): VerifiedSdJwt {
  const sdJwt = parseSdJwt(compact)
  return verifyParsedSdJwt(sdJwt, parseIssuerJwt(sdJwt), expectation)
}

/** Takes the issuer-signed JWT apart. Nothing is verified. @throws SdJwtError */
export function parseIssuerJwt({ issuerJwt }: SdJwt): ParsedJwt {
  return asSdJwtError('issuer-signed jwt', () => parseJwt(issuerJwt, ISSUER_JWT_LIMITS))
}

/** {@link verifySdJwt} on parts that were taken apart already, for a caller that had to read the header first. */
export function verifyParsedSdJwt(
  sdJwt: SdJwt,
  issuerJwt: ParsedJwt,
  {
    issuerKey,
    now,
    keyBinding,
    requiredClaims = [],
    neverDisclosed = NEVER_DISCLOSED,
    resolvedHolderKey,
  }: SdJwtExpectation,
): VerifiedSdJwt {
  // §7.1 step 2: the signature before anything that it protects
  asSdJwtError('issuer-signed jwt', () => verifyJwtSignature(issuerJwt, issuerKey))
  // §7.1 steps 3 to 5
  const disclosures = sdJwt.disclosures.map(parseDisclosure)
  const { claims, placed } = processClaims(issuerJwt.payload, disclosures)
  for (const { path } of placed) {
    if (neverDisclosed.has(path[0] as string)) {
      throw new SdJwtError('claim_not_disclosable', 'a claim that decides validity was disclosed')
    }
  }
  // §7.1 step 6: "using claims such as nbf, iat, and exp in the processed payload"
  asSdJwtError('claims', () => checkTimes(claims, { now }))
  for (const name of requiredClaims) {
    if (!Object.hasOwn(claims, name)) throw new SdJwtError('claim_missing', `${name} is missing`)
  }
  const holderKey = resolvedHolderKey ?? readHolderKey(claims)
  const verified: Building<VerifiedSdJwt> = {
    header: issuerJwt.header,
    claims,
    disclosedPaths: placed.map(({ path }) => path),
    issuerJwt: sdJwt.issuerJwt,
  }
  if (holderKey) verified.holderKey = holderKey
  if (keyBinding !== 'not_required') {
    verified.keyBinding = verifyKeyBinding(sdJwt, holderKey, { expectation: keyBinding, now })
  } else if (sdJwt.keyBindingJwt !== undefined) {
    throw new SdJwtError('key_binding_unexpected', 'key binding jwt was not asked for')
  }
  return verified
}

/** A result that is put together member by member: a spread costs more than the rest of its function. */
export type Building<T> = { -readonly [Member in keyof T]: T[Member] }

/** The holder's key in `cnf.jwk`; `undefined` without `cnf`. Other confirmation methods are refused. RFC 7800 §3.2. @throws SdJwtError */
export function readHolderKey(claims: JsonObject): EcPublicJwk | undefined {
  if (!Object.hasOwn(claims, 'cnf')) return undefined
  const { cnf } = claims
  if (!isJsonObject(cnf) || !Object.hasOwn(cnf, 'jwk')) {
    throw new SdJwtError('claim_invalid', 'cnf has no jwk')
  }
  try {
    return parsePublicJwk(cnf.jwk)
  } catch (cause) {
    throw new SdJwtError('claim_invalid', 'cnf.jwk is not a key', { cause })
  }
}

/** RFC 9901 §7.3 step 5, in its order. */
function verifyKeyBinding(
  { issuerJwt, disclosures, keyBindingJwt }: SdJwt,
  holderKey: EcPublicJwk | undefined,
  { expectation, now }: { expectation: KeyBindingExpectation; now: NumericDate },
): JsonObject {
  const { expectedAudience, expectedNonce, maxAgeSeconds } = expectation
  if (keyBindingJwt === undefined) {
    throw new SdJwtError('key_binding_missing', 'key binding jwt is missing')
  }
  if (!holderKey) throw new SdJwtError('key_binding_invalid', 'there is no cnf to bind to')
  const parsed = asKeyBindingError(() => {
    const jwt = parseJwt(keyBindingJwt, { maxLength: 65_536, maxDepth: 8 })
    verifyJwtSignature(jwt, holderKey)
    return jwt
  })
  const { header, payload } = parsed
  if (header.typ !== 'kb+jwt') throw new SdJwtError('key_binding_invalid', 'typ is not kb+jwt')
  asKeyBindingError(() =>
    checkTimes(payload, { now, maxAge: maxAgeSeconds, clockTolerance: CLOCK_TOLERANCE }),
  )
  if (payload.nonce !== expectedNonce) {
    throw new SdJwtError('key_binding_invalid', 'nonce is not the expected one')
  }
  if (payload.aud !== expectedAudience) {
    throw new SdJwtError('key_binding_invalid', 'aud is not the expected one')
  }
  const presented = [issuerJwt, ...disclosures, ''].join('~')
  if (payload.sd_hash !== sha256Base64url(presented)) {
    throw new SdJwtError('key_binding_invalid', 'sd_hash is not over this presentation')
  }
  return payload
}

const CODES: Readonly<Partial<Record<JoseError['code'], SdJwtErrorCode>>> = {
  too_large: 'too_large',
  signature_invalid: 'signature_invalid',
  algorithm_not_allowed: 'signature_invalid',
  claim_invalid: 'claim_invalid',
  expired: 'expired',
  not_yet_valid: 'not_yet_valid',
}

function asSdJwtError<T>(part: string, act: () => T): T {
  try {
    return act()
  } catch (cause) {
    if (!(cause instanceof JoseError)) throw cause
    throw new SdJwtError(CODES[cause.code] ?? 'malformed', `${part}: ${cause.message}`, { cause })
  }
}

function asKeyBindingError<T>(act: () => T): T {
  try {
    return act()
  } catch (cause) {
    if (!(cause instanceof JoseError)) throw cause
    throw new SdJwtError('key_binding_invalid', `key binding jwt: ${cause.message}`, { cause })
  }
}
