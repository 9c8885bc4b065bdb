import type { NumericDate } from '../clock.ts'
import { sha256Base64url } from '../hash.ts'
import type { EcPublicJwk } from '../key/signer.ts'
import { TrustError } from './error.ts'
import { type Certificate, parseCertificate } from './parse-certificate.ts'
import { type AnchorsAt, ROLE_KEY_PURPOSE, type TrustRole } from './role.ts'

/** Who a leaf certificate speaks for. */
export interface VerifiedLeaf {
  readonly publicJwk: EcPublicJwk
  readonly subjectName: string
  readonly organisation?: string
  readonly sanDns: readonly string[]
  readonly sanUris: readonly string[]
  /** Of the certificate in DER, lower-case hexadecimal. */
  readonly sha256: string
  readonly notAfter: NumericDate
}

/** A chain that ends at an anchor of its role. */
export interface VerifiedChain {
  readonly leaf: VerifiedLeaf
  readonly anchorSha256: string
  /** Key identifiers in base64url that the authority key identifier extensions of the chain name. OpenID4VP 1.0 §6.1.1.1. */
  readonly authorityKeyIds: readonly string[]
}

/** Most certificates in an `x5c`. */
export const MAX_CHAIN_LENGTH = 4

/** Base64, not base64url, with padding. RFC 7515 §4.1.6. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

const TEXT_MEMO_SIZE = 256
const SIGNED_MEMO_SIZE = 1024
const signedMemo = new Map<string, boolean>()

/**
 * Validates an `x5c` header against the anchors that the trust list names for `role` at `now`: no anchor and no
 * self-signed certificate in it (HAIP 1.0 §5, §6.1.1), names and key identifiers chained, every signature and validity
 * period, basic constraints and path length, key usage, the role's key purpose, a P-256 leaf, no critical extension
 * that is not processed. Whether the leaf's names fit a message is the caller's question. RFC 5280 §6.1.
 * @throws TrustError
 */
export function verifyX5c(
  x5c: unknown,
  { role, anchors, now }: { role: TrustRole; anchors: AnchorsAt; now: NumericDate },
): VerifiedChain {
  const chain = parseX5c(x5c)
  const trusted = anchors(role, now).map(parseCertificate)
  refuseAnchorsAndSelfSigned(chain, trusted)
  chain.forEach((certificate, index) => {
    checkValidity(certificate, now)
    const issuer = chain[index + 1]
    if (!issuer) return
    checkAuthority(issuer, index)
    checkIssued(certificate, issuer)
  })
  const anchor = findAnchor(chain.at(-1) as Certificate, trusted)
  checkValidity(anchor, now)
  checkAuthority(anchor, chain.length - 1)
  const leaf = chain[0] as Certificate
  const publicJwk = checkLeaf(leaf, role)
  const authorityKeyIds: string[] = []
  for (const { authorityKeyId } of chain) if (authorityKeyId) authorityKeyIds.push(authorityKeyId)
  return {
    leaf: {
      publicJwk,
      subjectName: leaf.subjectName,
      ...(leaf.organisation === undefined ? {} : { organisation: leaf.organisation }),
      sanDns: leaf.sanDns,
      sanUris: leaf.sanUris,
      sha256: leaf.sha256,
      notAfter: leaf.notAfter,
    },
    anchorSha256: anchor.sha256,
    authorityKeyIds,
  }
}

/** The value of an `x509_hash` client identifier: SHA-256 over the leaf in DER, base64url. OpenID4VP 1.0 §5.9.3. */
export function x509Hash(leafDerBase64: string): string {
  return sha256Base64url(decodeCertificate(leafDerBase64))
}

/** Reads an `x5c` header without judging it. RFC 7515 §4.1.6. @throws TrustError */
function parseX5c(x5c: unknown): Certificate[] {
  if (!Array.isArray(x5c) || x5c.length === 0) {
    throw new TrustError('malformed', 'x5c is not an array of certificates')
  }
  if (x5c.length > MAX_CHAIN_LENGTH) throw new TrustError('too_large', 'x5c is too long')
  return x5c.map(readCertificate)
}

/** Certificates by the text that they came in, so that a chain which is seen often is neither decoded nor hashed again. */
const certificatesByText = new Map<string, Certificate>()

