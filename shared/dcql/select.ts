import type { ConcretePath } from '../sd-jwt/claim-path.ts'
import { type CredentialFacts, matchCredential } from './match.ts'
import type { DcqlQuery } from './query.ts'

/** A credential that a wallet holds. */
export interface Candidate extends CredentialFacts {
  readonly id: string
}

/** A held credential that answers a credential query, and the places to disclose. */
export interface Match {
  readonly queryId: string
  readonly candidateId: string
  readonly multiple: boolean
  readonly disclose: readonly ConcretePath[]
}

/** What a wallet may answer. */
export interface Selection {
  /** False when something required cannot be answered: then nothing is returned. OpenID4VP 1.0 §6.4.2. */
  readonly satisfied: boolean
  /** One match for each credential query that must be answered, in the query's order; empty when not satisfied. */
  readonly required: readonly Match[]
  /** Matches for optional sets, one array for each, which a holder may add. */
  readonly optional: readonly (readonly Match[])[]
  /** Every candidate that answers a query, for a holder who wants another one; the first is the proposed one. */
  readonly alternatives: Readonly<Record<string, readonly Match[]>>
  /** The required credential queries, or those of a required set's first option, that nothing answers. */
  readonly missing: readonly string[]
}

/**
 * Chooses what answers a query with as little as it asks: for each credential query the first candidate that matches,
 * of each required set the first option that can be answered. Candidates come in the holder's order of preference.
 * OpenID4VP 1.0 §6.4.
 */
export function selectCredentials(query: DcqlQuery, candidates: readonly Candidate[]): Selection {
  const alternatives: Record<string, readonly Match[]> = {}
  for (const credential of query.credentials) {
    alternatives[credential.id] = candidates.flatMap((candidate) => {
      const disclose = matchCredential(credential, candidate)
      if (!disclose) return []
      const { id: queryId, multiple } = credential
      return [{ queryId, candidateId: candidate.id, multiple, disclose }]
    })
  }
  const first = (id: string): Match | undefined => alternatives[id]?.[0]
  const answers = (option: readonly string[]): boolean => option.every((id) => first(id))
  const wanted = new Set<string>()
  const missing: string[] = []
  for (const { options, required } of setsOf(query)) {
    if (!required) continue
    const option = options.find(answers)
    for (const id of option ?? []) wanted.add(id)
    if (!option) missing.push(...(options[0] ?? []).filter((id) => !first(id)))
  }
  const optional = setsOf(query)
    .filter(({ required }) => !required)
    .flatMap(({ options }) => options.filter(answers).slice(0, 1))
    .map((option) => option.filter((id) => !wanted.has(id)))
    .filter((option) => option.length > 0)
  const satisfied = missing.length === 0
  const matchesOf = (ids: readonly string[]): Match[] => ids.flatMap((id) => first(id) ?? [])
  const inOrder = query.credentials.map(({ id }) => id).filter((id) => wanted.has(id))
  return {
    satisfied,
    required: satisfied ? matchesOf(inOrder) : [],
    optional: satisfied ? optional.map(matchesOf) : [],
    alternatives,
    missing,
  }
}

/** §6.4.2: without `credential_sets` all credentials are requested. */
export function setsOf(
  query: DcqlQuery,
): { options: readonly (readonly string[])[]; required: boolean }[] {
  return (
    query.credential_sets?.map(({ options, required }) => ({ options, required })) ??
    query.credentials.map(({ id }) => ({ options: [[id]], required: true }))
  )
}
