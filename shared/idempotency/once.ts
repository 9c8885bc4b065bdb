import type { NumericDate } from '../clock.ts'
import { Problem } from '../problem.ts'

/** A request that may be repeated, by who sent it, the key that they gave it, and what it asked. */
export interface IdempotencyKey {
  readonly caller: string
  readonly keySha256: string
  readonly requestSha256: string
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

/** The answer that a key got, unless it was for another request. @throws Problem `idempotency_key_reused` */
export function sameAnswer(
  kept: KeptAnswer & { readonly requestSha256: string },
  { requestSha256 }: IdempotencyKey,
): KeptAnswer {
  if (kept.requestSha256 !== requestSha256) {
    throw new Problem('idempotency_key_reused', 'give each request a key of its own')
  }
  return { status: kept.status, body: kept.body }
}
