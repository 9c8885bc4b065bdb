import { chunkRoot } from '../../shared/audit/chunk-proof.ts'
import type { StatusPublished } from '../../shared/audit/status-leaf.ts'
import type { NumericDate } from '../../shared/clock.ts'
import { sha256Base64url } from '../../shared/hash.ts'
import type { StatusBits } from '../../shared/status-list/bits.ts'
import { judgeCrowd } from './crowd.ts'
import type { Finding, Rule } from './finding.ts'

/** Seconds by which a publication may miss its declared time, and clocks may differ. */
export const TOLERANCE_SECONDS = 60

/** INVALID. Token Status List §7.1. */
const REVOKED = 1

/** What a verified token says. */
export interface TokenFacts {
  readonly bits: StatusBits
  /** Uncompressed. */
  readonly list: Uint8Array
  readonly iat: NumericDate
  readonly exp: NumericDate | undefined
  readonly ttl: number | undefined
}

/** The last publication of a list that was judged. */
export interface JudgedPublication {
  readonly leaf: StatusPublished
  readonly leafHash: string
  /** Uncompressed; `undefined` when no token that verifies was there. */
  readonly list: Uint8Array | undefined
}

/** One publication, beside the one before it. */
export interface PublicationCase {
  readonly index: number
  readonly leaf: StatusPublished
  readonly previous: JudgedPublication | undefined
  /** The archived token; `undefined` when the issuer does not have it. */
  readonly token: string | undefined
  /** The verified token, or the rule that it breaks. */
  readonly verified: TokenFacts | { readonly rule: Rule; readonly detail: string } | undefined
  /** The log had not shown this leaf at this time, by our own clock. */
  readonly absentAt: NumericDate | undefined
  /** The leaf was first seen at this time, by our own clock. */
  readonly seenAt: NumericDate
}

/** Judges one publication by every rule that its leaf, its token and the publication before decide. Pure. */
export function judgePublication(publication: PublicationCase): Finding[] {
  const { index, leaf, token, verified } = publication
  const findings: Finding[] = []
  const report = (rule: Rule, detail: string): void => {
    findings.push({ rule, detail, list: leaf.list, leaf: index })
  }
  judgeChain(publication, report)
  judgeClock(publication, report)
  if (token === undefined) report('token_missing', 'the issuer does not serve the logged token')
  else if (sha256Base64url(token) !== leaf.sha256) {
    report('token_mismatch', 'the token served is not the one that was logged')
  } else if (verified !== undefined && 'rule' in verified) report(verified.rule, verified.detail)
  else if (verified !== undefined) {
    judgeToken(publication, verified, report)
    const before = publication.previous?.leaf
    if (isListOfSize(verified.list, leaf)) {
      findings.push(...judgeCrowd(leaf, verified.list, { before, index }))
    }
  }
  return findings
}

type Report = (rule: Rule, detail: string) => void

function judgeChain({ leaf, previous }: PublicationCase, report: Report): void {
  if (leaf.sequence !== (previous?.leaf.sequence ?? 0) + 1) {
    report('sequence_broken', `sequence ${leaf.sequence} follows ${previous?.leaf.sequence ?? 0}`)
  } else if (leaf.previous !== previous?.leafHash) {
    report('sequence_broken', 'the leaf names another publication as the one before')
  }
  if (previous === undefined) return
  const before = previous.leaf
  if (leaf.iat < before.iat) {
    report('back_dating', `iat ${leaf.iat} is before ${before.iat} of the publication before`)
  }
  if (leaf.iat > before.exp) {
    report('coverage_gap', `no token was valid from ${before.exp} to ${leaf.iat}`)
  } else if (leaf.iat > before.iat + before.ttl + TOLERANCE_SECONDS) {
    const late = leaf.iat - before.iat - before.ttl
    report('late_publication', `published ${late} s after the declared cadence`)
  }
  if (leaf.size < before.size || leaf.bits !== before.bits) {
    report('shrinking_list', `${before.size} entries became ${leaf.size}`)
  }
}

