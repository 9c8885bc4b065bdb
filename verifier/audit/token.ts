import type { TrustListPublished } from '../../shared/audit/trust-leaf.ts'
import { sha256Base64url } from '../../shared/hash.ts'
import type { PublicJwk } from '../../shared/key/signer.ts'
import { verifyStatusListCwt } from '../../shared/status-list/cwt.ts'
import { StatusListError } from '../../shared/status-list/error.ts'
import { type StatusList, verifyStatusListToken } from '../../shared/status-list/token.ts'
import { TrustError } from '../../shared/trust/error.ts'
import type { AnchorsAt } from '../../shared/trust/role.ts'
import { anchorsOf, verifyTrustListSignature } from '../../shared/trust/trust-list.ts'
import type { Rule } from './finding.ts'
import type { TokenFacts } from './judge.ts'

/** A trust list that the log authenticates, with its text. */
export interface LoggedTrustList {
  readonly leaf: TrustListPublished
  readonly text: string
}

/** A rule that a token breaks. */
export interface BrokenToken {
  readonly rule: Rule
  readonly detail: string
}

/** What a token is judged against. */
export interface LoggedClaim {
  readonly list: string
  readonly iat: number
  readonly trustList: LoggedTrustList
}

/**
 * Verifies a token of `list` at its own `iat` with the trust list that the log had then: the chain to an anchor for
 * attestations, the signature and every claim. The log, not the operator of this tool, says which key signed the
 * trust list. Answers the rule that a token breaks instead of throwing.
 */
export function verifyLoggedToken(token: string, claim: LoggedClaim): TokenFacts | BrokenToken {
  return verifyLogged(claim, (expected) => verifyStatusListToken(token, expected))
}

/** Verifies a token in CWT form as {@link verifyLoggedToken} does. */
export function verifyLoggedCwt(token: Uint8Array, claim: LoggedClaim): TokenFacts | BrokenToken {
  return verifyLogged(claim, (expected) => verifyStatusListCwt(token, expected))
}

function verifyLogged(
  { list, iat, trustList }: LoggedClaim,
  verify: (expected: { expectedUri: string; anchors: AnchorsAt; now: number }) => StatusList,
): TokenFacts | BrokenToken {
  try {
    const anchors = anchorsIn(trustList)
    if (anchors === undefined) {
      return { rule: 'wrong_key', detail: 'the trust list is not the one that was logged' }
    }
    const facts = verify({ expectedUri: list, anchors, now: iat })
    return { bits: facts.bits, list: facts.list, iat: facts.iat, exp: facts.exp, ttl: facts.ttl }
  } catch (error) {
    if (error instanceof TrustError) return { rule: 'wrong_key', detail: error.message }
    if (!(error instanceof StatusListError)) throw error
    return { rule: ruleOf(error), detail: error.message }
  }
}

/** Anchors of trust lists that were verified: one list vouches for many tokens. */
const verified = new WeakMap<LoggedTrustList, AnchorsAt>()

function anchorsIn(trustList: LoggedTrustList): AnchorsAt | undefined {
  const known = verified.get(trustList)
  if (known !== undefined) return known
  if (sha256Base64url(trustList.text) !== trustList.leaf.sha256) return undefined
  const signerKey = trustList.leaf.signer as PublicJwk
  const anchors = anchorsOf(verifyTrustListSignature(trustList.text, { signerKey }))
  verified.set(trustList, anchors)
  return anchors
}

function ruleOf(error: StatusListError): Rule {
  switch (error.code) {
    case 'not_trusted':
    case 'signer_unexpected':
    case 'signature_invalid':
      return 'wrong_key'
    case 'not_yet_valid':
    case 'expired':
      return 'back_dating'
    default:
      return 'bad_encoding'
  }
}
