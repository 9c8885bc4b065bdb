/** Where short texts become bytes, so that each of them needs no buffer of its own. */
const scratch = Buffer.allocUnsafeSlow(8192)
/** UTF-8 takes at most three bytes for one UTF-16 code unit. */
const SHORT = Math.floor(scratch.length / 3)

/** Encodes without padding; text is encoded as UTF-8. RFC 4648 §5, RFC 7515 §2. */
export function encodeBase64url(data: Uint8Array | string): string {
  if (typeof data !== 'string') {
    return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64url')
  }
  if (data.length > SHORT) return Buffer.from(data).toString('base64url')
  return scratch.toString('base64url', 0, scratch.write(data, 0))
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
