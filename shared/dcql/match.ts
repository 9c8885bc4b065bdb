import type { Json, JsonObject } from '../json.ts'
import { type ConcretePath, resolveClaimPath, valueAt } from '../sd-jwt/claim-path.ts'
import type { ClaimsQuery, CredentialQuery } from './query.ts'

/** What a query looks at in a credential, held or presented. */
export interface CredentialFacts {
  readonly format: string
  /** The type of an SD-JWT VC. */
  readonly vct?: string
  /** The types that `vct` extends, from verified type metadata. OpenID4VP 1.0 Appendix B.3.5. */
  readonly extendedVcts?: readonly string[]
  /** The document type of an mdoc. */
  readonly doctype?: string
  /** The types of a W3C credential. */
  readonly types?: readonly string[]
  readonly claims: JsonObject
  /** Key identifiers in base64url of the authorities in the issuer's chain. OpenID4VP 1.0 §6.1.1.1. */
  readonly authorityKeyIds?: readonly string[]
  /** False for a credential that no key is bound to. */
  readonly holderBound?: boolean
}

/**
 * The places that answer a credential query: none where the query has no claims, those of the first claim set that can
 * be answered otherwise, `undefined` when the credential is no answer. OpenID4VP 1.0 §6.4.1.
 */
export function matchCredential(
  query: CredentialQuery,
  facts: CredentialFacts,
): ConcretePath[] | undefined {
  if (!matchesMeta(query, facts)) return undefined
  const { claims } = query
  if (!claims) return []
  if (!query.claim_sets) return matchAll(claims, facts.claims)
  for (const set of query.claim_sets) {
    const places = matchAll(
      claims.filter(({ id }) => id !== undefined && set.includes(id)),
      facts.claims,
    )
    if (places) return places
  }
  return undefined
}

/** Format, type, trusted authorities and holder binding; not the claims. */
export function matchesMeta(query: CredentialQuery, facts: CredentialFacts): boolean {
  if (query.format !== facts.format) return false
  if (query.require_cryptographic_holder_binding && facts.holderBound === false) return false
  return matchesType(query, facts) && matchesAuthorities(query, facts)
}

function matchesType({ format, meta }: CredentialQuery, facts: CredentialFacts): boolean {
  if (format === 'dc+sd-jwt') {
    const own = [facts.vct, ...(facts.extendedVcts ?? [])]
    return (meta.vct_values as readonly string[]).some((vct) => own.includes(vct))
  }
  if (format === 'mso_mdoc') return meta.doctype_value === facts.doctype
  if (format === 'jwt_vc_json') {
    return (meta.type_values as readonly (readonly string[])[]).some((types) =>
      types.every((type) => facts.types?.includes(type)),
    )
  }
  return false
}

/** §6.1.1: one value of one entry is enough; an entry of a type that is not known here matches nothing. */
function matchesAuthorities(
  { trusted_authorities: authorities }: CredentialQuery,
  { authorityKeyIds = [] }: CredentialFacts,
): boolean {
  if (!authorities) return true
  return authorities.some(
    ({ type, values }) => type === 'aki' && values.some((value) => authorityKeyIds.includes(value)),
  )
}

function matchAll(queries: readonly ClaimsQuery[], claims: JsonObject): ConcretePath[] | undefined {
  const places: ConcretePath[] = []
  for (const query of queries) {
    const found = matchClaim(query, claims)
    if (found.length === 0) return undefined
    places.push(...found)
  }
  return places
}

/** Where values are asked for, only the places that have one of them, compared by type and value. §6.4.1. */
function matchClaim({ path, values }: ClaimsQuery, claims: JsonObject): ConcretePath[] {
  const places = resolveClaimPath(claims, path)
  if (!values) return places
  return places.filter((place) => values.includes(valueAt(claims as Json, place) as string))
}