/** Our own clock bounds what the issuer may claim: a leaf that was not there yet cannot be older than that. */
function judgeClock({ leaf, absentAt, seenAt }: PublicationCase, report: Report): void {
  if (absentAt !== undefined && leaf.iat < absentAt - TOLERANCE_SECONDS) {
    report('back_dating', `iat ${leaf.iat}, but the log did not have it at ${absentAt}`)
  }
  if (leaf.iat > seenAt + TOLERANCE_SECONDS) {
    report('back_dating', `iat ${leaf.iat} is ahead of ${seenAt}, when it was seen`)
  }
}

function judgeToken({ leaf, previous }: PublicationCase, facts: TokenFacts, report: Report): void {
  const { bits, list, iat, exp, ttl } = facts
  if (iat !== leaf.iat || exp !== leaf.exp || ttl !== leaf.ttl || bits !== leaf.bits) {
    report('token_mismatch', 'the token does not say what its leaf says')
  }
  if (!isListOfSize(list, leaf)) {
    report('token_mismatch', 'the list has another size than its leaf says')
  }
  if (chunkRoot(list).toString('base64url') !== leaf.root) {
    report('token_mismatch', 'the list does not hash to the root in its leaf')
  }
  if (previous?.list === undefined || previous.leaf.bits !== leaf.bits) return
  const returned = unrevoked(previous.list, list, leaf.bits)
  if (returned.length > 0) {
    const shown = returned.slice(0, 10).join(', ')
    report('un_revocation', `${returned.length} revoked entries came back: ${shown}`)
  }
}

function isListOfSize(list: Uint8Array, { size, bits }: StatusPublished): boolean {
  return list.length === Math.ceil((size * bits) / 8)
}

/** The same publication in its second form. */
export interface CwtCase {
  readonly index: number
  readonly leaf: StatusPublished
  /** The archived CWT; `undefined` when the issuer does not have it. */
  readonly cwt: Uint8Array | undefined
  readonly verified: TokenFacts | { readonly rule: Rule; readonly detail: string } | undefined
  /** What the JWT says, when that verified. */
  readonly jwt: TokenFacts | undefined
}

/** Judges a publication's CWT: logged, signed, and saying what the JWT says. Pure. */
export function judgeCwt({ index, leaf, cwt, verified, jwt }: CwtCase): Finding[] {
  const finding = (rule: Rule, detail: string): Finding[] => [
    { rule, detail, list: leaf.list, leaf: index },
  ]
  if (cwt === undefined) return finding('token_missing', 'the issuer does not serve the logged CWT')
  if (sha256Base64url(cwt) !== leaf.cwt_sha256) {
    return finding('token_mismatch', 'the CWT served is not the one that was logged')
  }
  if (verified === undefined || jwt === undefined) return []
  if ('rule' in verified) return finding(verified.rule, verified.detail)
  const isSame =
    verified.iat === jwt.iat &&
    verified.exp === jwt.exp &&
    verified.ttl === jwt.ttl &&
    verified.bits === jwt.bits &&
    Buffer.compare(verified.list, jwt.list) === 0
  return isSame ? [] : finding('forms_differ', 'the CWT does not say what the JWT says')
}

/** Indexes that were revoked in `before` and are not in `after`. */
export function unrevoked(before: Uint8Array, after: Uint8Array, bits: number): number[] {
  const found: number[] = []
  const mask = (1 << bits) - 1
  for (let at = 0; at < before.length; at++) {
    const [old, now] = [before[at] ?? 0, after[at] ?? 0]
    if (old === now) continue
    for (let shift = 0; shift < 8; shift += bits) {
      if (((old >> shift) & mask) === REVOKED && ((now >> shift) & mask) !== REVOKED) {
        found.push((at * 8 + shift) / bits)
      }
    }
  }
  return found
}
