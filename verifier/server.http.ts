import type { Express } from 'express'
import { logRouter } from '../shared/audit/log.http.ts'
import type { AuditLog } from '../shared/audit/log.ts'
import { renderErrors } from '../shared/http/errors.http.ts'
import {
  type Observation,
  openApplication,
  refuseUnknownRoutes,
} from '../shared/http/server.http.ts'
import type { Log } from '../shared/log.ts'
import type { AnswerContext } from './acceptance/answer.ts'
import { responseRouter } from './acceptance/response.http.ts'
import { resultRouter } from './acceptance/result.http.ts'
import type { ResultContext } from './acceptance/result.ts'
import { type RequestContext, requestRouter } from './request/request.http.ts'

/** The whole verifier over HTTP. */
export function verifierApplication(
  context: RequestContext &
    AnswerContext &
    ResultContext & {
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
  app.use(requestRouter(context))
  app.use(responseRouter(context))
  app.use(resultRouter(context))
  app.use(logRouter(context.auditLog))
  refuseUnknownRoutes(app)
  app.use(renderErrors('problem'))
  return app
}
