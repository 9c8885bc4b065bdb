import { z } from 'zod'
import { sha256Hex } from '../../shared/hash.ts'
import { JoseError } from '../../shared/jose/error.ts'
import {
  canonicalJson,
  type Json,
  JsonError,
  type JsonObject,
  parseJson,
} from '../../shared/json.ts'
import type { PublicJwk } from '../../shared/key/signer.ts'
import type { VpToken } from '../../shared/oid4vp/response.ts'
import { Problem } from '../../shared/problem.ts'
import { TrustError } from '../../shared/trust/error.ts'
import type { AnchorsAt, DidsAt } from '../../shared/trust/role.ts'
import {
  anchorsOf,
  didsOf,
  type TrustList,
  verifyTrustListSignature,
} from '../../shared/trust/trust-list.ts'
import type { VerifiedChain } from '../../shared/trust/x5c.ts'
import { type Policy, PolicyError, parsePolicy } from '../policy/policy.ts'
import { verifyArchived } from '../presentation/archived.ts'
import { presentationDigest, type VerifiedPresentation } from '../presentation/verify.ts'
import { type Acceptance, accept, sameAcceptance } from './accept.ts'
import { type Commitments, commitmentsOf } from './commitments.ts'
import {
  type Receipt,
  ReceiptError,
  type ReceiptErrorCode,
  receiptStatuses,
  verifyReceiptSignature,
} from './receipt.ts'

/**
 * A receipt with everything that it names by digest, so that one file can be verified years later without a network.
 */
export interface ReceiptBundle {
  readonly receipt: string
  readonly vp_token: VpToken
  readonly policy: JsonObject
  readonly trust_list: string
  readonly status_tokens: readonly string[]
  /** What the commitments in the verifier's log open with, base64url. */
  readonly commitment_key: string
}

/** A receipt file. */
export const receiptBundleSchema: z.ZodType<ReceiptBundle> = z
  .strictObject({
    receipt: z.string(),
    vp_token: z.record(z.string(), z.array(z.string())),
    policy: z.record(z.string(), z.unknown() as z.ZodType<Json>),
    trust_list: z.string(),
    status_tokens: z.array(z.string()).max(16),
    commitment_key: z.string(),
  })
  .meta({ id: 'ReceiptBundle' })

/** Reads a receipt file. @throws ReceiptError `receipt_malformed` */
export function parseReceiptBundle(text: string): ReceiptBundle {
  let value: Json
  try {
    value = parseJson(text, { maxLength: 64 << 20 })
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause
    throw new ReceiptError('receipt_malformed', 'the file is not JSON', { cause })
  }
  const parsed = receiptBundleSchema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new ReceiptError(
    'receipt_malformed',
    `${parsed.error.issues[0]?.path.join('.')} is not valid`,
  )
}

/** What a bundle proves: who accepted what, when, and on what grounds. */
export interface VerifiedReceipt {
  readonly receipt: Receipt
  readonly verifier: VerifiedChain
  readonly policy: Policy
  readonly presentation: VerifiedPresentation
  readonly acceptance: Acceptance
  /** The entries to look for in the verifier's log. */
  readonly commitments: Commitments
}

/**
 * Verifies a receipt from nothing but the bundle and the trust list signer's key: the trust list, who signed the
 * receipt, every artefact against its digest, the presentation once more as of the receipt's time, and the decision
 * once more. It proves what the verifier held and concluded, not that a list was unreachable when it says so.
 * @throws ReceiptError
 */
export async function verifyReceiptBundle(
  bundle: ReceiptBundle,
  { trustListSignerKeys }: { readonly trustListSignerKeys: readonly PublicJwk[] },
): Promise<VerifiedReceipt> {
  const list = step('trust_list_invalid', 'the trust list does not verify', () =>
    verifyUnderAny(bundle.trust_list, trustListSignerKeys),
  )
  const anchors = anchorsOf(list)
  const { receipt, verifier } = step(
    'receipt_signature',
    'the signature of the receipt does not verify',
    () => verifyReceiptSignature(bundle.receipt, { anchors }),
  )
  checkInForce(list, receipt)
  const policy = step('artefact_changed', 'the policy cannot be read', () =>
    parsePolicy(bundle.policy),
  )
  const statusTokens = matchArtefacts(bundle, receipt, policy)
  const trustedDids = didsOf(list)
  const presentation = await verifyAgain(bundle, {
    receipt,
    policy,
    anchors,
    trustedDids,
    statusTokens,
  })
  const acceptance = accept(presentation, policy, receipt.iat)
  checkSame(receipt, presentation, acceptance)
  const commitments = commitmentsOf(bundle.receipt, receipt, bundle.commitment_key)
  return { receipt, verifier, policy, presentation, acceptance, commitments }
}

