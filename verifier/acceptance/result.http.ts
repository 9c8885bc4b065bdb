import { Router } from 'express'
import { z } from 'zod'
import type { Clock } from '../../shared/clock.ts'
import { sha256Hex } from '../../shared/hash.ts'
import { jsonBody } from '../../shared/http/body.http.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import { Problem } from '../../shared/problem.ts'
import { parseRequest } from '../../shared/schema.ts'
import type { VerifiedPresentation } from '../presentation/verify.ts'
import { type ApiKey, platformOf } from '../request/request.http.ts'
import { type RequestResult, type ResultContext, requestResult } from './result.ts'

const redemptionBody = z.strictObject({ response_code: z.string().min(1).max(64) })

/** Where a platform reads what came of its own requests. */
export function resultRouter(
  context: ResultContext & { readonly apiKeys: readonly ApiKey[]; readonly clock: Clock },
): Router {
  const { store, apiKeys, clock } = context
  const router = Router()

  router.get('/requests/:id', async (request, response) => {
    const platform = platformOf(request.headers.authorization, apiKeys)
    const result = await requestResult(request.params.id, platform, context, clock())
    response.set('Cache-Control', 'no-store').json(renderResult(result))
  })

  router.get('/requests/:id/receipt', async (request, response) => {
    const platform = platformOf(request.headers.authorization, apiKeys)
    const { answered } = await requestResult(request.params.id, platform, context, clock())
    if (!answered) throw new Problem('request_state', 'there is no receipt yet')
    response.set('Cache-Control', 'no-store').json(answered.bundle)
  })

  router.delete('/requests/:id', async (request, response) => {
    const platform = platformOf(request.headers.authorization, apiKeys)
    await store.forgetRequest(String(request.params.id), platform)
    response.status(204).end()
  })

  // The code proves that the browser which was sent back is in the session that asked. OpenID4VP 1.0 §13.3, §14.2.
  router.post('/requests/:id/redemption', ...jsonBody(1024), async (request, response) => {
    const platform = platformOf(request.headers.authorization, apiKeys)
    const body = parseRequest(redemptionBody, request.body)
    const id = String(request.params.id)
    const before = await requestResult(id, platform, context, clock())
    // Only an answer is held back for the code; that there is none may be told to whoever made the request.
    if (before.request.state === 'answered') {
      await store.redeemResponseCode(id, platform, sha256Hex(body.response_code), clock())
    }
    const result = await requestResult(id, platform, context, clock())
    response.set('Cache-Control', 'no-store').json(renderResult(result))
  })

  return router
}

function renderResult({ request, policy, answered, awaitsCode }: RequestResult): JsonObject {
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
