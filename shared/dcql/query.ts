import { isJsonObject, type Json, type JsonObject } from '../json.ts'
import type { ClaimPath } from '../sd-jwt/claim-path.ts'
import { DcqlError } from './error.ts'

/** A value that a claim may be asked to have. OpenID4VP 1.0 §6.3. */
export type ClaimValue = string | number | boolean

/** A claim that is asked for. OpenID4VP 1.0 §6.3. */
export interface ClaimsQuery {
  readonly id?: string
  readonly path: ClaimPath
  readonly values?: readonly ClaimValue[]
}

/** Whose credentials are wanted. OpenID4VP 1.0 §6.1.1. */
export interface TrustedAuthoritiesQuery {
  readonly type: string
  readonly values: readonly string[]
}

/** A credential that is asked for, with the defaults of the specification filled in. OpenID4VP 1.0 §6.1. */
export interface CredentialQuery {
  readonly id: string
  readonly format: string
  readonly multiple: boolean
  readonly meta: JsonObject
  readonly trusted_authorities?: readonly TrustedAuthoritiesQuery[]
  readonly require_cryptographic_holder_binding: boolean
  readonly claims?: readonly ClaimsQuery[]
  /** Identifiers of claims, in the verifier's order of preference. */
  readonly claim_sets?: readonly (readonly string[])[]
}

/** Which combinations of credentials answer. OpenID4VP 1.0 §6.2. */
export interface CredentialSetQuery {
  readonly options: readonly (readonly string[])[]
  readonly required: boolean
}

/** A query that {@link parseDcqlQuery} accepted. OpenID4VP 1.0 §6. */
export interface DcqlQuery {
  readonly credentials: readonly CredentialQuery[]
  readonly credential_sets?: readonly CredentialSetQuery[]
}

const IDENTIFIER = /^[A-Za-z0-9_-]{1,128}$/
/** Most entries of any array in a query; a query is read by people. */
const MAX_ENTRIES = 128
const MAX_PATH = 16

/**
 * Reads a DCQL query strictly: every member that the specification defines has its shape, identifiers are unique and
 * point at something, the metadata of known formats is there. Members it does not define are ignored (§6).
 * OpenID4VP 1.0 §6, §7, Appendix B.
 * @throws DcqlError
 */
export function parseDcqlQuery(value: unknown): DcqlQuery {
  if (!isJsonObject(value)) throw malformed('dcql_query is not an object')
  const credentials = entries(value, 'credentials').map(parseCredentialQuery)
  const ids = new Set(credentials.map(({ id }) => id))
  if (ids.size !== credentials.length) throw malformed('credentials repeats an id')
  if (!Object.hasOwn(value, 'credential_sets')) return { credentials }
  const sets = entries(value, 'credential_sets').map((set) => parseCredentialSet(set, ids))
  return { credentials, credential_sets: sets }
}

/** Every path that a credential query names. */
export function requestedPaths({ claims }: CredentialQuery): ClaimPath[] {
  return (claims ?? []).map(({ path }) => path)
}

function parseCredentialQuery(query: Json): CredentialQuery {
  if (!isJsonObject(query)) throw malformed('credentials holds something else than an object')
  const id = identifier(query.id, 'credentials.id')
  const { format } = query
  if (typeof format !== 'string' || format === '') throw malformed('format is missing')
  const meta = parseMeta(query.meta, format)
  const claims = Object.hasOwn(query, 'claims')
    ? entries(query, 'claims').map((claim) => parseClaim(claim, format))
    : undefined
  const claimIds = (claims ?? []).flatMap((claim) => (claim.id === undefined ? [] : [claim.id]))
  if (new Set(claimIds).size !== claimIds.length) throw malformed('claims repeats an id')
  const paths = (claims ?? []).map(({ path }) => JSON.stringify(path))
  // §6.1 "claims": "Verifiers MUST NOT point to the same claim more than once in a single query."
  if (new Set(paths).size !== paths.length) throw malformed('claims repeats a path')
  return {
    id,
    format,
    multiple: flag(query, 'multiple', false),
    meta,
    require_cryptographic_holder_binding: flag(query, 'require_cryptographic_holder_binding', true),
    ...(Object.hasOwn(query, 'trusted_authorities')
      ? { trusted_authorities: entries(query, 'trusted_authorities').map(parseAuthority) }
      : {}),
    ...(claims ? { claims } : {}),
    ...(Object.hasOwn(query, 'claim_sets')
      ? { claim_sets: parseClaimSets(query, claims, claimIds) }
      : {}),
  }
}

