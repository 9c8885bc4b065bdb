/** Encodes without padding. RFC 4648 §5, RFC 7515 §2. */
export function encodeBase64url(data: Uint8Array | string): string {
  const bytes =
    typeof data === 'string'
      ? Buffer.from(data)
      : Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  return bytes.toString('base64url')
}

/**
 * Decodes the one canonical encoding and nothing else: no padding, no white space, no other alphabet, unused
 * trailing bits zero, so that two texts never decode to the same bytes. Answers `undefined` for anything else.
 * RFC 4648 §3.5, RFC 7515 §2.
 */
export function decodeBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}
