import { hash, timingSafeEqual } from 'node:crypto'
import { isJsonObject, type Json, JsonError, type JsonObject, parseJsonBytes } from '../json.ts'
import { type ClaimPath, type ConcretePath, pathsOverlap, resolveClaimPath } from './claim-path.ts'
import { SdJwtError } from './error.ts'

/** Whether a claim is disclosed selectively. SD-JWT VC draft-13 §9.3. */
export type DisclosureRule = 'always' | 'allowed' | 'never'

/** What a type says about one claim. SD-JWT VC draft-13 §9. */
export interface ClaimMetadata {
  readonly path: ClaimPath
  readonly sd: DisclosureRule
  readonly mandatory: boolean
  readonly display?: Json
}

/** A credential type with what it inherits. SD-JWT VC draft-13 §6.2. */
export interface TypeMetadata {
  readonly vct: string
  readonly name?: string
  readonly description?: string
  readonly display?: Json
  /** The types it extends, nearest first. */
  readonly extended: readonly string[]
  /** Its own claims and the inherited ones. */
  readonly claims: readonly ClaimMetadata[]
}

/** Answers the document of a type as bytes; a caller fetches through the guarded fetch or a local registry. */
export type FetchTypeMetadata = (vct: string) => Promise<Uint8Array>

const MAX_DOCUMENT_BYTES = 1 << 18
/** Longest chain of `extends`. */
export const MAX_EXTENDS = 8

/**
 * Reads the metadata of a type and of all that it extends: each document names the type that was asked for, matches its
 * integrity value where there is one, and no chain is circular ("MUST reject", §8.2) or long. A type that extends may
 * add claims and make rules stricter, never looser. SD-JWT VC draft-13 §6, §7, §9.
 * @throws SdJwtError
 */
export async function resolveTypeMetadata(
  vct: string,
  { fetchMetadata, integrity }: { fetchMetadata: FetchTypeMetadata; integrity?: string },
): Promise<TypeMetadata> {
  const chain: TypeDocument[] = []
  let next: { vct: string; integrity: string | undefined } | undefined = { vct, integrity }
  while (next) {
    if (chain.some((document) => document.vct === next?.vct)) throw invalid('extends is circular')
    if (chain.length > MAX_EXTENDS) throw invalid('extends is too long')
    const document = await fetchDocument(next, fetchMetadata)
    chain.push(document)
    next = document.extends
  }
  const [own, ...inherited] = chain as [TypeDocument, ...TypeDocument[]]
  let claims: readonly ClaimMetadata[] = []
  for (const document of chain.toReversed()) claims = inherit(claims, document.claims)
  return {
    vct: own.vct,
    ...own.texts,
    extended: inherited.map((document) => document.vct),
    claims,
  }
}

/**
 * Reads the type of a presented credential, whose signature was verified, and checks the credential by it; the
 * integrity value is the credential's own `vct#integrity`. SD-JWT VC draft-13 §6.3.1, §7.
 * @throws SdJwtError
 */
export async function verifyCredentialType(
  {
    vct,
    claims,
    disclosedPaths,
  }: { vct: string; claims: JsonObject; disclosedPaths: readonly ConcretePath[] },
  fetchMetadata: FetchTypeMetadata,
): Promise<TypeMetadata> {
  const integrity = claims['vct#integrity']
  if (integrity !== undefined && typeof integrity !== 'string') {
    throw new SdJwtError('claim_invalid', 'vct#integrity is not a string')
  }
  const metadata = await resolveTypeMetadata(vct, {
    fetchMetadata,
    ...(integrity === undefined ? {} : { integrity }),
  })
  checkPresentedClaims(claims, { metadata, disclosedPaths })
  return metadata
}

/**
 * Checks a credential against its type as an issuer or a holder sees it, with every disclosure at hand: mandatory claims
 * are there, and each claim is disclosable or not as its type says. SD-JWT VC draft-13 §9.3, §9.4.
 * @throws SdJwtError
 */
export function checkIssuedClaims(
  claims: JsonObject,
  { metadata, disclosable }: { metadata: TypeMetadata; disclosable: readonly ConcretePath[] },
): void {
  for (const { path, mandatory } of metadata.claims) {
    if (mandatory && resolveClaimPath(claims, path).length === 0) {
      throw invalid(`a mandatory claim is missing: ${path.join('.')}`)
    }
  }
  checkDisclosure(claims, { metadata, disclosable })
}

/**
 * Checks what was presented against its type: a claim that is never disclosable did not come in a disclosure, and one
 * that always is did not stand in the clear. What was held back cannot be judged. SD-JWT VC draft-13 §9.3.
 * @throws SdJwtError
 */
export function checkPresentedClaims(
  claims: JsonObject,
  { metadata, disclosedPaths }: { metadata: TypeMetadata; disclosedPaths: readonly ConcretePath[] },
): void {
  checkDisclosure(claims, { metadata, disclosable: disclosedPaths })
}

/** Whether bytes match a W3C Subresource Integrity value; the strongest algorithm that it names counts. SRI §3.3. */
export function matchesIntegrity(bytes: Uint8Array, integrity: string): boolean {
  const options = integrity
    .trim()
    .split(/\s+/)
    .map((option) => /^(sha(?:256|384|512))-([A-Za-z0-9+/]+=*)(?:\?.*)?$/.exec(option))
  const known = options.filter((match) => match !== null)
  const strongest = known
    .map(([, algorithm]) => algorithm as string)
    .sort()
    .at(-1)
  return known.some(([, algorithm, expected]) => {
    if (algorithm !== strongest) return false
    const digest = hash(strongest as string, bytes, 'buffer')
    const wanted = Buffer.from(expected as string, 'base64')
    return wanted.length === digest.length && timingSafeEqual(wanted, digest)
  })
}

