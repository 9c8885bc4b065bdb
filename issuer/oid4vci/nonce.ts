import { decodeBase64url, encodeBase64url } from '../../shared/base64url.ts'
import type { NumericDate } from '../../shared/clock.ts'
import { constantTimeEqual, hmacSha256 } from '../../shared/hash.ts'
import type { Random } from '../../shared/random.ts'

/** Makes and recognises nonces of one purpose. */
export interface Nonces {
  create(now: NumericDate): string
  isOurs(nonce: string, now: NumericDate): boolean
}

const LIFETIME_SECONDS = 300
const TIME_BYTES = 4
const RANDOM_BYTES = 16
const MAC_BYTES = 16

/**
 * Nonces that need no storage: time and randomness under a MAC of this process, each different, good for five minutes.
 * A nonce of another purpose or from before a restart is not ours, and the wallet asks for a new one. That one is used
 * a single time is for whoever records its use. OpenID4VCI 1.0 §7.2, RFC 9449 §8.
 */
export function openNonces(secret: Uint8Array, purpose: string, random: Random): Nonces {
  const macOf = (body: Uint8Array): string =>
    encodeBase64url(
      hmacSha256(secret, Buffer.concat([Buffer.from(`${purpose}\0`), body])).subarray(0, MAC_BYTES),
    )
  return {
    create: (now) => {
      const time = Buffer.alloc(TIME_BYTES)
      time.writeUInt32BE(now % 2 ** 32)
      const body = Buffer.concat([time, random(RANDOM_BYTES)])
      return `${encodeBase64url(body)}.${macOf(body)}`
    },
    isOurs: (nonce, now) => {
      const [text = '', mac = ''] = nonce.split('.')
      const body = decodeBase64url(text)
      if (body?.length !== TIME_BYTES + RANDOM_BYTES) return false
      if (!constantTimeEqual(mac, macOf(body))) return false
      const age = now - body.readUInt32BE()
      return age >= 0 && age < LIFETIME_SECONDS
    },
  }
}

/** Longer than any nonce of ours is good for. */
export const NONCE_MARK_SECONDS: number = 2 * LIFETIME_SECONDS
