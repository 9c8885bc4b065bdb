import { z } from 'zod'
import type { KeyRing } from '../../shared/api-key/security.http.ts'
import type { Clock, NumericDate } from '../../shared/clock.ts'
import { sha256Hex } from '../../shared/hash.ts'
import { type Endpoint, endpoint } from '../../shared/http/endpoint.http.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import { Problem } from '../../shared/problem.ts'
import { OUTCOMES } from '../policy/policy.ts'
import type { VerifiedPresentation } from '../presentation/verify.ts'
import { platformSecurity } from '../request/request.http.ts'
import type { Acceptance } from './accept.ts'
import { receiptBundleSchema } from './bundle.ts'
import { type RequestResult, type ResultContext, requestResult } from './result.ts'

const VERDICTS = ['valid', 'suspended', 'revoked', 'undetermined'] as const
const redemptionBody = z.strictObject({ response_code: z.string().min(1).max(64) })
const ofRequest = z.object({ id: z.string().max(128) })
const json = z.unknown() as z.ZodType<Json>
const result: z.ZodType<Result> = z
  .strictObject({
    request_id: z.string(),
    state: z.enum(['requested', 'retrieved', 'answered', 'refused', 'expired']),
    policy: z.strictObject({ id: z.string(), version: z.int() }),
    created_at: z.int(),
    expires_at: z.int(),
    ended_at: z.int().optional(),
    reason: z.string().optional().meta({
      description: "The wallet's error code (OpenID4VP 1.0 §8.5), or `too_many_rejections`.",
    }),
    awaits: z.literal('response_code').optional().meta({
      description: 'The answer is told once the code of the same-device flow was redeemed.',
    }),
    rejections: z.array(z.strictObject({ at: z.int(), code: z.string() })),
    acceptance: z
      .strictObject({ outcome: z.enum([...OUTCOMES]), codes: z.array(z.string()) })
      .optional(),
    claims: z.record(z.string(), json).optional().meta({
      description: 'The requested claims by credential query, and nothing beside them.',
    }),
    credentials: z
      .array(
        z.strictObject({
          query_id: z.string(),
          vct: z.string(),
          issuer: z.string(),
          status: z.enum([...VERDICTS]),
        }),
      )
      .optional(),
    receipt: z.string().optional().meta({ description: 'A JWT signed by the verifier.' }),
  })
  .meta({ id: 'PresentationResult' })

/** Where a platform reads what came of its own requests. */
export function resultEndpoints(
  context: ResultContext & { readonly keys: KeyRing; readonly clock: Clock },
): readonly Endpoint[] {
  const { store, keys, clock } = context
  const common = {
    tag: 'requests',
    security: platformSecurity('requests:read', keys),
    params: ofRequest,
  } as const
  const writing = { ...common, security: platformSecurity('requests:write', keys) } as const
  return [
    endpoint({
      ...common,
      method: 'get',
      path: '/requests/{id}',
      operationId: 'getPresentationResult',
      summary: 'Read what came of a request',
      responses: { 200: { description: 'Its state, and the decision', schema: result } },
      problems: ['request_not_found'],
      handle: async ({ params, caller: platform }) => ({
        status: 200,
        body: renderResult(await requestResult(params.id, platform, context, clock())),
      }),
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/requests/{id}/receipt',
      operationId: 'getReceipt',
      summary: 'Take the receipt with everything it names',
      responses: { 200: { description: 'A receipt file', schema: receiptBundleSchema } },
      problems: ['request_not_found', 'request_state'],
      handle: async ({ params, caller: platform }) => {
        const { answered } = await requestResult(params.id, platform, context, clock())
        if (!answered) throw new Problem('request_state', 'there is no receipt yet')
        return { status: 200, body: answered.bundle }
      },
    }),
    endpoint({
      ...writing,
      method: 'delete',
      path: '/requests/{id}',
      operationId: 'forgetPresentationRequest',
      summary: 'Erase a request and all that it tells of a person',
      responses: { 204: { description: 'It is gone' } },
      problems: ['request_not_found'],
      handle: async ({ params, caller: platform }) => {
        await store.forgetRequest(params.id, platform)
        return { status: 204 }
      },
    }),
    // The code proves that the browser which was sent back is in the session that asked. OpenID4VP 1.0 §13.3, §14.2.
    endpoint({
      ...writing,
      method: 'post',
      path: '/requests/{id}/redemption',
      operationId: 'redeemResponseCode',
      summary: 'Read the result of a same-device request, once',
      body: { schema: redemptionBody, maxBytes: 1024 },
      responses: { 200: { description: 'Its state, and the decision', schema: result } },
      problems: ['request_not_found', 'response_code_invalid'],
      handle: async ({ params: { id }, body, caller: platform }) => {
        const before = await requestResult(id, platform, context, clock())
        // Only an answer is held back for the code; that there is none may be told to whoever made the request.
        if (before.request.state === 'answered') {
          await store.redeemResponseCode(id, platform, sha256Hex(body.response_code), clock())
        }
        return {
          status: 200,
          body: renderResult(await requestResult(id, platform, context, clock())),
        }
      },
    }),
  ]
}

interface Result {
  readonly request_id: string
  readonly state: RequestResult['request']['state']
  readonly policy: { readonly id: string; readonly version: number }
  readonly created_at: NumericDate
  readonly expires_at: NumericDate
  readonly ended_at?: NumericDate | undefined
  readonly reason?: string | undefined
  readonly awaits?: 'response_code' | undefined
  readonly rejections: readonly { readonly at: NumericDate; readonly code: string }[]
  readonly acceptance?: Acceptance | undefined
  readonly claims?: JsonObject | undefined
  readonly credentials?:
    | readonly {
        readonly query_id: string
        readonly vct: string
        readonly issuer: string
        readonly status: (typeof VERDICTS)[number]
      }[]
    | undefined
  readonly receipt?: string | undefined
}

function renderResult({ request, policy, answered, awaitsCode }: RequestResult): Result {
  return {
    request_id: request.id,
    state: request.state,
    policy: { id: policy.id, version: policy.version },
    created_at: request.createdAt,
    expires_at: request.expiresAt,
    ...('endedAt' in request ? { ended_at: request.endedAt } : {}),
    ...(request.state === 'refused' ? { reason: request.reason } : {}),
    ...(awaitsCode ? { awaits: 'response_code' } : {}),
    rejections:
      request.state === 'requested'
        ? []
        : request.rejections.map((rejection) => ({ ...rejection })),
    ...(answered
      ? {
          acceptance: {
            outcome: answered.acceptance.outcome,
            codes: [...answered.acceptance.codes],
          },
          claims: claimsByQuery(answered.presentation),
          credentials: answered.presentation.credentials.map((credential) => ({
            query_id: credential.queryId,
            vct: credential.vct,
            issuer: credential.issuer,
            status: credential.status.verdict,
          })),
          receipt: answered.bundle.receipt,
        }
      : {}),
  }
}

/** The requested claims by credential query id; a list where the query takes several credentials. */
function claimsByQuery({ credentials }: VerifiedPresentation): JsonObject {
  const claims: Record<string, Json> = {}
  for (const { queryId, claims: own } of credentials) {
    const before = claims[queryId]
    if (before === undefined) claims[queryId] = own
    else claims[queryId] = Array.isArray(before) ? [...before, own] : [before, own]
  }
  return claims
}