/** Keys are rotated; a list is believed under the one that signed it. @throws TrustError when none did */
function verifyUnderAny(jwt: string, keys: readonly PublicJwk[]): TrustList {
  const [signerKey, ...others] = keys
  if (!signerKey) throw new TrustError('list_invalid', 'no key of a trust list signer is known')
  try {
    return verifyTrustListSignature(jwt, { signerKey })
  } catch (error) {
    if (!(error instanceof TrustError) || others.length === 0) throw error
    return verifyUnderAny(jwt, others)
  }
}

function checkInForce({ issuedAt, nextUpdate }: TrustList, { iat }: Receipt): void {
  if (iat < issuedAt - 60 || iat > nextUpdate) {
    throw new ReceiptError(
      'trust_list_invalid',
      'the trust list was not in force when the receipt was made',
    )
  }
}

/** The status list tokens by the list they are of, each one named in the receipt; the other artefacts by digest. */
function matchArtefacts(
  bundle: ReceiptBundle,
  receipt: Receipt,
  policy: Policy,
): ReadonlyMap<string, string> {
  checkDigest(policy.sha256, receipt.policy.sha256, 'policy')
  checkDigest(sha256Hex(bundle.trust_list), receipt.trust_list_sha256, 'trust_list')
  checkDigest(presentationDigest(bundle.vp_token), receipt.presentation_sha256, 'vp_token')
  const held = new Map(bundle.status_tokens.map((token) => [sha256Hex(token), token]))
  const tokens = new Map<string, string>()
  for (const { uri, token_sha256 } of receipt.statuses) {
    if (token_sha256 === undefined) continue
    const token = held.get(token_sha256)
    if (token === undefined || uri === undefined) {
      throw new ReceiptError('artefact_missing', 'a status list token of the receipt is missing')
    }
    tokens.set(uri, token)
  }
  return tokens
}

function checkDigest(actual: string, expected: string, part: string): void {
  if (actual !== expected) {
    throw new ReceiptError('artefact_changed', `${part} is not the one of the receipt`)
  }
}

async function verifyAgain(
  { vp_token: vpToken }: ReceiptBundle,
  context: {
    readonly receipt: Receipt
    readonly policy: Policy
    readonly anchors: AnchorsAt
    readonly trustedDids: DidsAt
    readonly statusTokens: ReadonlyMap<string, string>
  },
): Promise<VerifiedPresentation> {
  const { receipt, ...rest } = context
  try {
    return await verifyArchived({
      ...rest,
      vpToken,
      clientId: receipt.iss,
      nonce: receipt.nonce,
      verifiedAt: receipt.iat,
    })
  } catch (cause) {
    if (!(cause instanceof Problem)) throw cause
    throw new ReceiptError('presentation_invalid', 'the presentation does not verify', { cause })
  }
}

/** What was concluded now must be what the receipt says was concluded then. */
function checkSame(
  receipt: Receipt,
  presentation: VerifiedPresentation,
  acceptance: Acceptance,
): void {
  const statuses = receiptStatuses(presentation)
  if (
    canonicalJson(statuses as unknown as Json) !==
    canonicalJson(receipt.statuses as unknown as Json)
  ) {
    throw new ReceiptError(
      'acceptance_differs',
      'the status list tokens say something else than the receipt',
    )
  }
  if (!sameAcceptance(acceptance, receipt.acceptance)) {
    throw new ReceiptError('acceptance_differs', 'the policy decides otherwise than the receipt')
  }
}

function step<T>(code: ReceiptErrorCode, message: string, check: () => T): T {
  try {
    return check()
  } catch (cause) {
    const known =
      cause instanceof JoseError || cause instanceof TrustError || cause instanceof PolicyError
    if (!known) throw cause
    throw new ReceiptError(code, message, { cause })
  }
}
