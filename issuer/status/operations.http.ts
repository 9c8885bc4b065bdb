import { type Request, type RequestHandler, Router } from 'express'
import { z } from 'zod'
import type { Clock } from '../../shared/clock.ts'
import { jsonBody } from '../../shared/http/body.http.ts'
import { Problem } from '../../shared/problem.ts'
import { parseRequest } from '../../shared/schema.ts'
import { publishEmergency } from './emergency.ts'
import type { BulkChange, OperatorChange, StatusOperations } from './operations.ts'
import { REASON_CLASSES, type ReasonClass } from './status.ts'

const MAX_BODY_BYTES = 16_384
const MAX_BULK_BYTES = 16 << 20

const reference = z.strictObject({ uri: z.url().max(2048), idx: z.int().min(0) })
const reasonClass = z.enum(REASON_CLASSES as [ReasonClass, ...ReasonClass[]])
const to = z.enum(['valid', 'suspended', 'revoked'])
const time = z.int().min(0)

const changeSchema = z
  .strictObject({
    reference,
    to,
    reason_class: reasonClass,
    requested_at: time.optional(),
    until: time.optional(),
    held_by: z.string().trim().min(1).max(200).optional(),
    /** Publishes at once instead of in the next round. */
    emergency: z.boolean().default(false),
  })
  .transform(({ emergency, ...change }) => ({ emergency, change: operatorChange(change) }))
const bulkSchema = z
  .strictObject({
    references: z.array(reference).min(1).max(100_000),
    to,
    reason_class: reasonClass,
  })
  .transform(({ reason_class, ...bulk }): BulkChange => ({ ...bulk, reasonClass: reason_class }))
const approvalSchema = z.strictObject({
  sha256: z.string().max(64),
  emergency: z.boolean().default(false),
})
const periodSchema = z.strictObject({ from: z.coerce.number(), to: z.coerce.number() })

/**
 * Our own interface for operators: `/status-changes`, `/status-bulk`, `/status-notices`, `/status-timeliness`. Every
 * call carries an operator's key, of which `requireOperator` answers the name.
 */
export function statusOperationEndpoints(deps: {
  readonly operations: StatusOperations
  readonly clock: Clock
  requireOperator(request: Request): Promise<string>
  /** Publishes out of turn. */
  publishNow(): Promise<void>
}): Router {
  const { operations, clock, requireOperator, publishNow } = deps
  const router = Router()
  const publishedAtOnce = async (emergency: boolean): Promise<{ published?: boolean }> =>
    emergency ? { published: await publishEmergency(publishNow) } : {}
  const post = (path: string, maxBytes: number, handler: RequestHandler): void => {
    router.post(path, ...jsonBody(maxBytes), handler)
  }
  router.use(
    ['/status-changes', '/status-bulk', '/status-notices', '/status-timeliness'],
    (_, response, next) => {
      response.set('Cache-Control', 'no-store')
      next()
    },
  )
  post('/status-changes', MAX_BODY_BYTES, async (request, response) => {
    const actor = await requireOperator(request)
    const { change, emergency } = parseRequest(changeSchema, request.body)
    const event = await operations.change(change, actor, clock())
    response.status(202).json({ event, ...(await publishedAtOnce(emergency)) })
  })
  router.delete('/status-changes/:event', async (request, response) => {
    await requireOperator(request)
    await operations.withdraw(eventOf(request), clock())
    response.status(204).end()
  })
  post('/status-bulk', MAX_BULK_BYTES, async (request, response) => {
    const actor = await requireOperator(request)
    const change = parseRequest(bulkSchema, request.body)
    response.status(201).json(await operations.proposeBulk(change, actor, clock()))
  })
  post('/status-bulk/:id/approval', MAX_BODY_BYTES, async (request, response) => {
    const actor = await requireOperator(request)
    const { sha256, emergency } = parseRequest(approvalSchema, request.body)
    const bulk = { id: String(request.params.id), sha256 }
    const events = await operations.approveBulk(bulk, actor, clock())
    response.status(202).json({ changed: events.length, ...(await publishedAtOnce(emergency)) })
  })
  router.get('/status-notices', async (request, response) => {
    await requireOperator(request)
    const overdue = await operations.overdueNotices(clock())
    response.json({ overdue, notices: await operations.openNotices() })
  })
  router.post('/status-notices/:event/told', async (request, response) => {
    await requireOperator(request)
    await operations.markTold(eventOf(request), clock())
    response.status(204).end()
  })
  router.post('/status-notices/:event/release', async (request, response) => {
    await requireOperator(request)
    if (!(await operations.releaseNotice(eventOf(request), clock()))) {
      throw new Problem('change_not_found', 'no notice of this change is on hold')
    }
    response.status(204).end()
  })
  router.get('/status-timeliness', async (request, response) => {
    await requireOperator(request)
    const period = parseRequest(periodSchema, request.query)
    response.json(await operations.timeliness(period.from, period.to))
  })
  return router
}

function eventOf(request: Request): number {
  const event = Number(request.params.event)
  if (!Number.isSafeInteger(event)) throw new Problem('change_not_found', 'there is no such change')
  return event
}

function operatorChange(change: {
  reference: { uri: string; idx: number }
  to: OperatorChange['to']
  reason_class: ReasonClass
  requested_at?: number | undefined
  until?: number | undefined
  held_by?: string | undefined
}): OperatorChange {
  const { reference, to, reason_class: reasonClass, requested_at, until, held_by } = change
  return {
    reference,
    to,
    reasonClass,
    ...(requested_at === undefined ? {} : { requestedAt: requested_at }),
    ...(until === undefined ? {} : { until }),
    ...(held_by === undefined ? {} : { heldBy: held_by }),
  }
}
