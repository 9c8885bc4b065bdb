import type { NumericDate } from '../../shared/clock.ts'
import { type CredentialQuery, type DcqlQuery, requestedPaths } from '../../shared/dcql/query.ts'
import { type Match, type Selection, selectCredentials } from '../../shared/dcql/select.ts'
import { isJsonObject, type Json, type JsonObject } from '../../shared/json.ts'
import type { VerifiedRequest } from '../../shared/oid4vp/request.ts'
import { type ClaimPath, type ConcretePath, pathsOverlap } from '../../shared/sd-jwt/claim-path.ts'
import { SdJwtError } from '../../shared/sd-jwt/error.ts'
import { presentSdJwt } from '../../shared/sd-jwt/present.ts'
import { readSdJwtVc, verifySdJwtVc } from '../../shared/sd-jwt/vc.ts'
import type { AnchorsAt } from '../../shared/trust/role.ts'
import { WalletError } from '../error.ts'
import { isFree } from '../vault/copy.ts'
import type { HeldCredential } from '../vault/vault.ts'
import { compareClaims, TECHNICAL_CLAIMS } from './claim-words.ts'

/** One credential as it would be shown. */
export interface PlannedCredential {
  readonly match: Match
  readonly credential: HeldCredential
  /** All that the verifier would see of the worker: what is disclosed, and what the issuer left in the clear. */
  readonly visible: readonly VisibleClaim[]
  readonly asked: readonly ClaimPath[]
  /** Whether this verifier gets a copy that it has seen before. */
  readonly again: boolean
  /** Copies that nobody has seen, once this one is shown. */
  readonly left: number
}

/** A claim as a verifier sees it; the elements of a list are one value. */
export interface VisibleClaim {
  readonly path: ConcretePath
  readonly value: Json
}

/** What would be shown, before anyone agreed to it. */
export type Plan =
  | { readonly answer: 'possible'; readonly credentials: readonly PlannedCredential[] }
  | { readonly answer: 'not_held' }
  | { readonly answer: 'no_copy_left'; readonly credential: HeldCredential }

/**
 * Chooses credentials that answer the query and have a copy for this verifier: one that it has seen, or one that nobody
 * has. Optional sets are left out, so that nothing is shown that was not required. OpenID4VP 1.0 §6.4.
 */
export async function planPresentation(
  { query, clientId }: VerifiedRequest,
  held: readonly HeldCredential[],
  { anchors, now }: { readonly anchors: AnchorsAt; readonly now: NumericDate },
): Promise<Plan> {
  const usable = held.filter(({ expires }) => expires === undefined || expires > now)
  const withCopy = usable.filter((credential) => hasCopyFor(credential, clientId))
  const select = (from: readonly HeldCredential[]): Selection =>
    selectCredentials(
      query,
      from.map((credential) => candidateOf(credential, { anchors, now })),
    )
  const selection = select(withCopy)
  if (!selection.satisfied) {
    const exhausted = select(usable)
    const used = exhausted.required
      .map((match) => credentialOf(match, usable))
      .find((credential) => !hasCopyFor(credential, clientId))
    return used ? { answer: 'no_copy_left', credential: used } : { answer: 'not_held' }
  }
  const credentials = selection.required.map(async (match): Promise<PlannedCredential> => {
    const credential = credentialOf(match, withCopy)
    const { copies } = credential
    const again = copies.some(({ verifier }) => verifier === clientId)
    const free = copies.filter(isFree).length
    const presented = await presentSdJwt({
      sdJwt: copyFor(credential, clientId).compact,
      disclose: match.disclose,
    })
    const asked = requestedPaths(queryOf(query, match))
    return {
      match,
      credential,
      visible: visibleClaims(readSdJwtVc(presented).claims, asked),
      asked,
      again,
      left: again ? free : free - 1,
    }
  })
  return { answer: 'possible', credentials: await Promise.all(credentials) }
}

/** In the order in which they were asked for; what was not asked for and is seen all the same comes last. */
function visibleClaims(claims: JsonObject, asked: readonly ClaimPath[]): VisibleClaim[] {
  const place = ({ path }: VisibleClaim): number => {
    const index = asked.findIndex((one) => pathsOverlap(one, path))
    return index < 0 ? asked.length : index
  }
  return Object.entries(claims)
    .filter(([name]) => !TECHNICAL_CLAIMS.has(name))
    .flatMap(([name, value]) => leavesOf([name], value))
    .sort((a, b) => place(a) - place(b) || compareClaims(a.path, b.path))
}

function leavesOf(path: ConcretePath, value: Json): VisibleClaim[] {
  if (Array.isArray(value) && value.length === 0) return [] // every element stayed hidden
  if (!isJsonObject(value)) return [{ path, value }]
  return Object.entries(value).flatMap(([name, inner]) => leavesOf([...path, name], inner))
}

function queryOf(query: DcqlQuery, match: Match): CredentialQuery {
  return query.credentials.find(({ id }) => id === match.queryId) as CredentialQuery
}

/** Whether there is a copy that this verifier may be shown. */
function hasCopyFor({ copies }: HeldCredential, clientId: string): boolean {
  return copies.some((copy) => isFree(copy) || copy.verifier === clientId)
}

function copyFor(credential: HeldCredential, clientId: string): HeldCredential['copies'][number] {
  const { copies } = credential
  const copy = copies.find(({ verifier }) => verifier === clientId) ?? copies.find(isFree)
  if (!copy) throw new WalletError('no_copy_left', 'no copy is left')
  return copy
}

function credentialOf(match: Match, from: readonly HeldCredential[]): HeldCredential {
  return from.find(({ id }) => id === match.candidateId) as HeldCredential
}

/** All copies say the same, so the first speaks for all. A chain that no longer verifies has no authorities to match. */
function candidateOf(
  { id, vct, copies }: HeldCredential,
  { anchors, now }: { readonly anchors: AnchorsAt; readonly now: NumericDate },
) {
  const { compact } = copies[0] as HeldCredential['copies'][number]
  return {
    id,
    format: 'dc+sd-jwt',
    vct,
    claims: readSdJwtVc(compact).claims,
    authorityKeyIds: authorityKeyIdsOf(compact, { anchors, now }),
    holderBound: true,
  }
}

function authorityKeyIdsOf(
  compact: string,
  { anchors, now }: { readonly anchors: AnchorsAt; readonly now: NumericDate },
): readonly string[] {
  try {
    const { issuerChain } = verifySdJwtVc(compact, { anchors, now, keyBinding: 'not_required' })
    return issuerChain.authorityKeyIds
  } catch (error) {
    if (error instanceof SdJwtError) return []
    throw error
  }
}
