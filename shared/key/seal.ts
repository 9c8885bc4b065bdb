import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import type { Random } from '../random.ts'

const CIPHER = 'aes-256-gcm'
const KEY_LENGTH = 32
const NONCE_LENGTH = 12
const TAG_LENGTH = 16

/** A key that follows from a secret which is not stored, for one purpose. HKDF-SHA-256, RFC 5869. */
export function sealingKey(secret: string, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', `carnet/seal/v1\0${purpose}`, KEY_LENGTH))
}

/** Seals a text: nonce, ciphertext and tag in base64url. AES-256-GCM, NIST SP 800-38D. */
export function sealText(key: Uint8Array, text: string, random: Random): string {
  const nonce = random(NONCE_LENGTH)
  const cipher = createCipheriv(CIPHER, key, nonce)
  const parts = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]
  return Buffer.concat(parts).toString('base64url')
}

/** The text that was sealed under `key`; `undefined` where it was sealed under another one or changed. */
export function openText(key: Uint8Array, sealed: string): string | undefined {
  const bytes = Buffer.from(sealed, 'base64url')
  const tagAt = bytes.length - TAG_LENGTH
  if (tagAt < NONCE_LENGTH) return undefined
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_LENGTH), {
    authTagLength: TAG_LENGTH,
  })
  decipher.setAuthTag(bytes.subarray(tagAt))
  try {
    const text = decipher.update(bytes.subarray(NONCE_LENGTH, tagAt))
    return Buffer.concat([text, decipher.final()]).toString()
  } catch {
    return undefined
  }
}
