import type { NumericDate } from '../../shared/clock.ts'
import { canonicalJson, type JsonObject } from '../../shared/json.ts'
import type { EcPublicJwk, Es256Signer } from '../../shared/key/signer.ts'
import { seededRandom } from '../../shared/random.ts'
import { issueSdJwt } from '../../shared/sd-jwt/issue.ts'
import { checkIssuedClaims, verifyCredentialType } from '../../shared/sd-jwt/type-metadata.ts'
import { verifySdJwtVc } from '../../shared/sd-jwt/vc.ts'
import type { AnchorsAt } from '../../shared/trust/role.ts'
import { type Approval, isApproval } from '../decision/approval.ts'
import type { IssuanceIntent } from '../store.ts'
import { type IssuingAuthority, identityContent, identityTypeOf } from './identity.ts'
import { fetchOwnType } from './type-metadata.ts'

/** What signs credentials, and what a verifier would check them with. */
export interface CredentialSigner {
  readonly signer: Es256Signer
  /** The chain in DER, base64, leaf first, without the anchor. HAIP 1.0 §6.1.1. */
  readonly x5c: readonly string[]
  readonly anchors: AnchorsAt
  readonly authority: IssuingAuthority
}

/** What was signed is not what was intended, or a verifier would refuse it. Nothing may leave; an operator must look. */
export class IssuanceMismatch extends Error {
  override readonly name = 'IssuanceMismatch'
}

/**
 * Signs the copies of a recorded intent, one for each holder key, and verifies each with the code that a verifier uses
 * before it answers any of them. The same intent gives the same salts again, so that a copy that is signed a second
 * time after a crash has the same digests as before.
 * @throws IssuanceMismatch
 */
export async function issueCopies(
  approval: Approval,
  intent: IssuanceIntent,
  holderKeys: readonly EcPublicJwk[],
  { credentialSigner, now }: { credentialSigner: CredentialSigner; now: NumericDate },
): Promise<string[]> {
  if (!isApproval(approval)) throw new IssuanceMismatch('there is no approval')
  if (holderKeys.length !== intent.statuses.length) {
    throw new IssuanceMismatch('there is not one status for each key')
  }
  const copies: string[] = []
  for (const [index, holderKey] of holderKeys.entries()) {
    copies.push(await issueCopy(approval, intent, { index, holderKey, credentialSigner, now }))
  }
  return copies
}

async function issueCopy(
  approval: Approval,
  intent: IssuanceIntent,
  copy: {
    readonly index: number
    readonly holderKey: EcPublicJwk
    readonly credentialSigner: CredentialSigner
    readonly now: NumericDate
  },
): Promise<string> {
  const { index, holderKey, credentialSigner, now } = copy
  const { signer, x5c, anchors, authority } = credentialSigner
  const status = intent.statuses[index]
  if (status === undefined) throw new IssuanceMismatch('a copy has no status')
  const { issuedAt, expiresAt, seed, attempt } = intent
  const { claims, disclosable } = identityContent(approval, {
    authority,
    holderKey,
    status,
    issuedAt,
    expiresAt,
  })
  const compact = await issueSdJwt({
    header: { typ: 'dc+sd-jwt', x5c },
    claims,
    disclosable,
    signer,
    random: seededRandom(seed, `carnet/copy/v1/${attempt}/${index}`),
  })
  await checkCopy(compact, claims, { anchors, now, vct: identityTypeOf(authority) })
  return compact
}

/**
 * "Re-verify what was signed with the code a verifier uses": everything disclosed, nothing more and nothing less, and as
 * the credential's type says. SD-JWT VC draft-13 §9.
 */
async function checkCopy(
  compact: string,
  intended: JsonObject,
  { anchors, now, vct }: { anchors: AnchorsAt; now: NumericDate; vct: string },
): Promise<void> {
  let claims: JsonObject
  try {
    const expectation = { anchors, now, expectedVcts: [vct] }
    const verified = verifySdJwtVc(compact, { ...expectation, keyBinding: 'not_required' })
    const metadata = await verifyCredentialType(verified, fetchOwnType)
    checkIssuedClaims(verified.claims, { metadata, disclosable: verified.disclosedPaths })
    claims = verified.claims
  } catch (cause) {
    throw new IssuanceMismatch('a verifier would refuse what was signed', { cause })
  }
  if (canonicalJson(claims) !== canonicalJson(intended)) {
    throw new IssuanceMismatch('what was signed is not what was intended')
  }
}