function parseClaimSets(
  query: JsonObject,
  claims: readonly ClaimsQuery[] | undefined,
  claimIds: readonly string[],
): string[][] {
  // §6.1: "claim_sets … MUST NOT be present if claims is absent"; §6.3: "id … REQUIRED if claim_sets is present"
  if (!claims) throw malformed('claim_sets stands without claims')
  if (claimIds.length !== claims.length)
    throw malformed('a claim has no id although there are claim_sets')
  return entries(query, 'claim_sets').map((set) => {
    const ids = list(set, 'claim_sets').map((id) => identifier(id, 'claim_sets'))
    if (!ids.every((id) => claimIds.includes(id)))
      throw malformed('claim_sets names an unknown claim')
    return ids
  })
}

function parseClaim(claim: Json, format: string): ClaimsQuery {
  if (!isJsonObject(claim)) throw malformed('claims holds something else than an object')
  const path = parsePath(claim.path)
  // Appendix B.2.4: "The path … MUST contain exactly two elements of type string"
  if (
    format === 'mso_mdoc' &&
    (path.length !== 2 || path.some((part) => typeof part !== 'string'))
  ) {
    throw malformed('path of an mdoc is not a namespace and an element')
  }
  return {
    path,
    ...(Object.hasOwn(claim, 'id') ? { id: identifier(claim.id, 'claims.id') } : {}),
    ...(Object.hasOwn(claim, 'values') ? { values: entries(claim, 'values').map(parseValue) } : {}),
  }
}

/** §7: "a non-empty array of strings, nulls and non-negative integers". @throws DcqlError */
function parsePath(path: Json | undefined): ClaimPath {
  if (!Array.isArray(path) || path.length === 0) throw malformed('path is not a non-empty array')
  if (path.length > MAX_PATH) throw new DcqlError('too_large', 'path is too long')
  for (const part of path as readonly Json[]) {
    const fits = typeof part === 'string' || part === null || isIndex(part)
    if (!fits) throw malformed('path holds something else than a string, null or an index')
  }
  return path as ClaimPath
}

function isIndex(part: Json): boolean {
  return typeof part === 'number' && Number.isSafeInteger(part) && part >= 0
}

function parseValue(value: Json): ClaimValue {
  if (typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  throw malformed('values holds something else than a string, an integer or a boolean')
}

function parseMeta(meta: Json | undefined, format: string): JsonObject {
  // §6.1: "meta: REQUIRED. An object …"; what it must hold is said by each format in Appendix B
  if (!isJsonObject(meta)) throw malformed('meta is not an object')
  if (format === 'dc+sd-jwt') strings(meta, 'vct_values')
  if (format === 'mso_mdoc' && typeof meta.doctype_value !== 'string') {
    throw malformed('doctype_value is not a string')
  }
  if (format === 'jwt_vc_json') {
    for (const types of entries(meta, 'type_values')) {
      if (!list(types, 'type_values').every((type) => typeof type === 'string')) {
        throw malformed('type_values holds something else than strings')
      }
    }
  }
  return meta
}

function parseAuthority(authority: Json): TrustedAuthoritiesQuery {
  if (!isJsonObject(authority) || typeof authority.type !== 'string') {
    throw malformed('trusted_authorities.type is not a string')
  }
  return { type: authority.type, values: strings(authority, 'values') }
}

function parseCredentialSet(set: Json, ids: ReadonlySet<string>): CredentialSetQuery {
  if (!isJsonObject(set)) throw malformed('credential_sets holds something else than an object')
  const options = entries(set, 'options').map((option) =>
    list(option, 'options').map((id) => identifier(id, 'options')),
  )
  if (!options.flat().every((id) => ids.has(id)))
    throw malformed('options names an unknown credential')
  return { options, required: flag(set, 'required', true) }
}

function strings(container: JsonObject, member: string): readonly string[] {
  const values = entries(container, member)
  if (!values.every((value) => typeof value === 'string')) {
    throw malformed(`${member} holds something else than strings`)
  }
  return values as readonly string[]
}

function entries(container: JsonObject, member: string): readonly Json[] {
  return list(container[member], member)
}

function list(value: Json | undefined, member: string): readonly Json[] {
  if (!Array.isArray(value) || value.length === 0)
    throw malformed(`${member} is not a non-empty array`)
  if (value.length > MAX_ENTRIES) throw new DcqlError('too_large', `${member} has too many entries`)
  return value
}

function identifier(value: Json | undefined, member: string): string {
  // §6.1: "a non-empty string consisting of alphanumeric, underscore (_), or hyphen (-) characters"
  if (typeof value === 'string' && IDENTIFIER.test(value)) return value
  throw malformed(`${member} is not an identifier`)
}

function flag(container: JsonObject, member: string, absent: boolean): boolean {
  if (!Object.hasOwn(container, member)) return absent
  const value = container[member]
  if (typeof value !== 'boolean') throw malformed(`${member} is not a boolean`)
  return value
}

function malformed(message: string): DcqlError {
  return new DcqlError('malformed', message)
}
