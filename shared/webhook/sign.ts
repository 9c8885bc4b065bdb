import type { NumericDate } from '../clock.ts'
import { sha256 } from '../hash.ts'
import { jwkThumbprint } from '../jose/thumbprint.ts'
import type { Ed25519Signer } from '../key/signer.ts'
import { EVENT_MEDIA_TYPE } from './event.ts'

/** What of a delivery the signature covers, in this order and nothing else. RFC 9421 §2.2, RFC 9530 §2. */
export const COVERED = '("@method" "@target-uri" "content-type" "content-digest")'
/** Keeps a signature of a delivery from standing for anything else. RFC 9421 §2.3 `tag`. */
export const TAG = 'carnet-webhook'
/** The name of the one signature of a delivery. RFC 9421 §4.1. */
export const LABEL = 'carnet'

/** The header fields of a delivery. */
export type DeliveryHeaders = Readonly<
  Record<'content-type' | 'content-digest' | 'signature-input' | 'signature', string>
>

/**
 * Signs a delivery of these very bytes to `url`: method, target, media type and digest of the body, with the time and the
 * RFC 7638 thumbprint of the key. RFC 9421 §3.1, §3.3.6 (Ed25519); RFC 9530 §2 (`Content-Digest`).
 */
export async function signDelivery(
  { url, body }: { readonly url: string; readonly body: Uint8Array },
  signer: Ed25519Signer,
  now: NumericDate,
): Promise<DeliveryHeaders> {
  const digest = contentDigest(body)
  const parameters = `${COVERED};created=${now};keyid="${jwkThumbprint(signer.publicJwk)}";alg="ed25519";tag="${TAG}"`
  const signature = await signer.sign(Buffer.from(signatureBase({ url, digest, parameters })))
  return {
    'content-type': EVENT_MEDIA_TYPE,
    'content-digest': digest,
    'signature-input': `${LABEL}=${parameters}`,
    signature: `${LABEL}=:${Buffer.from(signature).toString('base64')}:`,
  }
}

/** The bytes that are signed. RFC 9421 §2.5. */
export function signatureBase(of: {
  readonly url: string
  readonly digest: string
  readonly parameters: string
}): string {
  return [
    '"@method": POST',
    `"@target-uri": ${new URL(of.url).href}`,
    `"content-type": ${EVENT_MEDIA_TYPE}`,
    `"content-digest": ${of.digest}`,
    `"@signature-params": ${of.parameters}`,
  ].join('\n')
}

/** RFC 9530 §2, with the one algorithm that is used here. */
export function contentDigest(body: Uint8Array): string {
  return `sha-256=:${sha256(body).toString('base64')}:`
}
