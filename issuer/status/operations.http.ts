import { z } from 'zod'
import { idempotentForKey, type KeyRing, keySecurity } from '../../shared/api-key/security.http.ts'
import type { Clock } from '../../shared/clock.ts'
import { type Endpoint, endpoint, wholeNumber } from '../../shared/http/endpoint.http.ts'
import { nextPage, pageOf, pageQuery } from '../../shared/http/page.http.ts'
import { Problem } from '../../shared/problem.ts'
import { publishEmergency } from './emergency.ts'
import type {
  BulkChange,
  BulkPreview,
  HolderNotice,
  OperatorChange,
  StatusOperations,
} from './operations.ts'
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
  sha256: z.string().max(64).meta({ description: 'The digest of the preview that was looked at.' }),
  emergency: z.boolean().default(false),
})
const periodSchema = z.strictObject({ from: wholeNumber, to: wholeNumber })
/** What is no number is no event either. */
const ofEvent = z.object({
  event: z
    .string()
    .transform((text) => (/^\d{1,15}$/.test(text) ? Number(text) : -1))
    .meta({ type: 'integer' }),
})
const published = z.boolean().optional().meta({
  description: 'Whether an emergency is published; if not, it is tried again.',
})
const statusCounts = z.strictObject({ valid: z.int(), suspended: z.int(), revoked: z.int() })
const preview: z.ZodType<BulkPreview> = z
  .strictObject({
    id: z.string(),
    sha256: z.string(),
    total: z.int(),
    lists: z.int(),
    now: statusCounts,
    unchanged: z.int(),
  })
  .meta({ id: 'BulkPreview' })
const notice: z.ZodType<HolderNotice> = z
  .strictObject({
    event: z.int(),
    reference,
    to,
    text: z.string(),
    effectiveAt: z.int(),
    dueAt: z.int(),
  })
  .meta({ id: 'HolderNotice' })
const noticePlace = { list: 'status-notices', position: z.tuple([z.int(), z.int()]) }
const durations = z
  .strictObject({ count: z.int(), median: z.number(), max: z.number(), late: z.int() })
  .meta({ id: 'Durations' })

/**
 * Our own interface for operators: `/status-changes`, `/status-bulk`, `/status-notices`, `/status-timeliness`. Every
 * call carries an operator's key.
 */