function readCertificate(text: unknown): Certificate {
  const known = certificatesByText.get(text as string)
  if (known) return known
  const certificate = parseCertificate(decodeCertificate(text))
  if (certificatesByText.size >= TEXT_MEMO_SIZE) {
    certificatesByText.delete(certificatesByText.keys().next().value as string)
  }
  certificatesByText.set(text as string, certificate)
  return certificate
}

function decodeCertificate(text: unknown): Buffer {
  if (typeof text !== 'string' || text.length > 16_384 || !BASE64.test(text)) {
    throw new TrustError('malformed', 'x5c holds something else than base64')
  }
  return Buffer.from(text, 'base64')
}

function refuseAnchorsAndSelfSigned(
  chain: readonly Certificate[],
  anchors: readonly Certificate[],
): void {
  for (const certificate of chain) {
    if (anchors.some(({ sha256 }) => sha256 === certificate.sha256)) {
      throw new TrustError('anchor_included', 'x5c includes the trust anchor')
    }
    if (certificate.subject === certificate.issuer) {
      throw new TrustError('self_signed', 'x5c includes a self-signed certificate')
    }
  }
}

function checkValidity({ notBefore, notAfter }: Certificate, now: NumericDate): void {
  if (now < notBefore) throw new TrustError('not_yet_valid', 'certificate is not valid yet')
  if (now > notAfter) throw new TrustError('expired', 'certificate has expired')
}

/** RFC 5280 §6.1.4 (k) to (n): a certificate authority that may sign certificates, with room for what is below it. */
function checkAuthority(
  { basicConstraints, keyUsage, unknownCritical }: Certificate,
  intermediatesBelow: number,
): void {
  if (!basicConstraints?.ca) {
    throw new TrustError('chain_invalid', 'issuing certificate is not a certificate authority')
  }
  if (intermediatesBelow > (basicConstraints.pathLength ?? Number.POSITIVE_INFINITY)) {
    throw new TrustError('chain_invalid', 'path is longer than its path length constraint')
  }
  if (!keyUsage?.keyCertSign) {
    throw new TrustError('key_usage', 'issuing certificate may not sign certificates')
  }
  if (unknownCritical.length > 0) {
    throw new TrustError('chain_invalid', 'certificate has an unknown critical extension')
  }
}

function checkLeaf(leaf: Certificate, role: TrustRole): EcPublicJwk {
  if (leaf.basicConstraints?.ca) {
    throw new TrustError('chain_invalid', 'leaf is a certificate authority')
  }
  if (leaf.keyUsage && !leaf.keyUsage.digitalSignature) {
    throw new TrustError('key_usage', 'leaf may not sign')
  }
  if (leaf.keyPurposes && !leaf.keyPurposes.includes(ROLE_KEY_PURPOSE[role])) {
    throw new TrustError('key_usage', 'leaf is for another purpose')
  }
  if (leaf.unknownCritical.length > 0) {
    throw new TrustError('chain_invalid', 'certificate has an unknown critical extension')
  }
  if (!leaf.publicJwk) throw new TrustError('key_usage', 'leaf key is not on P-256')
  return leaf.publicJwk
}

function findAnchor(last: Certificate, anchors: readonly Certificate[]): Certificate {
  const anchor = anchors.find((candidate) => isIssuedBy(last, candidate))
  if (!anchor) throw new TrustError('not_trusted', 'chain does not end at a trusted anchor')
  return anchor
}

function checkIssued(certificate: Certificate, issuer: Certificate): void {
  if (!isIssuedBy(certificate, issuer)) {
    throw new TrustError('chain_invalid', 'certificate is not issued by the next one')
  }
}

/** Names in DER equal, key identifiers equal where both are present, and the signature. RFC 5280 §6.1.3 (a). */
function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  if (certificate.issuer !== issuer.subject) return false
  const { authorityKeyId } = certificate
  const { subjectKeyId } = issuer
  if (
    authorityKeyId !== undefined &&
    subjectKeyId !== undefined &&
    authorityKeyId !== subjectKeyId
  ) {
    return false
  }
  const pair = `${certificate.sha256}${issuer.sha256}`
  const known = signedMemo.get(pair)
  if (known !== undefined) return known
  const signed = certificate.x509.verify(issuer.x509.publicKey)
  if (signedMemo.size >= SIGNED_MEMO_SIZE)
    signedMemo.delete(signedMemo.keys().next().value as string)
  signedMemo.set(pair, signed)
  return signed
}
