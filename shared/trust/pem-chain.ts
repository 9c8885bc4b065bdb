import { TrustError } from './error.ts'

const BLOCK = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/g

/**
 * The certificates of a PEM file in order, as the base64 texts that an `x5c` header takes. Does not look into them.
 * RFC 7468 §5.
 * @throws TrustError `malformed` when there are none
 */
export function x5cOfPem(pem: string): string[] {
  const x5c = [...pem.matchAll(BLOCK)].map(([, body]) => (body ?? '').replace(/\s/g, ''))
  if (x5c.length === 0) throw new TrustError('malformed', 'the file holds no PEM certificate')
  return x5c
}

/** Renders an `x5c` header as a PEM file. RFC 7468 §5.1. */
export function pemOfX5c(x5c: readonly string[]): string {
  return x5c
    .map((text) => {
      const lines = text.match(/.{1,64}/g) ?? []
      return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
    })
    .join('')
}
