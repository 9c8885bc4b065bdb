import { commit, commitmentSalt } from '../../shared/audit/commitment.ts'
import { decodeBase64url } from '../../shared/base64url.ts'
import { sha256Hex } from '../../shared/hash.ts'
import type { JsonObject } from '../../shared/json.ts'
import { ReceiptError } from './receipt.ts'

/** The two things that the log says of an acceptance, in its order. */
export const LOGGED = ['presentation.verified', 'acceptance.made'] as const

/** What the log holds for each: a digest that means something only with the key that is kept with the answer. */
export type Commitments = Readonly<Record<(typeof LOGGED)[number], string>>

/**
 * What the verifier commits to in its log: the presentation and the trust list, then the receipt. Whoever has the
 * receipt file finds these values in the log; to anyone else they say nothing about whom.
 * @throws ReceiptError `receipt_malformed` when the key is none
 */
export function commitmentsOf(
  receiptJwt: string,
  grounds: Grounds,
  commitmentKey: string,
): Commitments {
  const key = decodeBase64url(commitmentKey)
  if (key?.length !== 32) throw new ReceiptError('receipt_malformed', 'commitment_key is not a key')
  const commitment = (type: (typeof LOGGED)[number], details: JsonObject): string =>
    commit(details, commitmentSalt(key, type))
  return {
    'presentation.verified': commitment('presentation.verified', { ...grounds }),
    'acceptance.made': commitment('acceptance.made', { receipt_sha256: sha256Hex(receiptJwt) }),
  }
}

/** What a receipt rests on, by digest; a {@link Receipt} has these members. */
interface Grounds {
  readonly presentation_sha256: string
  readonly trust_list_sha256: string
}
