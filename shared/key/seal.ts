import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import type { Random } from '../random.ts'

/** Bytes of a key that seals. */
export const SEALING_KEY_BYTES = 32
const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** A key that follows from a secret which is not stored, for one purpose. HKDF-SHA-256, RFC 5869. */
export function sealingKey(secret: string, purpose: string): Uint8Array {
  const info = `carnet/seal/v1\0${purpose}`
  return new Uint8Array(hkdfSync('sha256', secret, '', info, SEALING_KEY_BYTES))
}

/**
 * Seals bytes under a key of 32 bytes: AES-256-GCM (NIST SP 800-38D) with a random nonce, which goes first. They open
 * with the same key and the same `context` alone, so that what is sealed for one place says nothing in another.
 */
export function seal(
  key: Uint8Array,
  plain: Uint8Array,
  { context, random }: { readonly context: string; readonly random: Random },
): Uint8Array {
  const nonce = random(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(Buffer.from(context))
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** What {@link seal} sealed; `undefined` under another key or context, or where a byte was changed. */
export function unseal(key: Uint8Array, sealed: Uint8Array, context: string): Buffer | undefined {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined
  const nonce = sealed.subarray(0, NONCE_BYTES)
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(Buffer.from(context))
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
  try {
    const body = sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES)
    return Buffer.concat([decipher.update(body), decipher.final()])
  } catch {
    return undefined
  }
}

/** Seals a text: what {@link seal} gives, in base64url. */
export function sealText(key: Uint8Array, text: string, random: Random): string {
  const sealed = seal(key, Buffer.from(text), { context: '', random })
  return Buffer.from(sealed).toString('base64url')
}

/** The text that was sealed under `key`; `undefined` where it was sealed under another one or changed. */
export function openText(key: Uint8Array, sealed: string): string | undefined {
  return unseal(key, Buffer.from(sealed, 'base64url'), '')?.toString()
}
