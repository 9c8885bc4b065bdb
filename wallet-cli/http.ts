import type { Fetch } from '../shared/fetch.ts'
import { type Json, type JsonLimits, parseJson } from '../shared/json.ts'
import { TrustError } from '../shared/trust/error.ts'
import { WalletError } from './error.ts'

/** What a server answered, read whole. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

/**
 * One exchange with another party's server. Redirects are followed for a GET only where `init` does not forbid them;
 * whatever status comes back is an answer.
 * @throws WalletError `not_reachable`
 */
export async function exchange(fetch: Fetch, url: string, init: RequestInit = {}): Promise<Answer> {
  try {
    const response = await fetch(url, init)
    return { status: response.status, headers: response.headers, body: await response.text() }
  } catch (cause) {
    throw notReachable(url, cause)
  }
}

/** Reads an answer's JSON within bounds; `undefined` when it is something else. */
export function jsonOf(answer: Answer, limits: Partial<JsonLimits> = {}): Json | undefined {
  try {
    return parseJson(answer.body, limits)
  } catch {
    return undefined
  }
}

/** Whether an answer says that it is of a media type; parameters do not matter. RFC 9110 §8.3. */
export function isMediaType(answer: Answer, expected: string): boolean {
  return answer.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() === expected
}

function notReachable(url: string, cause: unknown): WalletError {
  const host = URL.canParse(url) ? new URL(url).host : 'that address'
  if (cause instanceof TrustError && cause.code === 'address_refused') {
    return new WalletError('not_reachable', `${host} is not a public https address`, {
      cause,
      hint: 'for development on this machine: --allow-loopback',
    })
  }
  if (cause instanceof TrustError && cause.code === 'too_large') {
    return new WalletError('not_reachable', `${host} answered more than a wallet reads`, { cause })
  }
  return new WalletError('not_reachable', `${host} does not answer`, {
    cause,
    hint: 'check the connection and try again',
  })
}
