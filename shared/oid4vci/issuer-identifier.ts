import { z } from 'zod'

const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost'])

/**
 * A Credential Issuer Identifier: "a case sensitive URL using the https scheme that contains scheme, host and,
 * optionally, port number and path components, but no query or fragment components". OpenID4VCI 1.0 §12.2.1. Plain
 * http is taken for loopback addresses alone, for the demonstration and for tests.
 */
export const issuerIdentifierSchema: z.ZodType<string> = z
  .string()
  .max(2048)
  .refine(isIssuerIdentifier, { message: 'is no https URL without query and fragment' })

function isIssuerIdentifier(text: string): boolean {
  if (!URL.canParse(text) || /[?#]/.test(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  if (username !== '' || password !== '') return false
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.has(hostname))
}
