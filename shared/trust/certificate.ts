import 'reflect-metadata'
import { createPrivateKey, createPublicKey, webcrypto } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { type NumericDate, toDate } from '../clock.ts'
import type { EcPublicJwk } from '../key/signer.ts'
import type { Random } from '../random.ts'
import { ROLE_KEY_PURPOSE, type TrustRole } from './role.ts'

/** The names of a certificate's subject. RFC 5280 §4.1.2.6. */
export interface SubjectNames {
  readonly commonName: string
  readonly organisation?: string
  /** ISO 3166-1 alpha-2. */
  readonly country?: string
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/**
 * Issues a self-signed P-256 anchor whose key signs certificates and nothing else, and which may have one
 * intermediate below it unless `pathLength` says otherwise. RFC 5280 §4.2.1.9.
 */
export async function issueRootCertificate({
  subject,
  pkcs8,
  notBefore,
  notAfter,
  pathLength = 1,
  random,
}: {
  subject: SubjectNames
  /** The anchor's own private key, PKCS#8 PEM. */
  pkcs8: string
  notBefore: NumericDate
  notAfter: NumericDate
  pathLength?: number
  random: Random
}): Promise<Uint8Array> {
  const signingKey = await importPrivateKey(pkcs8)
  const publicKey = await importPublicKey(
    createPublicKey(pkcs8).export({ format: 'jwk' }) as EcPublicJwk,
  )
  const name = nameOf(subject)
  const certificate = await X509CertificateGenerator.create(
    {
      subject: name,
      issuer: name,
      serialNumber: serialNumber(random),
      notBefore: toDate(notBefore),
      notAfter: toDate(notAfter),
      publicKey,
      signingKey,
      signingAlgorithm: ALGORITHM,
      extensions: await authorityExtensions(publicKey, publicKey, pathLength),
    },
    provider,
  )
  return new Uint8Array(certificate.rawData)
}

/** Issues an intermediate authority under `issuer` that may sign leaves only. RFC 5280 §4.2.1.9. @public */
export async function issueIntermediateCertificate(subject: CertifiedSubject): Promise<Uint8Array> {
  return certify(subject, (publicKey, issuerKey) => authorityExtensions(publicKey, issuerKey, 0))
}

/** Who signs a certificate: its own certificate in DER and its private key in PKCS#8 PEM. */
export interface CertificateIssuer {
  readonly certificate: Uint8Array
  readonly pkcs8: string
}

/** Whose certificate an issuer signs, and for how long. */
export interface CertifiedSubject {
  readonly subject: SubjectNames
  readonly publicJwk: EcPublicJwk
  readonly notBefore: NumericDate
  readonly notAfter: NumericDate
  readonly issuer: CertificateIssuer
  readonly random: Random
}

/**
 * Issues a leaf of one role: a P-256 signing key, the role's key purpose, and the identifiers that it is bound to as
 * subject alternative names. HAIP 1.0 §6.1.1 and §5 ask that it is not self-signed. RFC 5280 §4.2.
 */
export async function issueLeafCertificate({
  role,
  sanUris = [],
  sanDns = [],
  ...subject
}: CertifiedSubject & {
  readonly role: TrustRole
  readonly sanUris?: readonly string[]
  readonly sanDns?: readonly string[]
}): Promise<Uint8Array> {
  const names = [
    ...sanUris.map((value) => ({ type: 'url' as const, value })),
    ...sanDns.map((value) => ({ type: 'dns' as const, value })),
  ]
  return certify(subject, async (publicKey, issuerKey) => [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([ROLE_KEY_PURPOSE[role]]),
    await SubjectKeyIdentifierExtension.create(publicKey, false, provider),
    await AuthorityKeyIdentifierExtension.create(issuerKey, false, provider),
    ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
  ])
}

/** Signs a certificate under an authority. RFC 5280 §4.1. */
async function certify(
  { subject, publicJwk, notBefore, notAfter, issuer, random }: CertifiedSubject,
  extensionsFor: (
    publicKey: webcrypto.CryptoKey,
    issuerKey: webcrypto.CryptoKey,
  ) => Promise<Extension[]>,
): Promise<Uint8Array> {
  const authority = await openIssuer(issuer)
  const publicKey = await importPublicKey(publicJwk)
  const certificate = await X509CertificateGenerator.create(
    {
      subject: nameOf(subject),
      issuer: authority.certificate.subjectName,
      serialNumber: serialNumber(random),
      notBefore: toDate(notBefore),
      notAfter: toDate(notAfter),
      publicKey,
      signingKey: authority.signingKey,
      signingAlgorithm: ALGORITHM,
      extensions: await extensionsFor(publicKey, authority.publicKey),
    },
    provider,
  )
  return new Uint8Array(certificate.rawData)
}

const provider = webcrypto as unknown as NonNullable<
  Parameters<typeof X509CertificateGenerator.create>[1]
>

async function openIssuer({ certificate: der, pkcs8 }: CertificateIssuer): Promise<{
  certificate: X509Certificate
  publicKey: webcrypto.CryptoKey
  signingKey: webcrypto.CryptoKey
}> {
  const certificate = new X509Certificate(new Uint8Array(der))
  const publicJwk = createPublicKey(pkcs8).export({ format: 'jwk' }) as EcPublicJwk
  return {
    certificate,
    publicKey: await importPublicKey(publicJwk),
    signingKey: await importPrivateKey(pkcs8),
  }
}

async function authorityExtensions(
  publicKey: webcrypto.CryptoKey,
  issuerKey: webcrypto.CryptoKey,
  pathLength: number,
): Promise<Extension[]> {
  return [
    new BasicConstraintsExtension(true, pathLength, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    await SubjectKeyIdentifierExtension.create(publicKey, false, provider),
    await AuthorityKeyIdentifierExtension.create(issuerKey, false, provider),
  ]
}

function nameOf({ commonName, organisation, country }: SubjectNames): Record<string, string[]>[] {
  return [
    ...(country === undefined ? [] : [{ C: [country] }]),
    ...(organisation === undefined ? [] : [{ O: [organisation] }]),
    { CN: [commonName] },
  ]
}

/** 127 unpredictable bits, positive and not zero. RFC 5280 §4.1.2.2. */
function serialNumber(random: Random): string {
  const bytes = Buffer.from(random(16))
  bytes[0] = ((bytes[0] as number) & 0x3f) | 0x40
  return bytes.toString('hex')
}

async function importPrivateKey(pkcs8: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pkcs8).export({ format: 'der', type: 'pkcs8' })
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign'])
}

async function importPublicKey({ kty, crv, x, y }: EcPublicJwk): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('jwk', { kty, crv, x, y }, ALGORITHM, true, ['verify'])
}
