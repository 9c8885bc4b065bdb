import type { Clock, NumericDate, Schedule } from '../clock.ts'
import { sha256Hex } from '../hash.ts'
import { canonicalJson } from '../json.ts'
import type { Ed25519Signer } from '../key/signer.ts'
import type { Random } from '../random.ts'
import { guardedFetch } from '../trust/guarded-fetch.ts'
import { startDeliveries } from './deliver.ts'
import type { WebhookSettings } from './settings.ts'
import type { WebhookEndpoint, WebhookStore } from './store.ts'

/** How long a delivery is kept after it ended: 30 days. */
export const DELIVERIES_KEPT_SECONDS = 2_592_000
const ATTEMPT_MS = 10_000
/** Of an answer nothing but its status is looked at. */
const MAX_ANSWER_BYTES = 1 << 16

/** Makes the endpoints of the store those of the settings; what waits for one that is gone is forgotten. */
export async function syncEndpoints(
  store: WebhookStore,
  settings: Pick<WebhookSettings, 'endpoints'>,
  now: NumericDate,
): Promise<void> {
  const wanted = new Map(
    settings.endpoints.map(({ url, platform, types }): [string, WebhookEndpoint] => {
      const id = sha256Hex(canonicalJson([url, platform ?? null, [...types].sort()])).slice(0, 32)
      return [id, { id, url, platform, types, createdAt: now }]
    }),
  )
  for (const { id } of await store.endpoints()) {
    if (!wanted.delete(id)) await store.removeEndpoint(id)
  }
  for (const endpoint of wanted.values()) await store.addEndpoint(endpoint)
}

/** The key that signs deliveries, then the announced ones; none where nothing is delivered. */
export function readWebhookKeys(
  settings: WebhookSettings | undefined,
  readKey: (path: string) => Ed25519Signer,
): readonly Ed25519Signer[] {
  return settings === undefined ? [] : [settings.key, ...settings.announcedKeys].map(readKey)
}

/** Takes over the endpoints of the settings, which may be none, and delivers to them until it is stopped. */
export async function startWebhooks(options: {
  readonly settings: WebhookSettings | undefined
  readonly store: WebhookStore
  readonly signer: Ed25519Signer | undefined
  /** The base URL of this server. */
  readonly source: string
  readonly clock: Clock
  readonly random: Random
  readonly schedule: Schedule
  onFailure(error: unknown): void
}): Promise<{ stop(): Promise<void> }> {
  const { settings, store, signer, source, clock, random, schedule, onFailure } = options
  await syncEndpoints(store, settings ?? { endpoints: [] }, clock())
  if (settings === undefined || signer === undefined) return { stop: async () => undefined }
  const fetch = guardedFetch({
    allowPrivate: settings.allowPrivateNetworks,
    maxBytes: MAX_ANSWER_BYTES,
    timeoutMs: ATTEMPT_MS,
    maxRedirects: 0,
  })
  return startDeliveries({ store, source, signer, fetch, clock, random }, { schedule, onFailure })
}
