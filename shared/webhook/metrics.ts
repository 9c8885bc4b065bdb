import type { Clock } from '../clock.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Backlog, WebhookStore } from './store.ts'

/** Registers what waits in the outbox, for how long, and what was given up. */
export function measureWebhooks(
  metrics: Metrics,
  store: Pick<WebhookStore, 'backlog'>,
  clock: Clock,
): void {
  let reading: Promise<Backlog> | undefined
  // The numbers of one scrape are asked for together, and read once.
  const backlog = (): Promise<Backlog> => {
    reading ??= store.backlog().finally(() => {
      reading = undefined
    })
    return reading
  }
  metrics.gauge({
    name: 'carnet_webhook_deliveries',
    help: 'Deliveries that are to be made (pending) and that were given up (dead)',
    label: 'state',
    read: async () => {
      const { pending, dead } = await backlog()
      return { pending, dead }
    },
  })
  metrics.gauge({
    name: 'carnet_webhook_oldest_due_seconds',
    help: 'Seconds for which the delivery that waits longest has been due; 0 where none is',
    read: async () => {
      const { oldestDueAt } = await backlog()
      return oldestDueAt === undefined ? 0 : Math.max(0, clock() - oldestDueAt)
    },
  })
}
