import type { NumericDate } from '../../shared/clock.ts'
import { type CredentialQuery, requestedPaths } from '../../shared/dcql/query.ts'
import { querySatisfied } from '../../shared/dcql/satisfied.ts'
import { type DidTrust, type VerifiedDidSdJwtVc, verifyDidSdJwtVc } from '../../shared/did/vc.ts'
import { sha256Hex } from '../../shared/hash.ts'
import { canonicalJson, type JsonObject } from '../../shared/json.ts'
import type { VpToken } from '../../shared/oid4vp/response.ts'
import { Problem } from '../../shared/problem.ts'
import { namesIssuer, type VerifiedSdJwtVc, verifySdJwtVc } from '../../shared/sd-jwt/vc.ts'
import type { StatusReference } from '../../shared/status-list/reference.ts'
import type { StatusVerdict } from '../../shared/status-list/resolve.ts'
import type { DidKey } from '../../shared/status-list/token.ts'
import type { AnchorsAt } from '../../shared/trust/role.ts'
import type { VerifiedLeaf } from '../../shared/trust/x5c.ts'
import type { Policy } from '../policy/policy.ts'
import { pickClaims } from './claims.ts'
import { presentationProblem } from './problem.ts'

/** One credential of a presentation, with the claims that were asked for and no others. */
export interface VerifiedCredential {
  /** The id of the credential query that it answers. */
  readonly queryId: string
  readonly vct: string
  readonly issuer: string
  /** What vouches for the issuer: a certificate and the anchor that its chain ends at, by SHA-256, or a key of its DID. */
  readonly issuerGround:
    | { readonly certificateSha256: string; readonly anchorSha256: string }
    | { readonly didKeyId: string }
  readonly claims: JsonObject
  readonly statusReference: StatusReference | undefined
  readonly status: StatusVerdict
}

/** What a presentation is compared with. */
export interface PresentationExpectation {
  /** The whole Client Identifier, prefix included. OpenID4VP 1.0 §14.1.2. */
  readonly expectedClientId: string
  readonly expectedNonce: string
  readonly policy: Policy
  readonly anchors: AnchorsAt
  /** With it, an issuer may be a decentralized identifier that the trust list names, which HAIP 1.0 does not foresee. */
  readonly dids?: DidTrust
  readonly now: NumericDate
}

/** Says what a status list says of a credential; a failure is the verdict `undetermined`, never thrown. */
export type ResolveStatus = (
  reference: StatusReference,
  expectation: {
    readonly anchors: AnchorsAt
    readonly now: NumericDate
    readonly maxStalenessSeconds: number
    /** Whether a list may be signed under this certificate: one of the credential's own issuer. */
    readonly acceptsSigner: (leaf: VerifiedLeaf) => boolean
    /** The key of a credential's issuer that is a decentralized identifier, which its lists may be signed with too. */
    readonly didKey?: DidKey
  },
) => Promise<StatusVerdict>

class VerifiedPresentationFact {
  readonly credentials: readonly VerifiedCredential[]
  readonly policySha256: string
  readonly presentationSha256: string
  readonly verifiedAt: NumericDate
  // A private member makes the type nominal: no other object literal is one.
  readonly #verified = true

  constructor(facts: {
    credentials: readonly VerifiedCredential[]
    policySha256: string
    presentationSha256: string
    verifiedAt: NumericDate
  }) {
    this.credentials = facts.credentials
    this.policySha256 = facts.policySha256
    this.presentationSha256 = facts.presentationSha256
    this.verifiedAt = facts.verifiedAt
  }

  static isOne(value: object): boolean {
    return #verified in value
  }
}

/**
 * A presentation whose every credential was verified: issuer chain, signatures, key binding, completeness, status.
 * Only {@link verifyPresentation} makes one, also from what a store kept.
 */
export type VerifiedPresentation = VerifiedPresentationFact

/** True for what {@link verifyPresentation} made in this process, whatever the type system was told. */
export function isVerifiedPresentation(value: unknown): value is VerifiedPresentation {
  return typeof value === 'object' && value !== null && VerifiedPresentationFact.isOne(value)
}

/** The digest by which receipts and logs name a presentation. */
export function presentationDigest(vpToken: VpToken): string {
  return sha256Hex(canonicalJson(vpToken as JsonObject))
}

/**
 * Verifies what a wallet presented against the policy's query. Each presentation is checked in full, a second one in a
 * slot that takes one is refused, disclosures beyond the query are refused, and completeness is judged here whatever
 * the wallet was asked to guarantee. Status comes last, for valid credentials only (Token Status List §8.3), and its
 * verdict is part of the result: what follows from it is the policy's affair. OpenID4VP 1.0 §8.6, §6.4, §14.1.2, RFC
 * 9901 §7.3.
 * @throws Problem with a `presentation_…` or `key_binding_…` code
 */
