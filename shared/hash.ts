import { createHmac, hash, timingSafeEqual } from 'node:crypto'

/** The SHA-256 digest of `data`, 32 bytes; text is hashed as UTF-8. FIPS 180-4. */
export function sha256(data: Uint8Array | string): Buffer {
  return hash('sha256', data, 'buffer')
}

/** The SHA-256 digest in base64url without padding, 43 characters. */
export function sha256Base64url(data: Uint8Array | string): string {
  return hash('sha256', data, 'base64url')
}

/** The SHA-256 digest in lower-case hexadecimal, 64 characters. */
export function sha256Hex(data: Uint8Array | string): string {
  return hash('sha256', data, 'hex')
}

/** HMAC-SHA-256 under `key`, 32 bytes. RFC 2104. */
export function hmacSha256(key: Uint8Array, data: Uint8Array): Buffer {
  return createHmac('sha256', key).update(data).digest()
}

/** Compares two secrets in time that depends on their lengths alone. */
export function constantTimeEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
