import { type NumericDate, parseDateTime, startOfDate } from '../../shared/clock.ts'
import type { Json } from '../../shared/json.ts'
import type { CredentialPolicy, Outcome, Policy, Rule } from '../policy/policy.ts'
import { OUTCOMES } from '../policy/policy.ts'
import { claimsAt } from '../presentation/claims.ts'
import {
  isVerifiedPresentation,
  type VerifiedCredential,
  type VerifiedPresentation,
} from '../presentation/verify.ts'

/**
 * What a platform does with a verified presentation under one policy. `codes` say why it is not simply accepted, the
 * codes of this file beside those of the policy's own rules; they are stable and sorted.
 */
export interface Acceptance {
  readonly outcome: Outcome
  readonly codes: readonly string[]
}

/** True when two acceptances say the same. */
export function sameAcceptance(one: Acceptance, other: Acceptance): boolean {
  return one.outcome === other.outcome && one.codes.join() === other.codes.join()
}

interface Finding {
  readonly outcome: Outcome
  readonly code: string
}

const DAY_SECONDS = 86_400

/**
 * Decides from a verified presentation and a policy alone: same inputs, same acceptance. The severest finding decides,
 * all findings are told. Nothing that is missing is taken for granted: a credential without a status, a claim that is
 * not there and a status that could not be determined all fail.
 */
export function accept(
  presentation: VerifiedPresentation,
  policy: Policy,
  now: NumericDate,
): Acceptance {
  if (!isVerifiedPresentation(presentation)) throw new TypeError('not a verified presentation')
  const findings = presentation.credentials.flatMap((credential) =>
    judgeCredential(credential, policy, now),
  )
  // A presentation under other rules than the ones that were verified for proves nothing.
  if (presentation.policySha256 !== policy.sha256 || presentation.credentials.length === 0) {
    findings.push({ outcome: 'refuse', code: 'policy_mismatch' })
  }
  // Two credentials may be of two people; until a policy can say what ties them together, nothing does.
  if (presentation.credentials.length > 1) {
    findings.push({ outcome: 'refuse', code: 'credentials_not_linked' })
  }
  const outcome = findings.reduce<Outcome>(
    (worst, finding) => severer(worst, finding.outcome),
    'accept',
  )
  return { outcome, codes: [...new Set(findings.map(({ code }) => code))].sort() }
}

function judgeCredential(
  credential: VerifiedCredential,
  policy: Policy,
  now: NumericDate,
): Finding[] {
  const own = policy.credentials[credential.queryId]
  if (!own) return [{ outcome: 'refuse', code: 'policy_mismatch' }]
  return [
    ...judgeIssuer(credential, own),
    ...judgeStatus(credential, own),
    ...own.rules
      .filter((rule) => !holds(rule, claimsAt(credential.claims, rule.path), now))
      .map((rule) => ({ outcome: rule.otherwise, code: rule.code })),
  ]
}

function judgeIssuer({ issuer }: VerifiedCredential, policy: CredentialPolicy): Finding[] {
  if (policy.issuers === 'trust_list') return []
  if (policy.issuers.includes(issuer)) return []
  return [{ outcome: 'refuse', code: 'issuer_not_accepted' }]
}

/** Four verdicts, and a credential without a status is like one whose status nobody could tell. */
function judgeStatus({ status }: VerifiedCredential, policy: CredentialPolicy): Finding[] {
  switch (status.verdict) {
    case 'valid':
      return []
    case 'revoked':
      return [{ outcome: 'refuse', code: 'revoked' }]
    case 'suspended':
      return [{ outcome: policy.status.suspended, code: 'suspended' }]
    case 'undetermined':
      return [{ outcome: policy.status.undetermined, code: 'undetermined' }]
  }
}

/** True when the claim is there and every value at its path satisfies the rule. */
function holds(rule: Rule, values: readonly Json[], now: NumericDate): boolean {
  return values.length > 0 && values.every((value) => satisfies(rule, value, now))
}

function satisfies(rule: Rule, value: Json, now: NumericDate): boolean {
  if ('equals' in rule) return value === rule.equals
  if ('one_of' in rule) return (rule.one_of as readonly Json[]).includes(value)
  const time = timeOf(value)
  if (time === undefined) return false
  // A date is its first second; a document is good until the end of the day it names.
  if ('not_past' in rule) return now < time + DAY_SECONDS
  return time <= now && now - time <= rule.max_age_days * DAY_SECONDS
}

/** A date-time or NumericDate as it is, a full-date as its first second in UTC. */
function timeOf(value: Json): NumericDate | undefined {
  if (typeof value === 'number') return value
  if (typeof value !== 'string') return undefined
  return startOfDate(value) ?? parseDateTime(value)
}

function severer(one: Outcome, other: Outcome): Outcome {
  return OUTCOMES.indexOf(one) >= OUTCOMES.indexOf(other) ? one : other
}