export async function verifyPresentation(
  vpToken: VpToken,
  expectation: PresentationExpectation,
  resolveStatus: ResolveStatus,
): Promise<VerifiedPresentation> {
  const { policy } = expectation
  const presented: Presented[] = []
  for (const { query, compact } of matchQueries(vpToken, policy)) {
    presented.push({ query, verified: await verifyOne(compact, query, expectation) })
  }
  checkSatisfied(presented, policy)
  const credentials = []
  for (const { query, verified } of presented) {
    credentials.push(await withStatus(query, verified, expectation, resolveStatus))
  }
  return new VerifiedPresentationFact({
    credentials,
    policySha256: policy.sha256,
    presentationSha256: presentationDigest(vpToken),
    verifiedAt: expectation.now,
  })
}

interface Presented {
  readonly query: CredentialQuery
  readonly verified: Verified
}

type Verified = VerifiedSdJwtVc | VerifiedDidSdJwtVc

/** Pairs each presentation with the query it answers. OpenID4VP 1.0 §8.1: one entry unless `multiple`. */
function matchQueries(
  vpToken: VpToken,
  policy: Policy,
): { query: CredentialQuery; compact: string }[] {
  return Object.entries(vpToken).flatMap(([id, presentations]) => {
    const query = policy.query.credentials.find((candidate) => candidate.id === id)
    if (!query) {
      throw new Problem(
        'presentation_not_requested',
        'vp_token has a member that names no credential query',
      )
    }
    if (presentations.length > 1 && !query.multiple) {
      throw new Problem('presentation_multiple', `${id} takes one presentation`)
    }
    return presentations.map((compact) => ({ query, compact }))
  })
}

async function verifyOne(
  compact: string,
  query: CredentialQuery,
  { expectedClientId, expectedNonce, policy, anchors, dids, now }: PresentationExpectation,
): Promise<Verified> {
  try {
    const expectation = {
      anchors,
      now,
      expectedVcts: query.meta.vct_values as readonly string[],
      keyBinding: {
        expectedAudience: expectedClientId,
        expectedNonce,
        maxAgeSeconds: policy.key_binding.max_age_seconds,
      },
    }
    return dids
      ? await verifyDidSdJwtVc(compact, { ...expectation, ...dids })
      : verifySdJwtVc(compact, expectation)
  } catch (error) {
    throw presentationProblem(error, compact, { expectedClientId, expectedNonce })
  }
}

/**
 * Completeness, and excess too: what was not asked for must not be kept, and a presentation that holds it could not be
 * kept without it, because its key binding covers every disclosure. OpenID4VP 1.0 §8.6, §14.9, §6.4.
 */
function checkSatisfied(presented: readonly Presented[], policy: Policy): void {
  const byQuery: Record<string, (Verified & { format: string })[]> = {}
  for (const { query, verified } of presented) {
    const facts = {
      ...verified,
      format: 'dc+sd-jwt',
      authorityKeyIds: 'issuerChain' in verified ? verified.issuerChain.authorityKeyIds : [],
      holderBound: verified.holderKey !== undefined,
    }
    byQuery[query.id] = [...(byQuery[query.id] ?? []), facts]
  }
  const { satisfied, reasons, surplus } = querySatisfied(policy.query, byQuery)
  if (!satisfied) throw new Problem('presentation_incomplete', reasons.join(', '))
  const [first] = surplus
  if (first) {
    throw new Problem(
      'presentation_excessive',
      `${first.queryId} discloses more than was asked for`,
    )
  }
}

async function withStatus(
  query: CredentialQuery,
  verified: Verified,
  { policy, anchors, now }: PresentationExpectation,
  resolveStatus: ResolveStatus,
): Promise<VerifiedCredential> {
  const reference = verified.status
  return {
    queryId: query.id,
    vct: verified.vct,
    issuer: verified.issuer,
    issuerGround: groundOf(verified),
    claims: pickClaims(verified.claims, requestedPaths(query)),
    statusReference: reference,
    status: reference
      ? await resolveStatus(reference, {
          anchors,
          now,
          maxStalenessSeconds: policy.credentials[query.id]?.status.max_staleness_seconds ?? 0,
          acceptsSigner: isOfSameIssuer(verified),
          ...didKeyOf(verified),
        })
      : { verdict: 'undetermined' },
  }
}

/**
 * A list is believed when the issuer of the credential signed it: under the same certificate, or under another one
 * that names the same issuer, so that keys can be rotated. Any other trusted issuer speaks for its own credentials
 * only.
 */
function isOfSameIssuer(verified: Verified): (leaf: VerifiedLeaf) => boolean {
  const own = 'issuerChain' in verified ? verified.issuerChain.leaf.sha256 : undefined
  return (leaf) => leaf.sha256 === own || namesIssuer(leaf, verified.issuer)
}

function didKeyOf(verified: Verified): { readonly didKey?: DidKey } {
  if ('issuerChain' in verified) return {}
  return { didKey: { keyId: verified.issuerKeyId, publicJwk: verified.issuerKey } }
}

function groundOf(verified: Verified): VerifiedCredential['issuerGround'] {
  if (!('issuerChain' in verified)) return { didKeyId: verified.issuerKeyId }
  const { leaf, anchorSha256 } = verified.issuerChain
  return { certificateSha256: leaf.sha256, anchorSha256 }
}
