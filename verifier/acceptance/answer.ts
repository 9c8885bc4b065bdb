import type { AuditEntry } from '../../shared/audit/entry.ts'
import { encodeBase64url } from '../../shared/base64url.ts'
import type { NumericDate } from '../../shared/clock.ts'
import type { ResolveDid } from '../../shared/did/did.ts'
import { ProtocolError } from '../../shared/error.ts'
import { sha256Hex } from '../../shared/hash.ts'
import {
  type AuthorizationResponse,
  decryptResponse,
  parseResponseForm,
  type VpToken,
} from '../../shared/oid4vp/response.ts'
import { Problem } from '../../shared/problem.ts'
import type { Random } from '../../shared/random.ts'
import type { Policy } from '../policy/policy.ts'
import {
  type ResolveStatus,
  type VerifiedPresentation,
  verifyPresentation,
} from '../presentation/verify.ts'
import { checkIdentity, type VerifierIdentity } from '../request/create.ts'
import type { RetrievedRequest } from '../request/request.ts'
import type { Answer, Artefact, VerifierStore } from '../store.ts'
import type { TrustInForce, TrustListKeeper } from '../trust-list.ts'
import { accept } from './accept.ts'
import { commitmentsOf, LOGGED } from './commitments.ts'
import { makeReceipt, type Receipt, signReceipt } from './receipt.ts'

/** What answering needs beside the response itself. */
export interface AnswerContext {
  readonly store: VerifierStore
  readonly identity: VerifierIdentity
  readonly trustList: TrustListKeeper
  readonly resolveStatus: ResolveStatus
  readonly resolveDid: ResolveDid
  /** The policy that a request was made under, by digest. */
  readonly findPolicy: (sha256: string) => Promise<Policy>
  readonly random: Random
}

/**
 * Takes what a wallet posts to a response URI: reads it, verifies it, decides, and records all of it in one step, or
 * records that the wallet refused. Answers where to send the user's browser in a same-device flow. OpenID4VP 1.0
 * §8.2, §8.3.1, §8.6. Whether the platform accepts is not told to the wallet.
 * @throws Problem
 */
export async function answerRequest(
  responseId: string,
  form: unknown,
  context: AnswerContext,
  now: NumericDate,
): Promise<{ readonly redirectUri?: string | undefined }> {
  const { store } = context
  const request = await store.awaitResponse(responseId, now)
  checkIdentity(request, context.identity)
  const response = await readResponse(form, request)
  if (response.kind === 'error') {
    await store.recordRefusal(responseId, response.error, now)
    // "The Response URI MAY return the redirect_uri … for Error Responses": nobody is left standing in the wallet.
    return { redirectUri: redirectFor(request, context.random)?.uri }
  }
  const trust = context.trustList.current(now)
  const policy = await context.findPolicy(request.policySha256)
  const presentation = await verifyOrReject(
    response.vpToken,
    request,
    { ...context, policy, trust },
    now,
  )
  const acceptance = accept(presentation, policy, now)
  const receipt = makeReceipt(presentation, acceptance, {
    clientId: request.clientId,
    nonce: request.nonce,
    policy,
    trustListSha256: trust.sha256,
  })
  const redirect = redirectFor(request, context.random)
  const answer: Answer = {
    vpToken: response.vpToken,
    verifiedAt: now,
    policySha256: policy.sha256,
    trustListSha256: trust.sha256,
    statuses: presentation.credentials.map(({ status: { token, ...evidence } }) => evidence),
    acceptance,
    receipt: await signReceipt(receipt, context.identity),
    commitmentKey: encodeBase64url(context.random(32)),
    responseCodeSha256: redirect?.codeSha256,
  }
  await store.recordAnswer(
    responseId,
    {
      answer,
      artefacts: artefactsOf(presentation, trust),
      entries: logEntries(answer, receipt),
    },
    now,
  )
  return { redirectUri: redirect?.uri }
}

/** @throws Problem `response_unreadable`, `request_invalid` */
async function readResponse(
  form: unknown,
  request: RetrievedRequest,
): Promise<AuthorizationResponse> {
  const parsed = parseResponseForm(form)
  if (parsed.kind === 'error') return parsed
  try {
    return await decryptResponse(parsed.jwe, {
      pkcs8: request.pkcs8,
      expectedKid: request.encryptionKey.kid,
    })
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause
    throw new Problem('response_unreadable', 'encrypt vp_token to the key of the request object', {
      cause,
    })
  }
}

/** A presentation that does not verify is counted and refused; the request stays open until there were too many. */
async function verifyOrReject(
  vpToken: VpToken,
  request: RetrievedRequest,
  context: AnswerContext & { readonly policy: Policy; readonly trust: TrustInForce },
  now: NumericDate,
): Promise<VerifiedPresentation> {
  try {
    return await verifyPresentation(
      vpToken,
      {
        expectedClientId: request.clientId,
        expectedNonce: request.nonce,
        policy: context.policy,
        anchors: context.trust.anchors,
        dids: { trustedDids: context.trust.dids, resolveDid: context.resolveDid },
        now,
      },
      context.resolveStatus,
    )
  } catch (error) {
    if (error instanceof Problem) {
      await context.store.recordRejection(request.responseId, error.code, now)
    }
    throw error
  }
}

/**
 * A same-device answer sends the browser back with a fresh code, which the platform must see in the session that the
 * request was made in before it is told anything. OpenID4VP 1.0 §8.2, §13.3, §14.2, HAIP 1.0 §5.1.
 */
function redirectFor(
  { redirectUri }: RetrievedRequest,
  random: Random,
): { readonly uri: string; readonly codeSha256: string } | undefined {
  if (redirectUri === undefined) return undefined
  const code = encodeBase64url(random(16))
  const uri = new URL(redirectUri)
  uri.searchParams.set('response_code', code)
  return { uri: uri.href, codeSha256: sha256Hex(code) }
}

function artefactsOf(presentation: VerifiedPresentation, trust: TrustInForce): Artefact[] {
  const tokens = presentation.credentials.flatMap(({ status: { token, tokenSha256 } }) =>
    token === undefined || tokenSha256 === undefined ? [] : [{ sha256: tokenSha256, text: token }],
  )
  return [{ sha256: trust.sha256, text: trust.jwt }, ...tokens]
}

/** Two public leaves that bind the verifier to what it recorded and tell nobody about whom. */
function logEntries(
  { receipt: jwt, commitmentKey, verifiedAt }: Answer,
  receipt: Receipt,
): AuditEntry[] {
  const commitments = commitmentsOf(jwt, receipt, commitmentKey)
  return LOGGED.map((type) => ({ type, at: verifiedAt, commitment: commitments[type] }))
}
