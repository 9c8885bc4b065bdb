import { type Command, InvalidArgumentError, Option } from 'commander'
import { type Clock, toDateTime } from '../clock.ts'
import { OperatorError } from '../operator-error.ts'
import type { ConfigChoice } from '../tenant/choice.ts'
import type { DeliveryRecord, DeliveryState, WebhookStore } from './store.ts'

/** Deliveries that are printed at most. */
const PAGE = 1000

/** What the commands need of a program. */
export interface WebhookWorld {
  readonly print: (line: string) => void
  readonly clock: Clock
  /** Runs `work` on the outbox that a configuration names. The server may run at the same time. */
  readonly withWebhooks: <Result>(
    configFile: ConfigChoice,
    work: (store: WebhookStore) => Promise<Result>,
  ) => Promise<Result>
}

/** Adds `webhooks deliveries` and `webhooks resend` to a program. */
export function addWebhooks(root: Command, world: WebhookWorld, configOption: () => Option): void {
  const webhooks = root.command('webhooks').description('look after what is told to others')
  webhooks
    .command('deliveries')
    .description('print deliveries, the newest first')
    .addOption(configOption())
    .addOption(
      new Option('--state <STATE>', 'only those').choices(['pending', 'delivered', 'dead']),
    )
    .option('--limit <NUMBER>', 'how many at most', numberOf, 100)
    .action((given: { config?: ConfigChoice; state?: DeliveryState; limit: number }) =>
      listDeliveries(world, given),
    )
  webhooks
    .command('resend')
    .description('send a delivery again that has ended')
    .argument('<DELIVERY>', 'its number', numberOf)
    .addOption(configOption())
    .action((id: number, given: { config?: ConfigChoice }) => resendDelivery(world, id, given))
}

async function listDeliveries(
  world: WebhookWorld,
  given: { readonly config?: ConfigChoice; readonly state?: DeliveryState; readonly limit: number },
): Promise<void> {
  await world.withWebhooks(given.config, async (store) => {
    const endpoints = new Map((await store.endpoints()).map(({ id, url }) => [id, url]))
    const records = await store.deliveries({
      state: given.state,
      limit: Math.min(given.limit, PAGE),
    })
    for (const record of records) {
      world.print(lineOf(record, endpoints.get(record.endpointId) ?? record.endpointId))
    }
  })
}

async function resendDelivery(
  world: WebhookWorld,
  id: number,
  given: { readonly config?: ConfigChoice },
): Promise<void> {
  const isDue = await world.withWebhooks(given.config, (store) => store.resend(id, world.clock()))
  if (!isDue) {
    throw new OperatorError('delivery_unknown', `no delivery ${id} has ended`, {
      hint: 'webhooks deliveries prints their numbers; a pending one is sent by itself',
    })
  }
  world.print(`delivery ${id} is due`)
}

function lineOf(record: DeliveryRecord, url: string): string {
  const { id, event, state, attempts, dueAt, settledAt, lastOutcome } = record
  const when = settledAt === undefined ? `due ${toDateTime(dueAt)}` : toDateTime(settledAt)
  const tried = `${attempts} attempts, last ${lastOutcome ?? 'none'}`
  return [id, state, when, event.type, event.subject, url, tried].join('  ')
}

function numberOf(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('is no number')
}