export function statusOperationEndpoints(deps: {
  readonly operations: StatusOperations
  readonly clock: Clock
  readonly keys: KeyRing
  /** Publishes out of turn. */
  publishNow(): Promise<void>
}): readonly Endpoint[] {
  const { operations, clock, keys, publishNow } = deps
  const reading = { tag: 'status', security: keySecurity('status:read', keys) } as const
  const writing = { tag: 'status', security: keySecurity('status:write', keys) } as const
  const idempotentFor = idempotentForKey
  const publishedAtOnce = async (emergency: boolean): Promise<{ published?: boolean }> =>
    emergency ? { published: await publishEmergency(publishNow) } : {}
  return [
    endpoint({
      ...writing,
      method: 'post',
      path: '/status-changes',
      operationId: 'changeStatus',
      summary: 'Change the status of one copy',
      body: { schema: changeSchema, maxBytes: MAX_BODY_BYTES },
      idempotentFor,
      responses: {
        202: {
          description: 'It will be in the next publication',
          schema: z.strictObject({ event: z.int(), published }),
        },
      },
      problems: ['credential_not_found', 'status_final', 'busy'],
      handle: async ({ body: { change, emergency }, caller, idempotency }) => {
        const changed = await operations.change(change, caller.name, clock(), idempotency)
        return { status: 202, body: { event: changed, ...(await publishedAtOnce(emergency)) } }
      },
    }),
    endpoint({
      ...writing,
      method: 'delete',
      path: '/status-changes/{event}',
      operationId: 'withdrawStatusChange',
      summary: 'Withdraw a change that was not published yet',
      params: ofEvent,
      idempotentFor,
      responses: { 204: { description: 'It is withdrawn' } },
      problems: ['change_not_found', 'change_published'],
      handle: async ({ params, idempotency }) => {
        await operations.withdraw(params.event, clock(), idempotency)
        return { status: 204 }
      },
    }),
    endpoint({
      ...writing,
      method: 'post',
      path: '/status-bulk',
      operationId: 'proposeBulkChange',
      summary: 'Propose one change for many copies, and see what it would do',
      body: { schema: bulkSchema, maxBytes: MAX_BULK_BYTES },
      idempotentFor,
      responses: { 201: { description: 'What it would do', schema: preview } },
      problems: ['credential_not_found'],
      handle: async ({ body, caller, idempotency }) => ({
        status: 201,
        body: await operations.proposeBulk(body, caller.name, clock(), idempotency),
      }),
    }),
    endpoint({
      ...writing,
      method: 'post',
      path: '/status-bulk/{id}/approval',
      operationId: 'approveBulkChange',
      summary: 'Approve what somebody else proposed',
      params: z.object({ id: z.string().max(128) }),
      body: { schema: approvalSchema, maxBytes: MAX_BODY_BYTES },
      idempotentFor,
      responses: {
        202: {
          description: 'It will be in the next publication',
          schema: z.strictObject({ changed: z.int(), published }),
        },
      },
      problems: ['bulk_not_found', 'second_person_needed', 'bulk_changed'],
      handle: async ({ params, body, caller, idempotency }) => {
        const bulk = { id: params.id, sha256: body.sha256 }
        const changed = await operations.approveBulk(bulk, caller.name, clock(), idempotency)
        return { status: 202, body: { changed, ...(await publishedAtOnce(body.emergency)) } }
      },
    }),
    endpoint({
      ...reading,
      method: 'get',
      path: '/status-notices',
      operationId: 'listHolderNotices',
      summary: 'Whom to tell of a published change, and how many should have been told',
      query: pageQuery,
      responses: {
        200: {
          description: 'Open notices, the most urgent first',
          schema: z.strictObject({
            overdue: z.int(),
            notices: z.array(notice).readonly(),
            next: nextPage,
          }),
        },
      },
      problems: ['cursor_invalid'],
      handle: async ({ query }) => {
        const { rows, next } = await pageOf(query, noticePlace, {
          read: operations.openNotices,
          positionOf: ({ dueAt, event }): [number, number] => [dueAt, event],
        })
        const overdue = await operations.overdueNotices(clock())
        return { status: 200, body: { overdue, notices: rows, ...next } }
      },
    }),
    endpoint({
      ...writing,
      method: 'post',
      path: '/status-notices/{event}/told',
      operationId: 'markHolderTold',
      summary: 'Record that the holder was told',
      params: ofEvent,
      responses: { 204: { description: 'It is recorded' } },
      problems: ['change_not_found'],
      handle: async ({ params }) => {
        if (!(await operations.markTold(params.event, clock()))) {
          throw new Problem('change_not_found', 'no holder is to be told of this change now')
        }
        return { status: 204 }
      },
    }),
    endpoint({
      ...writing,
      method: 'post',
      path: '/status-notices/{event}/release',
      operationId: 'releaseHolderNotice',
      summary: 'End a legal hold',
      params: ofEvent,
      idempotentFor,
      responses: { 204: { description: 'The holder may be told' } },
      problems: ['change_not_found'],
      handle: async ({ params, idempotency }) => {
        await operations.releaseNotice(params.event, clock(), idempotency)
        return { status: 204 }
      },
    }),
    endpoint({
      ...reading,
      method: 'get',
      path: '/status-timeliness',
      operationId: 'getTimeliness',
      summary: 'How long changes took',
      query: periodSchema,
      responses: {
        200: {
          description: 'Seconds until the publication, and until the holder was told',
          schema: z.strictObject({ published: durations, told: durations }),
        },
      },
      handle: async ({ query }) => ({
        status: 200,
        body: await operations.timeliness(query.from, query.to),
      }),
    }),
  ]
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
