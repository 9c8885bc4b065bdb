import type { NumericDate } from '../clock.ts'
import { openText, sealText } from '../key/seal.ts'
import { Problem } from '../problem.ts'
import type { Random } from '../random.ts'

/** A request that may be repeated, by who sent it, the key that they gave it, and what it asked. */
export interface IdempotencyKey {
  readonly caller: string
  readonly keySha256: string
  readonly requestSha256: string
}

/** The same with what its answer can be sealed under: it follows from the caller's own token, which is not stored. */
export interface SealingIdempotencyKey extends IdempotencyKey {
  readonly sealingKey: Uint8Array
}

/** How a request was answered. */
export interface KeptAnswer {
  readonly status: number
  readonly body: string
}

/** What is kept with the effect of a request, in the transaction of that effect, so that both are there or neither is. */
export interface Once extends IdempotencyKey {
  readonly answer: KeptAnswer
  readonly expiresAt: NumericDate
}

/** For how long a repeated request is answered as it was. */
export const IDEMPOTENCY_SECONDS = 86_400

/** Keeps the place of an answer that is known only when the effect is there. */
export function reservation(key: IdempotencyKey, now: NumericDate): Once {
  return { ...key, answer: { status: 200, body: '' }, expiresAt: now + IDEMPOTENCY_SECONDS }
}

/** The answer that a key got, unless it was for another request. @throws Problem `idempotency_key_reused` */
export function sameAnswer(
  kept: KeptAnswer & { readonly requestSha256: string },
  { requestSha256 }: IdempotencyKey,
): KeptAnswer {
  if (kept.requestSha256 !== requestSha256) throw reused()
  return { status: kept.status, body: kept.body }
}

/** An answer that tells a secret, to be kept so that nobody but its caller can read it. */
export function sealedOnce(
  { sealingKey, ...key }: SealingIdempotencyKey,
  answer: { readonly status: number; readonly body: unknown },
  { random, now }: { readonly random: Random; readonly now: NumericDate },
): Once {
  const body = sealText(sealingKey, JSON.stringify(answer.body), random)
  return { ...key, answer: { status: answer.status, body }, expiresAt: now + IDEMPOTENCY_SECONDS }
}

/**
 * The body of an answer that was kept sealed.
 * @throws Problem `idempotency_key_reused` for a caller of the same name who has another token now
 */
export function openKept({ sealingKey }: SealingIdempotencyKey, { body }: KeptAnswer): unknown {
  const text = openText(sealingKey, body)
  if (text === undefined) throw reused()
  return JSON.parse(text)
}

function reused(): Problem {
  return new Problem('idempotency_key_reused', 'give each request a key of its own')
}
