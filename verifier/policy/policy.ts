import { z } from 'zod'
import { type DcqlQuery, parseDcqlQuery, requestedPaths } from '../../shared/dcql/query.ts'
import { sha256Hex } from '../../shared/hash.ts'
import { canonicalJson, type Json, type JsonObject } from '../../shared/json.ts'
import type { ClaimPath } from '../../shared/sd-jwt/claim-path.ts'

/** What a rule or a status leads to when it does not hold, from mild to severe. */
export const OUTCOMES = ['accept', 'review', 'step_up', 'refuse'] as const
export type Outcome = (typeof OUTCOMES)[number]
type Failing = Exclude<Outcome, 'accept'>

type Scalar = string | number | boolean

/** One thing that must be true of a claim; an absent claim fails it. */
export type Rule = {
  readonly path: ClaimPath
  readonly otherwise: Failing
  readonly code: string
} & (
  | { readonly equals: Scalar }
  | { readonly one_of: readonly Scalar[] }
  | { readonly max_age_days: number }
  | { readonly not_past: true }
)

/** What a policy asks of the credential that answers one credential query. */
export interface CredentialPolicy {
  /** Every issuer that the trust list names, or only these `iss` values among them. */
  readonly issuers: 'trust_list' | readonly string[]
  /** `undetermined` never leads to acceptance, and neither does a credential without a status. */
  readonly status: {
    /** How old a status list token may be when it is relied on. */
    readonly max_staleness_seconds: number
    readonly suspended: Failing
    readonly undetermined: Failing
  }
  readonly rules: readonly Rule[]
}

/** The policy as data, as it stands in a file of `policy/packs`. */
interface PolicyData {
  readonly id: string
  readonly version: number
  /** How much a platform relies on the issuer: docs/verifier.md. */
  readonly trust_level: 'TL0' | 'TL1' | 'TL2' | 'TL3' | 'TL4'
  readonly title: string
  /** Why the claims are needed, in words for the person who is asked. */
  readonly purpose: string
  readonly query: Readonly<Record<string, unknown>>
  readonly key_binding: { readonly max_age_seconds: number }
  readonly credentials: Readonly<Record<string, CredentialPolicy>>
}

const code = z.string().regex(/^[a-z][a-z0-9_]{1,63}$/)
const path = z.array(z.union([z.string(), z.int().min(0), z.null()])).min(1)
const otherwise = z.enum(['review', 'step_up', 'refuse'])
const scalar = z.union([z.string(), z.number(), z.boolean()])

const ruleSchema = z.union([
  z.strictObject({ path, otherwise, code, equals: scalar }),
  z.strictObject({ path, otherwise, code, one_of: z.array(scalar).min(1) }),
  z.strictObject({ path, otherwise, code, max_age_days: z.int().min(1) }),
  z.strictObject({ path, otherwise, code, not_past: z.literal(true) }),
])

const credentialPolicySchema = z.strictObject({
  issuers: z.union([z.literal('trust_list'), z.array(z.url()).min(1)]),
  status: z.strictObject({
    max_staleness_seconds: z.int().min(1),
    suspended: otherwise,
    undetermined: otherwise,
  }),
  rules: z.array(ruleSchema).max(64),
})

const policySchema: z.ZodType<PolicyData> = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/),
  version: z.int().min(1),
  trust_level: z.enum(['TL0', 'TL1', 'TL2', 'TL3', 'TL4']),
  title: z.string().min(1).max(200),
  purpose: z.string().min(1).max(500),
  query: z.record(z.string(), z.unknown()),
  key_binding: z.strictObject({ max_age_seconds: z.int().min(1).max(3600) }),
  credentials: z.record(z.string(), credentialPolicySchema),
})

/** A policy that was checked once: data, its parsed query, and the digest by which a receipt names it. */
export interface Policy extends Omit<PolicyData, 'query'> {
  readonly query: DcqlQuery
  /** The policy as it was written; what is archived, and whose `query` goes into a request object. */
  readonly document: JsonObject
  readonly sha256: string
}

/** The policy data cannot be used. The message names the member. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError'
}

/**
 * Reads a policy. Unknown members are refused; every credential query has its rules, every rule looks at a claim that
 * the query asks for, and every credential must be bound to its holder.
 * @throws PolicyError
 */
export function parsePolicy(document: Json): Policy {
  const parsed = policySchema.safeParse(document)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw new PolicyError(`${issue?.path.join('.') || 'policy'}: ${issue?.message}`)
  }
  const query = parseQuery(parsed.data.query)
  checkQuery(query, parsed.data.credentials)
  return {
    ...parsed.data,
    query,
    document: document as JsonObject,
    sha256: sha256Hex(canonicalJson(document)),
  }
}

function parseQuery(value: unknown): DcqlQuery {
  try {
    return parseDcqlQuery(value)
  } catch (cause) {
    throw new PolicyError(`query: ${cause instanceof Error ? cause.message : 'not valid'}`, {
      cause,
    })
  }
}

function checkQuery(
  query: DcqlQuery,
  credentials: Readonly<Record<string, CredentialPolicy>>,
): void {
  const ids = query.credentials.map(({ id }) => id)
  for (const id of Object.keys(credentials)) {
    if (!ids.includes(id)) throw new PolicyError(`credentials.${id}: the query does not ask for it`)
  }
  checkOneCredential(query)
  for (const credential of query.credentials) {
    const policy = Object.hasOwn(credentials, credential.id)
      ? credentials[credential.id]
      : undefined
    if (!policy) throw new PolicyError(`credentials.${credential.id}: missing`)
    if (!credential.require_cryptographic_holder_binding) {
      throw new PolicyError(`query: ${credential.id} must require holder binding`)
    }
    if (credential.format !== 'dc+sd-jwt') {
      throw new PolicyError(`query: ${credential.id} has a format that is not verified here`)
    }
    const asked = new Set(requestedPaths(credential).map((path) => JSON.stringify(path)))
    for (const rule of policy.rules) {
      if (!asked.has(JSON.stringify(rule.path))) {
        throw new PolicyError(
          `credentials.${credential.id}: ${rule.code} looks at a claim that is not asked for`,
        )
      }
    }
  }
}

/**
 * A policy takes one credential, of one kind or of several alternatives: two credentials may be of two people, and no
 * rule can say yet what ties them together.
 */
function checkOneCredential({ credentials, credential_sets: sets }: DcqlQuery): void {
  if (credentials.some(({ multiple }) => multiple)) {
    throw new PolicyError('query: multiple is not supported')
  }
  const alternatives =
    sets?.length === 1 && sets[0]?.required && sets[0].options.every(({ length }) => length === 1)
  if (credentials.length > 1 && !alternatives) {
    throw new PolicyError('query: several credentials must be alternatives in one credential set')
  }
}
