import type { NumericDate } from '../../shared/clock.ts'
import type { PublicJwk } from '../../shared/key/signer.ts'
import { Problem } from '../../shared/problem.ts'
import type { Policy } from '../policy/policy.ts'
import type { VerifiedPresentation } from '../presentation/verify.ts'
import type { PresentationRequest } from '../request/request.ts'
import type { Answer, VerifierStore } from '../store.ts'
import type { Acceptance } from './accept.ts'
import { type ReceiptBundle, verifyReceiptBundle } from './bundle.ts'

/** What a platform is told about one of its requests. */
export interface RequestResult {
  readonly request: PresentationRequest
  readonly policy: Policy
  /** True when the answer is there and the user's browser has not come back with its code. */
  readonly awaitsCode: boolean
  /** Absent until the request is answered and, in a same-device flow, its response code was used. */
  readonly answered?: {
    readonly acceptance: Acceptance
    readonly presentation: VerifiedPresentation
    readonly bundle: ReceiptBundle
  }
}

/** What reading a result needs. */
export interface ResultContext {
  readonly store: VerifierStore
  readonly findPolicy: (sha256: string) => Promise<Policy>
  /** The key that signs the trust list now, and those that did before. */
  readonly trustListSignerKeys: readonly PublicJwk[]
}

/**
 * The result of a request. A kept answer is verified again before it is told: its artefacts by digest, its signatures
 * as of the moment it came, the acceptance by deciding once more, the receipt against all of them.
 * @throws Problem `request_not_found`
 * @throws Error when what was kept no longer holds
 */
export async function requestResult(
  id: string,
  platform: string,
  context: ResultContext,
  now: NumericDate,
): Promise<RequestResult> {
  const found = await context.store.findRequest(id, platform, now)
  if (!found) throw new Problem('request_not_found', 'this key has made no such request')
  const { request, answer } = found
  const policy = await context.findPolicy(request.policySha256)
  if (!answer) return { request, policy, awaitsCode: false }
  if (answer.responseCodeSha256 !== undefined && answer.redeemedAt === undefined) {
    return { request, policy, awaitsCode: true }
  }
  const bundle = await bundleOf(policy, answer, context.store)
  const { acceptance, presentation } = await verifyReceiptBundle(bundle, {
    trustListSignerKeys: context.trustListSignerKeys,
  })
  return { request, policy, awaitsCode: false, answered: { acceptance, presentation, bundle } }
}

async function bundleOf(
  policy: Policy,
  answer: Answer,
  store: VerifierStore,
): Promise<ReceiptBundle> {
  const artefact = async (sha256: string): Promise<string> => {
    const text = await store.findArtefact(sha256)
    if (text === undefined) throw new Error('an artefact of an answer is missing')
    return text
  }
  const tokens = answer.statuses.flatMap(({ tokenSha256 }) => tokenSha256 ?? [])
  return {
    receipt: answer.receipt,
    vp_token: answer.vpToken,
    policy: policy.document,
    trust_list: await artefact(answer.trustListSha256),
    status_tokens: await Promise.all([...new Set(tokens)].map(artefact)),
    commitment_key: answer.commitmentKey,
  }
}
