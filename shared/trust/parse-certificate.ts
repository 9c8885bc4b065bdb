import 'reflect-metadata'
import { X509Certificate } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509Certificate as ParsedX509,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
} from '@peculiar/x509'
import { fromDate, type NumericDate } from '../clock.ts'
import { sha256Hex } from '../hash.ts'
import { parsePublicJwk } from '../jose/jwk.ts'
import type { EcPublicJwk } from '../key/signer.ts'
import { TrustError } from './error.ts'

/** What path validation needs of one certificate. Nothing here is verified. RFC 5280 §4.1, §4.2. */
export interface Certificate {
  readonly x509: X509Certificate
  readonly sha256: string
  /** Names in DER, compared byte by byte. */
  readonly subject: string
  readonly issuer: string
  readonly subjectName: string
  readonly organisation: string | undefined
  readonly notBefore: NumericDate
  readonly notAfter: NumericDate
  /** `undefined` where there is no basic constraints extension. */
  readonly basicConstraints:
    | { readonly ca: boolean; readonly pathLength: number | undefined }
    | undefined
  readonly keyUsage:
    | { readonly digitalSignature: boolean; readonly keyCertSign: boolean }
    | undefined
  readonly keyPurposes: readonly string[] | undefined
  readonly sanDns: readonly string[]
  readonly sanUris: readonly string[]
  /** Key identifiers in base64url. */
  readonly subjectKeyId: string | undefined
  readonly authorityKeyId: string | undefined
  /** Critical extensions that are not processed here. */
  readonly unknownCritical: readonly string[]
  /** The key when it is P-256, which a signer of this ecosystem must have. */
  readonly publicJwk: EcPublicJwk | undefined
}

/** Longest certificate in DER that is read. */
export const MAX_CERTIFICATE_BYTES = 8192

const MEMO_SIZE = 512
const memo = new Map<string, Certificate>()

const PROCESSED = new Set([
  '2.5.29.14', // subject key identifier
  '2.5.29.15', // key usage
  '2.5.29.17', // subject alternative name
  '2.5.29.19', // basic constraints
  '2.5.29.35', // authority key identifier
  '2.5.29.37', // extended key usage
])

/**
 * Reads a certificate in DER, once for each different certificate while it is remembered. A repeated extension
 * (RFC 5280 §4.2), bytes after the certificate and anything larger than {@link MAX_CERTIFICATE_BYTES} are refused.
 * @throws TrustError
 */
export function parseCertificate(der: Uint8Array): Certificate {
  if (der.length > MAX_CERTIFICATE_BYTES) {
    throw new TrustError('too_large', 'certificate is too large')
  }
  const sha256 = sha256Hex(der)
  const known = memo.get(sha256)
  if (known) return known
  let parsed: Certificate
  try {
    parsed = read(der, sha256)
  } catch (cause) {
    if (cause instanceof TrustError) throw cause
    throw new TrustError('malformed', 'certificate cannot be read', { cause })
  }
  if (memo.size >= MEMO_SIZE) memo.delete(memo.keys().next().value as string)
  memo.set(sha256, parsed)
  return parsed
}

function read(der: Uint8Array, sha256: string): Certificate {
  const x509 = new X509Certificate(der)
  const parsed = new ParsedX509(new Uint8Array(der))
  if (!x509.raw.equals(der))
    throw new TrustError('malformed', 'certificate has bytes after its end')
  const types = parsed.extensions.map((extension) => extension.type)
  if (new Set(types).size !== types.length) {
    throw new TrustError('malformed', 'certificate repeats an extension')
  }
  const constraints = parsed.getExtension(BasicConstraintsExtension)
  const usages = parsed.getExtension(KeyUsagesExtension)?.usages
  const names = parsed.getExtension(SubjectAlternativeNameExtension)?.names.items ?? []
  const organisation = parsed.subjectName.getField('O')[0]
  const commonName = parsed.subjectName.getField('CN')[0]
  const hash = (parsed.signatureAlgorithm as { hash?: { name?: string } }).hash?.name
  if (hash === 'SHA-1') throw new TrustError('malformed', 'certificate is signed over SHA-1')
  return {
    x509,
    sha256,
    subject: Buffer.from(parsed.subjectName.toArrayBuffer()).toString('base64'),
    issuer: Buffer.from(parsed.issuerName.toArrayBuffer()).toString('base64'),
    subjectName: commonName ?? organisation ?? parsed.subject,
    organisation,
    notBefore: fromDate(parsed.notBefore),
    notAfter: fromDate(parsed.notAfter),
    basicConstraints: constraints
      ? { ca: constraints.ca, pathLength: constraints.pathLength }
      : undefined,
    keyUsage:
      usages === undefined
        ? undefined
        : {
            digitalSignature: (usages & KeyUsageFlags.digitalSignature) !== 0,
            keyCertSign: (usages & KeyUsageFlags.keyCertSign) !== 0,
          },
    keyPurposes: x509.keyUsage,
    sanDns: names.filter(({ type }) => type === 'dns').map(({ value }) => value.toLowerCase()),
    sanUris: names.filter(({ type }) => type === 'url').map(({ value }) => value),
    subjectKeyId: keyId(parsed.getExtension(SubjectKeyIdentifierExtension)?.keyId),
    authorityKeyId: keyId(parsed.getExtension(AuthorityKeyIdentifierExtension)?.keyId),
    unknownCritical: parsed.extensions
      .filter(({ critical, type }) => critical && !PROCESSED.has(type))
      .map(({ type }) => type),
    publicJwk: p256Of(x509),
  }
}

function keyId(hex: string | undefined): string | undefined {
  return hex === undefined ? undefined : Buffer.from(hex, 'hex').toString('base64url')
}

function p256Of({ publicKey }: X509Certificate): EcPublicJwk | undefined {
  if (publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return undefined
  return parsePublicJwk(publicKey.export({ format: 'jwk' }))
}
