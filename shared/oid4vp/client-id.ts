import { ProtocolError } from '../error.ts'
import { x509Hash } from '../trust/x5c.ts'

const PREFIX = 'x509_hash:'

/**
 * The Client Identifier of whoever signs with this leaf certificate: `x509_hash:` and the SHA-256 of its DER form.
 * The whole text, prefix included, is what other messages compare and name as audience. OpenID4VP 1.0 §5.9.3.
 */
export function x509HashClientId(leafDerBase64: string): string {
  return `${PREFIX}${x509Hash(leafDerBase64)}`
}

/**
 * Refuses every Client Identifier but `x509_hash`, the one prefix that HAIP 1.0 §5 requires: unknown prefixes, and no
 * prefix, never fall back to another rule. Does not check that anyone holds the certificate.
 * @throws ProtocolError `invalid_request`
 */
export function checkClientIdPrefix(clientId: string): void {
  if (!/^x509_hash:[\w-]{43}$/.test(clientId)) {
    throw new ProtocolError('invalid_request', 'client_id is not an x509_hash client identifier')
  }
}
