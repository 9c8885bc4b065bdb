import { hmacSha256 } from '../../shared/hash.ts'
import type { Ed25519Signer } from '../../shared/key/signer.ts'

/**
 * The secret under which an issuer recognises its nonces, 32 bytes. It follows from the log's key, which every server of
 * the issuer has: an Ed25519 signature is the same each time (RFC 8032 §5.1.6) and this one is shown to nobody. So a nonce
 * of one server is good at another, after a restart too, and nothing is stored.
 */
export async function nonceSecretOf(logSigner: Ed25519Signer, issuer: string): Promise<Uint8Array> {
  const signature = await logSigner.sign(Buffer.from(`carnet nonce secret/1 ${issuer}`))
  return hmacSha256(signature, Buffer.from('nonces'))
}
