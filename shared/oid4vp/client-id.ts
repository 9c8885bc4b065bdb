import { ProtocolError } from '../error.ts'
import { type VerifiedLeaf, x509Hash } from '../trust/x5c.ts'

/** A Client Identifier by its prefix. OpenID4VP 1.0 §5.9.1. */
export type ClientIdentifier =
  | { readonly prefix: 'x509_hash'; readonly hash: string }
  /** In lower case. */
  | { readonly prefix: 'x509_san_dns'; readonly dnsName: string }

/** Two labels or more of letters, digits and hyphens, the last one no number: no address, no wildcard, no last dot. */
const FQDN =
  /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?![0-9]+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i

/**
 * The Client Identifier of whoever signs with this leaf certificate: `x509_hash:` and the SHA-256 of its DER form.
 * The whole text, prefix included, is what other messages compare and name as audience. OpenID4VP 1.0 §5.9.3.
 */
export function x509HashClientId(leafDerBase64: string): string {
  return `x509_hash:${x509Hash(leafDerBase64)}`
}

/**
 * Reads a Client Identifier: `x509_hash`, which HAIP 1.0 §5 requires, or `x509_san_dns`. Unknown prefixes, and no
 * prefix, never fall back to another rule. Does not check that anyone holds the certificate. OpenID4VP 1.0 §5.9.
 * @throws ProtocolError `invalid_request`
 */
export function parseClientId(clientId: string): ClientIdentifier {
  const colon = clientId.indexOf(':')
  const [prefix, original] = [clientId.slice(0, colon), clientId.slice(colon + 1)]
  if (prefix === 'x509_hash' && /^[\w-]{43}$/.test(original)) return { prefix, hash: original }
  // "the original Client Identifier … MUST be a DNS name"
  if (prefix === 'x509_san_dns' && FQDN.test(original)) {
    return { prefix, dnsName: original.toLowerCase() }
  }
  throw new ProtocolError(
    'invalid_request',
    'client_id is not an x509_hash or x509_san_dns client identifier',
  )
}

/**
 * Refuses a Client Identifier that this leaf certificate does not prove: the hash of its DER form, or one of its DNS
 * names, letter by letter but for case; a wildcard covers no name. Does not check the chain. OpenID4VP 1.0 §5.9.3.
 * @throws ProtocolError `invalid_request`
 */
export function checkCertificateOf(
  client: ClientIdentifier,
  { sha256, sanDns }: Pick<VerifiedLeaf, 'sha256' | 'sanDns'>,
): void {
  if (client.prefix === 'x509_san_dns') {
    // "… and match a dNSName Subject Alternative Name (SAN) entry in the leaf certificate"
    if (sanDns.includes(client.dnsName)) return
    throw new ProtocolError('invalid_request', 'client_id is not a DNS name of the certificate')
  }
  if (Buffer.from(sha256, 'hex').toString('base64url') === client.hash) return
  throw new ProtocolError('invalid_request', 'client_id is not the hash of the certificate')
}

/**
 * Refuses a response URI on another host than an `x509_san_dns` identifier names, of which there is no exception here
 * for verifiers that are trusted otherwise; `x509_hash` names no host. OpenID4VP 1.0 §5.9.3, §8.2.
 * @throws ProtocolError `invalid_request`
 */
export function checkResponseHost(client: ClientIdentifier, responseUri: string): void {
  // "the FQDN of the redirect_uri value MUST match the Client Identifier without the prefix"
  if (client.prefix === 'x509_hash' || new URL(responseUri).hostname === client.dnsName) return
  throw new ProtocolError('invalid_request', 'response_uri is not on the host of client_id')
}
