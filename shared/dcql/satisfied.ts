import { type ClaimPath, type ConcretePath, pathsOverlap } from '../sd-jwt/claim-path.ts'
import { type CredentialFacts, matchCredential, matchesMeta } from './match.ts'
import { type CredentialQuery, type DcqlQuery, requestedPaths } from './query.ts'
import { setsOf } from './select.ts'

/** A presented credential that was verified already. */
export interface Presented extends CredentialFacts {
  readonly disclosedPaths: readonly ConcretePath[]
}

/** Why a response is not what was asked for. */
export type QueryReasonCode =
  | 'not_requested'
  | 'credential_missing'
  | 'credential_repeated'
  | 'credential_type'
  | 'claims_missing'

/** Whether a response answers the query, and what else came with it. */
export interface QueryOutcome {
  readonly satisfied: boolean
  /** `<code>:<credential query id>`; for a required set, of its first option. */
  readonly reasons: readonly string[]
  /** Disclosed places that were not asked for, which are to be discarded. */
  readonly surplus: readonly { readonly queryId: string; readonly path: ConcretePath }[]
}

/**
 * Judges a response by the query that asked for it, never by what the wallet says: every presentation belongs to a
 * credential query and matches its format, type, authorities, binding, claims and values, at most one where `multiple`
 * is not set, and together they answer every required set. OpenID4VP 1.0 §8.6, §14.9, §6.4.
 */
export function querySatisfied(
  query: DcqlQuery,
  presented: Readonly<Record<string, readonly Presented[]>>,
): QueryOutcome {
  const reasons: string[] = []
  const surplus: { queryId: string; path: ConcretePath }[] = []
  const answered = new Set<string>()
  for (const [queryId, credentials] of Object.entries(presented)) {
    const credentialQuery = query.credentials.find(({ id }) => id === queryId)
    if (!credentialQuery) {
      reasons.push(`not_requested:${queryId}`)
      continue
    }
    const found = judge(credentialQuery, credentials)
    reasons.push(...found.map((code) => `${code}:${queryId}`))
    if (found.length === 0) answered.add(queryId)
    for (const { disclosedPaths } of credentials) {
      for (const path of surplusPaths(credentialQuery, disclosedPaths))
        surplus.push({ queryId, path })
    }
  }
  for (const { options, required } of setsOf(query)) {
    if (!required || options.some((option) => option.every((id) => answered.has(id)))) continue
    const [firstOption = []] = options
    const absent = firstOption.filter((id) => !Object.hasOwn(presented, id))
    reasons.push(...absent.map((id) => `credential_missing:${id}`))
  }
  const complete = setsOf(query).every(
    ({ options, required }) =>
      !required || options.some((option) => option.every((id) => answered.has(id))),
  )
  return { satisfied: complete && reasons.length === 0, reasons, surplus }
}

function judge(query: CredentialQuery, credentials: readonly Presented[]): QueryReasonCode[] {
  if (credentials.length === 0) return ['credential_missing']
  if (credentials.length > 1 && !query.multiple) return ['credential_repeated']
  for (const credential of credentials) {
    if (!matchesMeta(query, credential)) return ['credential_type']
    if (!matchCredential(query, credential)) return ['claims_missing']
  }
  return []
}

function surplusPaths(query: CredentialQuery, disclosed: readonly ConcretePath[]): ConcretePath[] {
  const asked: readonly ClaimPath[] = requestedPaths(query)
  return disclosed.filter((path) => !asked.some((one) => pathsOverlap(one, path)))
}