interface TypeDocument {
  readonly vct: string
  readonly extends: { readonly vct: string; readonly integrity: string | undefined } | undefined
  readonly claims: readonly PartialClaim[]
  readonly texts: Pick<TypeMetadata, 'name' | 'description' | 'display'>
}

/** A claim as one document says it; what it leaves out is inherited or the default. */
interface PartialClaim {
  readonly path: ClaimPath
  readonly sd: DisclosureRule | undefined
  readonly mandatory: boolean | undefined
  readonly display: Json | undefined
}

async function fetchDocument(
  { vct, integrity }: { vct: string; integrity: string | undefined },
  fetchMetadata: FetchTypeMetadata,
): Promise<TypeDocument> {
  const bytes = await fetchMetadata(vct)
  if (bytes.length > MAX_DOCUMENT_BYTES)
    throw new SdJwtError('too_large', 'type metadata is too long')
  if (integrity !== undefined && !matchesIntegrity(bytes, integrity)) {
    throw invalid('type metadata does not match its integrity value')
  }
  const document = parseDocument(bytes)
  // §6.2: "vct: REQUIRED. URI … MUST be equal to" the type it was retrieved for
  if (document.vct !== vct) throw invalid('type metadata is of another vct')
  return document
}

function parseDocument(bytes: Uint8Array): TypeDocument {
  const value = parseObject(bytes)
  const vct = text(value, 'vct')
  if (vct === undefined) throw invalid('vct is missing')
  const parent = text(value, 'extends')
  const integrity = text(value, 'extends#integrity')
  const name = text(value, 'name')
  const description = text(value, 'description')
  const claims = value.claims ?? []
  if (!Array.isArray(claims)) throw invalid('claims is not an array')
  const parsed = claims.map(parseClaim)
  if (new Set(parsed.map(({ path }) => JSON.stringify(path))).size !== parsed.length) {
    throw invalid('claims repeats a path')
  }
  return {
    vct,
    extends: parent === undefined ? undefined : { vct: parent, integrity },
    claims: parsed,
    texts: {
      ...(name === undefined ? {} : { name }),
      ...(description === undefined ? {} : { description }),
      ...(value.display === undefined ? {} : { display: value.display }),
    },
  }
}

function parseObject(bytes: Uint8Array): JsonObject {
  try {
    const value = parseJsonBytes(bytes, { maxDepth: 16 })
    if (isJsonObject(value)) return value
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause
    throw new SdJwtError('metadata_invalid', `type metadata: ${cause.message}`, { cause })
  }
  throw invalid('type metadata is not an object')
}

function parseClaim(claim: Json): PartialClaim {
  if (!isJsonObject(claim)) throw invalid('claims holds something else than an object')
  const { path, sd, mandatory, display } = claim
  const isPath =
    Array.isArray(path) &&
    path.length > 0 &&
    path.every(
      (part) =>
        part === null || typeof part === 'string' || (Number.isSafeInteger(part) && part >= 0),
    )
  if (!isPath) throw invalid('claims.path is not a path')
  if (sd !== undefined && sd !== 'always' && sd !== 'allowed' && sd !== 'never') {
    throw invalid('claims.sd is not a rule')
  }
  if (mandatory !== undefined && typeof mandatory !== 'boolean') {
    throw invalid('claims.mandatory is not a boolean')
  }
  return { path: path as ClaimPath, sd, mandatory, display }
}

/** §9.5: inherited rules that are strict (`always`, `never`, mandatory) "MUST NOT" be changed by the extending type. */
function inherit(
  inherited: readonly ClaimMetadata[],
  own: readonly PartialClaim[],
): readonly ClaimMetadata[] {
  const key = ({ path }: { path: ClaimPath }): string => JSON.stringify(path)
  const claims = new Map(inherited.map((claim) => [key(claim), claim]))
  for (const { path, sd, mandatory, display } of own) {
    const before = claims.get(key({ path }))
    if (before && before.sd !== 'allowed' && sd !== undefined && sd !== before.sd) {
      throw invalid('an inherited disclosure rule is changed')
    }
    if (before?.mandatory && mandatory === false)
      throw invalid('an inherited mandatory claim is optional')
    const shown = display ?? before?.display
    claims.set(key({ path }), {
      path,
      sd: sd ?? before?.sd ?? 'allowed',
      mandatory: mandatory ?? before?.mandatory ?? false,
      ...(shown === undefined ? {} : { display: shown }),
    })
  }
  return [...claims.values()]
}

function checkDisclosure(
  claims: JsonObject,
  { metadata, disclosable }: { metadata: TypeMetadata; disclosable: readonly ConcretePath[] },
): void {
  const isDisclosable = (place: ConcretePath): boolean =>
    disclosable.some((path) => path.length === place.length && pathsOverlap(path, place))
  for (const { path, sd } of metadata.claims) {
    if (sd === 'allowed') continue
    for (const place of resolveClaimPath(claims, path)) {
      if (isDisclosable(place) !== (sd === 'always')) {
        throw invalid(`a claim is not disclosed as its type says: ${path.join('.')}`)
      }
    }
  }
}

function text(container: JsonObject, member: string): string | undefined {
  const value = container[member]
  if (value === undefined || typeof value === 'string') return value
  throw invalid(`${member} is not a string`)
}

function invalid(message: string): SdJwtError {
  return new SdJwtError('metadata_invalid', message)
}
