import type { Express } from 'express'
import { logEndpoints } from '../shared/audit/log.http.ts'
import type { AuditLog } from '../shared/audit/log.ts'
import { renderErrors } from '../shared/http/errors.http.ts'
import { serveEndpoints } from '../shared/http/openapi.http.ts'
import {
  type Observation,
  openApplication,
  refuseUnknownRoutes,
} from '../shared/http/server.http.ts'
import type { OkpPublicJwk } from '../shared/key/signer.ts'
import type { Log } from '../shared/log.ts'
import { deliveryEndpoints } from '../shared/webhook/deliveries.http.ts'
import { webhookKeyEndpoint } from '../shared/webhook/keys.http.ts'
import type { WebhookStore } from '../shared/webhook/store.ts'
import type { AnswerContext } from './acceptance/answer.ts'
import { responseEndpoints } from './acceptance/response.http.ts'
import { resultEndpoints } from './acceptance/result.http.ts'
import type { ResultContext } from './acceptance/result.ts'
import { platformSecurity, type RequestContext, requestEndpoints } from './request/request.http.ts'

const INFO = {
  title: 'Carnet verifier',
  version: '0.1.0',
  description: 'Ask workers for what a policy needs, and read what came of it.',
  tags: {
    requests: 'For a platform: ask, and read the result.',
    wallet: 'For wallets, as OpenID4VP 1.0 defines it.',
    webhooks: 'For a platform: what it was told, and what it was not.',
    log: 'The transparency log of this verifier, as C2SP tlog-tiles defines it.',
    server: 'About the server itself.',
  },
}

/** The whole verifier over HTTP. */
export function verifierApplication(
  context: RequestContext &
    AnswerContext &
    ResultContext & {
      /** The public keys of webhook deliveries, the one that signs first. */
      readonly webhookKeys: readonly OkpPublicJwk[]
      readonly webhooks: WebhookStore
      readonly log: Log
      readonly auditLog: AuditLog
      readonly observation?: Observation
    },
): Express {
  const { log, random, identity, trustList, clock } = context
  const app = openApplication({
    log,
    random,
    origins: [identity.baseUrl],
    checkHealth: () => {
      trustList.current(clock())
    },
    observation: context.observation,
  })
  serveEndpoints(app, INFO, [
    ...requestEndpoints(context),
    ...responseEndpoints(context),
    ...resultEndpoints(context),
    ...logEndpoints(context.auditLog),
    ...deliveryEndpoints({
      store: context.webhooks,
      clock,
      read: platformSecurity('requests:read', context.keys),
      write: platformSecurity('requests:write', context.keys),
      platformOf: (platform) => platform,
    }),
    webhookKeyEndpoint(context.webhookKeys),
  ])
  refuseUnknownRoutes(app)
  app.use(renderErrors('problem'))
  return app
}
