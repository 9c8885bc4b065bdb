import type { Request } from 'express'
import { z } from 'zod'
import type { KeySecurity } from '../api-key/security.http.ts'
import type { Clock } from '../clock.ts'
import { type Endpoint, endpoint } from '../http/endpoint.http.ts'
import { nextPage, pageOf, pageParameters } from '../http/page.http.ts'
import { Problem } from '../problem.ts'
import { EVENT_TYPES, type EventType } from './event.ts'
import type { DeliveryRecord, WebhookStore } from './store.ts'

const state = z.enum(['pending', 'delivered', 'dead'])
const deliverySchema = z
  .strictObject({
    id: z.int(),
    endpoint: z.strictObject({ url: z.string(), platform: z.string().optional() }),
    event: z.strictObject({
      id: z.string(),
      type: z.enum(EVENT_TYPES as [EventType, ...EventType[]]),
      subject: z.string(),
      sequence: z.int(),
      time: z.int(),
      data: z.record(z.string(), z.unknown()),
    }),
    state: state.meta({ description: '`dead` is sent again only when somebody asks.' }),
    attempts: z.int(),
    due_at: z.int().optional().meta({ description: 'When a pending one is tried next.' }),
    last_outcome: z.string().optional().meta({
      description: 'An HTTP status such as `503`, or a word such as `fetch_failed`.',
    }),
    settled_at: z.int().optional(),
  })
  .meta({ id: 'WebhookDelivery' })
type Delivery = z.infer<typeof deliverySchema>

const listQuery = z.strictObject({ state: state.optional(), ...pageParameters })
const ofDelivery = z.object({
  id: z
    .string()
    .regex(/^[1-9]\d{0,14}$/, 'is no number of a delivery')
    .transform(Number)
    .meta({ type: 'integer' }),
})

/** Who calls, and with which scope of their key. */
type CallerSecurity<Caller> = Pick<KeySecurity, 'scheme' | 'scope'> & {
  authenticate(request: Request): Promise<Caller>
}

/**
 * `/webhook-deliveries`: what is told to others, how that went, and sending it once more. A caller who is a platform sees
 * the deliveries to its own endpoints and no others.
 */
export function deliveryEndpoints<Caller>(deps: {
  readonly store: WebhookStore
  readonly clock: Clock
  readonly read: CallerSecurity<Caller>
  readonly write: CallerSecurity<Caller>
  /** The platform of a caller; `undefined` for the operator, who sees everything. */
  readonly platformOf: (caller: Caller) => string | undefined
}): readonly Endpoint[] {
  const { store, clock, platformOf } = deps
  const common = { tag: 'webhooks', security: deps.read } as const
  const rendered = async (records: readonly DeliveryRecord[]): Promise<Delivery[]> => {
    const endpoints = new Map((await store.endpoints()).map((each) => [each.id, each]))
    return records.map((record) => render(record, endpoints.get(record.endpointId)))
  }
  const required = async (id: number, platform: string | undefined): Promise<DeliveryRecord> => {
    const record = await store.delivery(id, platform)
    if (record === undefined) throw new Problem('delivery_not_found', 'no delivery has this number')
    return record
  }
  return [
    endpoint({
      ...common,
      method: 'get',
      path: '/webhook-deliveries',
      operationId: 'listWebhookDeliveries',
      summary: 'What was and will be told, the newest first',
      query: listQuery,
      responses: {
        200: {
          description: 'Deliveries',
          schema: z.strictObject({ deliveries: z.array(deliverySchema), next: nextPage }),
        },
      },
      problems: ['cursor_invalid'],
      handle: async ({ query: { state: only, ...page }, caller }) => {
        const platform = platformOf(caller)
        const place = {
          list: 'webhook-deliveries',
          filter: only === undefined ? {} : { state: only },
          position: z.int(),
        }
        const { rows, next } = await pageOf(page, place, {
          read: ({ limit, after }) =>
            store.deliveries({ platform, state: only, before: after, limit }),
          positionOf: ({ id }) => id,
        })
        return { status: 200, body: { deliveries: await rendered(rows), ...next } }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/webhook-deliveries/{id}',
      operationId: 'getWebhookDelivery',
      summary: 'How one delivery went',
      params: ofDelivery,
      responses: { 200: { description: 'The delivery', schema: deliverySchema } },
      problems: ['delivery_not_found'],
      handle: async ({ params, caller }) => {
        const [body] = await rendered([await required(params.id, platformOf(caller))])
        return { status: 200, body: body as Delivery }
      },
    }),
    endpoint({
      tag: 'webhooks',
      security: deps.write,
      method: 'post',
      path: '/webhook-deliveries/{id}/resend',
      operationId: 'resendWebhookDelivery',
      summary: 'Send once more what has ended, with all its attempts',
      params: ofDelivery,
      responses: { 202: { description: 'It is due', schema: deliverySchema } },
      problems: ['delivery_not_found', 'delivery_pending'],
      handle: async ({ params: { id }, caller }) => {
        const platform = platformOf(caller)
        await required(id, platform)
        if (!(await store.resend(id, clock(), platform))) {
          throw new Problem('delivery_pending', 'it is sent by itself')
        }
        const [body] = await rendered([await required(id, platform)])
        return { status: 202, body: body as Delivery }
      },
    }),
  ]
}

function render(
  record: DeliveryRecord,
  to: { readonly url: string; readonly platform: string | undefined } | undefined,
): Delivery {
  const { id, event, attempts, dueAt, lastOutcome, settledAt } = record
  return {
    id,
    endpoint: {
      url: to?.url ?? '',
      ...(to?.platform === undefined ? {} : { platform: to.platform }),
    },
    event: {
      id: event.id,
      type: event.type,
      subject: event.subject,
      sequence: event.sequence,
      time: event.at,
      data: event.data,
    },
    state: record.state,
    attempts,
    ...(record.state === 'pending' ? { due_at: dueAt } : {}),
    ...(lastOutcome === undefined ? {} : { last_outcome: lastOutcome }),
    ...(settledAt === undefined ? {} : { settled_at: settledAt }),
  }
}
