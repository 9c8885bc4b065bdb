/**
 * The address of a metadata document: the well-known part goes between host and path, and a trailing slash of the
 * identifier stays. RFC 8414 §3.1, OpenID4VCI 1.0 §12.2.2.
 */
export function wellKnownUrl(
  identifier: string,
  name: 'openid-credential-issuer' | 'oauth-authorization-server',
): string {
  const { origin, pathname } = new URL(identifier)
  return `${origin}/.well-known/${name}${pathname === '/' ? '' : pathname}`
}
