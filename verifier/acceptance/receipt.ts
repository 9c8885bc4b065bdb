import { z } from 'zod'
import type { NumericDate } from '../../shared/clock.ts'
import { parseJwt, signJwt, verifyJwtSignature } from '../../shared/jose/jws.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Es256Signer } from '../../shared/key/signer.ts'
import { x509HashClientId } from '../../shared/oid4vp/client-id.ts'
import type { StatusVerdict } from '../../shared/status-list/resolve.ts'
import type { AnchorsAt } from '../../shared/trust/role.ts'
import { type VerifiedChain, verifyX5c } from '../../shared/trust/x5c.ts'
import type { Policy } from '../policy/policy.ts'
import { OUTCOMES } from '../policy/policy.ts'
import type { VerifiedPresentation } from '../presentation/verify.ts'
import type { Acceptance } from './accept.ts'

const RECEIPT_TYP = 'carnet-receipt+jwt'

/**
 * What a verifier signs about one acceptance: digests of everything it was decided from, and no claim of the person.
 * `iat` is the moment of verification and acceptance.
 */
export interface Receipt {
  readonly iss: string
  readonly iat: NumericDate
  readonly nonce: string
  readonly presentation_sha256: string
  readonly policy: { readonly id: string; readonly version: number; readonly sha256: string }
  readonly acceptance: Acceptance
  readonly statuses: readonly ReceiptStatus[]
  readonly trust_list_sha256: string
}

/** What the status list said of one credential, in the order of the presentation. */
export interface ReceiptStatus {
  readonly query_id: string
  readonly verdict: StatusVerdict['verdict']
  readonly uri?: string | undefined
  readonly token_sha256?: string | undefined
}

const digest = z.string().regex(/^[0-9a-f]{64}$/)
const receiptSchema: z.ZodType<Receipt> = z.strictObject({
  iss: z.string(),
  iat: z.int(),
  nonce: z.string(),
  presentation_sha256: digest,
  policy: z.strictObject({ id: z.string(), version: z.int(), sha256: digest }),
  acceptance: z.strictObject({ outcome: z.enum(OUTCOMES), codes: z.array(z.string()) }),
  statuses: z.array(
    z.strictObject({
      query_id: z.string(),
      verdict: z.enum(['valid', 'suspended', 'revoked', 'undetermined']),
      uri: z.string().optional(),
      token_sha256: digest.optional(),
    }),
  ),
  trust_list_sha256: digest,
})

/** Puts down what was decided from what. */
export function makeReceipt(
  presentation: VerifiedPresentation,
  acceptance: Acceptance,
  facts: {
    readonly clientId: string
    readonly nonce: string
    readonly policy: Policy
    readonly trustListSha256: string
  },
): Receipt {
  const { policy } = facts
  return {
    iss: facts.clientId,
    iat: presentation.verifiedAt,
    nonce: facts.nonce,
    presentation_sha256: presentation.presentationSha256,
    policy: { id: policy.id, version: policy.version, sha256: policy.sha256 },
    acceptance: { outcome: acceptance.outcome, codes: [...acceptance.codes] },
    statuses: receiptStatuses(presentation),
    trust_list_sha256: facts.trustListSha256,
  }
}

/** What a receipt says of the statuses: verdicts, and by which tokens. */
export function receiptStatuses({ credentials }: VerifiedPresentation): readonly ReceiptStatus[] {
  return credentials.map(({ queryId, status, statusReference }) => ({
    query_id: queryId,
    verdict: status.verdict,
    ...(statusReference ? { uri: statusReference.uri } : {}),
    ...(status.tokenSha256 === undefined ? {} : { token_sha256: status.tokenSha256 }),
  }))
}

/** Signs a receipt with the key of the verifier's access certificate. */
export function signReceipt(
  receipt: Receipt,
  { signer, x5c }: { readonly signer: Es256Signer; readonly x5c: readonly string[] },
): Promise<string> {
  const header: JsonObject = { typ: RECEIPT_TYP, x5c: [...x5c] }
  return signJwt({ header, payload: receipt as unknown as JsonObject, signer })
}

/**
 * Verifies who signed a receipt: type, access certificate chain as it was at the receipt's own time, `iss` equal to the
 * certificate's client identifier, signature. Does not check that what it says is true.
 * @throws Error of the check that failed
 */
export function verifyReceiptSignature(
  jwt: string,
  { anchors }: { readonly anchors: AnchorsAt },
): { readonly receipt: Receipt; readonly verifier: VerifiedChain } {
  const parsed = parseJwt(jwt)
  if (parsed.header.typ !== RECEIPT_TYP)
    throw new ReceiptError('receipt_malformed', `typ is not ${RECEIPT_TYP}`)
  const receipt = receiptSchema.safeParse(parsed.payload)
  if (!receipt.success) {
    throw new ReceiptError(
      'receipt_malformed',
      `${receipt.error.issues[0]?.path.join('.')} is not valid`,
    )
  }
  const now: NumericDate = receipt.data.iat
  const verifier = verifyX5c(parsed.header.x5c, { role: 'relying-party-access', anchors, now })
  verifyJwtSignature(parsed, verifier.leaf.publicJwk)
  const [leaf] = parsed.header.x5c as string[]
  if (receipt.data.iss !== x509HashClientId(leaf ?? '')) {
    throw new ReceiptError(
      'receipt_malformed',
      'iss is not the client identifier of the certificate',
    )
  }
  return { receipt: receipt.data, verifier }
}

/** Why a receipt does not hold. */
export type ReceiptErrorCode =
  | 'receipt_malformed'
  | 'receipt_signature'
  | 'artefact_missing'
  | 'artefact_changed'
  | 'trust_list_invalid'
  | 'presentation_invalid'
  | 'acceptance_differs'

/** A receipt, or what is kept with it, does not hold. The message names the part, never a value. */
export class ReceiptError extends Error {
  override readonly name = 'ReceiptError'
  readonly code: ReceiptErrorCode

  constructor(code: ReceiptErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
