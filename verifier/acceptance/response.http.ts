import { z } from 'zod'
import type { Clock } from '../../shared/clock.ts'
import { type Endpoint, endpoint } from '../../shared/http/endpoint.http.ts'
import { MAX_RESPONSE_LENGTH } from '../../shared/oid4vp/response.ts'
import { PRESENTATION_PROBLEMS } from '../../shared/problem.ts'
import { type AnswerContext, answerRequest } from './answer.ts'

/** Where wallets post their answers. The address is a secret of one request object. OpenID4VP 1.0 §8.2, §8.3.1. */
export function responseEndpoints(
  context: AnswerContext & { readonly clock: Clock },
): readonly Endpoint[] {
  return [
    endpoint({
      method: 'post',
      path: '/responses/{response_id}',
      operationId: 'postResponse',
      tag: 'wallet',
      summary: 'Answer a request',
      specification: 'OpenID4VP 1.0 §8.2',
      protocolErrors: true,
      params: z.object({ response_id: z.string().max(128) }),
      body: {
        mediaType: 'application/x-www-form-urlencoded',
        schema: z.record(z.string(), z.string()),
        maxBytes: MAX_RESPONSE_LENGTH + 1024,
      },
      responses: {
        200: {
          description: 'The answer was taken; where the browser goes on, if anywhere',
          schema: z.strictObject({ redirect_uri: z.string().optional() }),
        },
      },
      problems: [
        'request_not_found',
        'request_expired',
        'request_answered',
        'request_refused',
        'request_state',
        'response_unreadable',
        'trust_unavailable',
        ...PRESENTATION_PROBLEMS,
      ],
      handle: async ({ params, body }) => {
        const { redirectUri } = await answerRequest(
          params.response_id,
          body,
          context,
          context.clock(),
        )
        return {
          status: 200,
          body: redirectUri === undefined ? {} : { redirect_uri: redirectUri },
        }
      },
    }),
  ]
}
