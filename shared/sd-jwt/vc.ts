import type { NumericDate } from '../clock.ts'
import type { ParsedJwt } from '../jose/jws.ts'
import type { JsonObject } from '../json.ts'
import type { EcPublicJwk } from '../key/signer.ts'
import { StatusListError } from '../status-list/error.ts'
import { readStatusReference, type StatusReference } from '../status-list/reference.ts'
import { TrustError } from '../trust/error.ts'
import type { AnchorsAt } from '../trust/role.ts'
import { type VerifiedChain, type VerifiedLeaf, verifyX5c } from '../trust/x5c.ts'
import type { ConcretePath } from './claim-path.ts'
import { SdJwtError } from './error.ts'
import { VC_NEVER_DISCLOSED } from './never-disclosed.ts'
import { parseSdJwt, type SdJwt } from './parse.ts'
import { holdSdJwt } from './present.ts'
import {
  type Building,
  type KeyBindingPolicy,
  parseIssuerJwt,
  readHolderKey,
  type SdJwtExpectation,
  verifyParsedSdJwt,
} from './verify.ts'

/** How an SD-JWT VC is judged. */
export interface SdJwtVcExpectation {
  readonly anchors: AnchorsAt
  readonly now: NumericDate
  readonly keyBinding: KeyBindingPolicy
  /** The credential types that answer the question; any when absent. */
  readonly expectedVcts?: readonly string[]
  /** Claims that must be present; `exp` unless said otherwise. */
  readonly requiredClaims?: readonly string[]
}

/** An SD-JWT VC whose issuer, signature, validity, type and holder were verified. Its status was not looked up. */
export interface VerifiedSdJwtVc {
  readonly vct: string
  /** `iss`, or the first URI of the issuer's certificate where the credential has none. */
  readonly issuer: string
  readonly claims: JsonObject
  readonly disclosedPaths: readonly ConcretePath[]
  readonly issuerChain: VerifiedChain
  readonly issuerJwt: string
  readonly holderKey?: EcPublicJwk
  readonly status?: StatusReference
  readonly keyBinding?: JsonObject
}

/**
 * Verifies an SD-JWT VC: type `dc+sd-jwt`, an `x5c` chain of the attestation role, `iss` bound to the certificate,
 * everything that {@link verifyParsedSdJwt} checks, a `vct`, and the claims that must stand in the clear doing so. Does
 * not look up the status. SD-JWT VC draft-13 §3.2 to §3.5, HAIP 1.0 §6.1.
 * @throws SdJwtError
 */
export function verifySdJwtVc(compact: string, expectation: SdJwtVcExpectation): VerifiedSdJwtVc {
  const parsed = parseSdJwtVc(compact)
  const issuerChain = verifyIssuer(parsed.issuerJwt.header.x5c, expectation)
  const { leaf } = issuerChain
  const judged = judgeSdJwtVc(parsed, expectation, { issuerKey: leaf.publicJwk })
  return Object.assign(judged, { issuer: readIssuer(judged.claims, leaf), issuerChain })
}

/** What every SD-JWT VC is, whoever vouches for its issuer. */
export type JudgedSdJwtVc = Omit<VerifiedSdJwtVc, 'issuer' | 'issuerChain'>

/** An SD-JWT VC taken apart. Only its type was checked. */
export interface ParsedSdJwtVc {
  readonly sdJwt: SdJwt
  readonly issuerJwt: ParsedJwt
}

/** Takes an SD-JWT VC apart and checks its type. Nothing is verified. SD-JWT VC draft-13 §3.2.1. @throws SdJwtError */
export function parseSdJwtVc(compact: string): ParsedSdJwtVc {
  const sdJwt = parseSdJwt(compact)
  const issuerJwt = parseIssuerJwt(sdJwt)
  if (issuerJwt.header.typ === 'dc+sd-jwt') return { sdJwt, issuerJwt }
  throw new SdJwtError('type_mismatch', 'typ is not dc+sd-jwt')
}

/** The keys that a caller trusts for a credential, however it came to them. */
export type SdJwtVcKeys = Pick<SdJwtExpectation, 'issuerKey' | 'resolvedHolderKey'>

