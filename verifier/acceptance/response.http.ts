import { Router } from 'express'
import type { Clock } from '../../shared/clock.ts'
import { formBody } from '../../shared/http/body.http.ts'
import { MAX_RESPONSE_LENGTH } from '../../shared/oid4vp/response.ts'
import { type AnswerContext, answerRequest } from './answer.ts'

/** Where wallets post their answers. The address is a secret of one request object. OpenID4VP 1.0 §8.2, §8.3.1. */
export function responseRouter(context: AnswerContext & { readonly clock: Clock }): Router {
  return Router().post(
    '/responses/:responseId',
    ...formBody(MAX_RESPONSE_LENGTH + 1024),
    async (request, response) => {
      const responseId = String(request.params.responseId)
      const { redirectUri } = await answerRequest(
        responseId,
        request.body,
        context,
        context.clock(),
      )
      response
        .set('Cache-Control', 'no-store')
        .json(redirectUri === undefined ? {} : { redirect_uri: redirectUri })
    },
  )
}
