import type { NumericDate } from '../clock.ts'
import { verifySignature } from '../jose/jws.ts'
import { jwkThumbprint } from '../jose/thumbprint.ts'
import type { OkpPublicJwk } from '../key/signer.ts'
import { WebhookError } from './error.ts'
import { EVENT_MEDIA_TYPE, parseEvent, type ReceivedEvent } from './event.ts'
import { COVERED, contentDigest, LABEL, signatureBase, TAG } from './sign.ts'

/** How old a signature may be, seconds: each attempt is signed anew. */
export const MAX_AGE_SECONDS = 300
/** How far ahead of ours the sender's clock may be, seconds. */
const CLOCK_TOLERANCE = 10
/** A header field is shorter; what is longer is not looked at. */
const LONGEST_FIELD = 1024

const escaped = (text: string): string => text.replace(/[()]/g, '\\$&')
const INPUT = new RegExp(
  `^${LABEL}=(${escaped(COVERED)};created=(\\d{1,12});keyid="([\\w-]{43})";alg="ed25519";tag="${TAG}")$`,
)
const SIGNATURE = new RegExp(`^${LABEL}=:([A-Za-z0-9+/]{86}==):$`)

/** A delivery as a web server hands it over; `body` is what came, byte for byte, before anything parsed it. */
export interface Delivery {
  readonly method: string
  /** The address that the receiver is registered with, not what a proxy made of it. */
  readonly url: string
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: Uint8Array
}

/**
 * Verifies that one of `keys` signed this delivery for this address within the last five minutes, and reads its event.
 * Exactly one signature, over exactly the components that {@link COVERED} names. RFC 9421 §3.2, RFC 9530 §2. A delivery
 * may come again: the caller keeps `id` and drops what it has.
 * @throws WebhookError
 */
export function verifyDelivery(
  { method, url, headers, body }: Delivery,
  { keys, now }: { readonly keys: readonly OkpPublicJwk[]; readonly now: NumericDate },
): ReceivedEvent {
  const field = (name: string): string => fieldOf(headers, name)
  const input = INPUT.exec(field('signature-input'))
  const signature = SIGNATURE.exec(field('signature'))
  const [, parameters, created, keyId] = input ?? []
  if (method !== 'POST' || field('content-type') !== EVENT_MEDIA_TYPE) {
    throw new WebhookError('signature_malformed', `a delivery is a POST of ${EVENT_MEDIA_TYPE}`)
  }
  if (parameters === undefined || !signature?.[1]) {
    throw new WebhookError('signature_malformed', 'the signature is not of the form of a delivery')
  }
  const age = now - Number(created)
  if (age > MAX_AGE_SECONDS || age < -CLOCK_TOLERANCE) {
    throw new WebhookError('signature_stale', 'the signature is too old or from the future')
  }
  const key = keys.find((candidate) => jwkThumbprint(candidate) === keyId)
  if (key === undefined)
    throw new WebhookError('key_unknown', 'no key of the sender has this keyid')
  const digest = contentDigest(body)
  if (field('content-digest') !== digest) {
    throw new WebhookError('digest_mismatch', 'the body is not the one that was signed')
  }
  const base = signatureBase({ url, digest, parameters })
  if (!verifySignature(key, Buffer.from(base), Buffer.from(signature[1], 'base64'))) {
    throw new WebhookError('signature_invalid', 'the signature does not verify')
  }
  return parseEvent(body)
}

/** A field that comes twice is refused, because the two may differ. */
function fieldOf(headers: Delivery['headers'], name: string): string {
  const found = Object.entries(headers).filter(([key]) => key.toLowerCase() === name)
  const value = found.length === 1 ? found[0]?.[1] : undefined
  if (typeof value !== 'string') {
    throw new WebhookError('signature_missing', `the delivery has not exactly one ${name}`)
  }
  if (value.length > LONGEST_FIELD) {
    throw new WebhookError('signature_malformed', `${name} is too long`)
  }
  return value
}