const EXPIRY = ['exp']

/** Judges an SD-JWT VC under an issuer's key that the caller trusts; says nothing about who the issuer is. @throws SdJwtError */
export function judgeSdJwtVc(
  { sdJwt, issuerJwt }: ParsedSdJwtVc,
  { now, keyBinding, expectedVcts, requiredClaims = EXPIRY }: Omit<SdJwtVcExpectation, 'anchors'>,
  { issuerKey, resolvedHolderKey }: SdJwtVcKeys,
): JudgedSdJwtVc {
  const verified = verifyParsedSdJwt(sdJwt, issuerJwt, {
    issuerKey,
    resolvedHolderKey,
    now,
    keyBinding,
    requiredClaims,
    neverDisclosed: VC_NEVER_DISCLOSED,
  })
  const { claims, disclosedPaths, holderKey } = verified
  const vct = readVct(claims)
  if (expectedVcts && !expectedVcts.includes(vct)) {
    throw new SdJwtError('vct_unexpected', 'vct is not an expected type')
  }
  const status = readStatus(claims)
  const judged: Building<JudgedSdJwtVc> = {
    vct,
    claims,
    disclosedPaths,
    issuerJwt: sdJwt.issuerJwt,
  }
  if (holderKey) judged.holderKey = holderKey
  if (status) judged.status = status
  if (verified.keyBinding) judged.keyBinding = verified.keyBinding
  return judged
}

/** What a holder reads in a credential of its own. Nothing is verified. @throws SdJwtError */
export function readSdJwtVc(compact: string): {
  readonly vct: string
  readonly claims: JsonObject
  readonly holderKey?: EcPublicJwk
  readonly status?: StatusReference
} {
  const { claims } = holdSdJwt(compact)
  const holderKey = readHolderKey(claims)
  const status = readStatus(claims)
  return {
    vct: readVct(claims),
    claims,
    ...(holderKey ? { holderKey } : {}),
    ...(status ? { status } : {}),
  }
}

function verifyIssuer(
  x5c: unknown,
  { anchors, now }: Pick<SdJwtVcExpectation, 'anchors' | 'now'>,
): VerifiedChain {
  try {
    return verifyX5c(x5c, { role: 'attestation', anchors, now })
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause
    throw new SdJwtError('issuer_invalid', `x5c: ${cause.message}`, { cause })
  }
}

/** An `iss` that the certificate does not name would let any trusted issuer speak for another. SD-JWT VC §3.5. */
function readIssuer(claims: JsonObject, leaf: VerifiedLeaf): string {
  if (!Object.hasOwn(claims, 'iss')) return leaf.sanUris[0] ?? leaf.subjectName
  const { iss } = claims
  if (typeof iss !== 'string') throw new SdJwtError('claim_invalid', 'iss is not a string')
  if (namesIssuer(leaf, iss)) return iss
  throw new SdJwtError('issuer_invalid', 'iss is not a name of the certificate')
}

/**
 * True when a certificate names an issuer: by a subject alternative name that is the identifier, or the DNS name of an HTTPS
 * origin. SD-JWT VC draft-13 §3.5.
 */
export function namesIssuer(
  { sanUris, sanDns }: Pick<VerifiedLeaf, 'sanUris' | 'sanDns'>,
  issuer: string,
): boolean {
  return sanUris.includes(issuer) || sanDns.some((host) => isOriginOf(issuer, host))
}

/** True for an HTTPS identifier whose host is the certificate's, on the standard port. */
function isOriginOf(iss: string, host: string): boolean {
  if (!URL.canParse(iss)) return false
  const { protocol, host: own } = new URL(iss)
  return protocol === 'https:' && own === host
}

function readVct(claims: JsonObject): string {
  const { vct } = claims
  if (typeof vct === 'string' && vct !== '') return vct
  throw new SdJwtError('claim_missing', 'vct is missing')
}

function readStatus(claims: JsonObject): StatusReference | undefined {
  try {
    return readStatusReference(claims)
  } catch (cause) {
    if (!(cause instanceof StatusListError)) throw cause
    throw new SdJwtError('claim_invalid', cause.message, { cause })
  }
}
