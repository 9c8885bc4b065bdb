import type { ApiKeyStore } from '../../shared/api-key/store.ts'
import type { AuditLog } from '../../shared/audit/log.ts'
import type { NumericDate } from '../../shared/clock.ts'
import type { DeliveryRecord, WebhookStore } from '../../shared/webhook/store.ts'
import type { StatusOperations } from '../status/operations.ts'
import type { ReadServedPools } from '../status/served-pools.ts'
import type { DeliveryView, KeyView, TenantView } from './view.ts'

/** An issuer that is looked at, and what tells of it. */
export interface WatchedTenant {
  readonly name: string
  readonly address: string
  readonly issuer: string
  readonly country: string
  readonly keys: Pick<ApiKeyStore, 'key' | 'keys' | 'noteUse'>
  readonly webhooks: Pick<
    WebhookStore,
    'backlog' | 'deliveries' | 'delivery' | 'endpoints' | 'resend'
  >
  readonly servedPools: ReadServedPools
  readonly auditLog: Pick<AuditLog, 'size' | 'vkey'>
  readonly operations: Pick<StatusOperations, 'countOpenNotices' | 'overdueNotices'>
}

/** How a tenant is now. */
export async function watchTenant(tenant: WatchedTenant, now: NumericDate): Promise<TenantView> {
  const { name, address, issuer, country, webhooks, operations, auditLog } = tenant
  const [pools, { appended, served }, { pending, dead, oldestDueAt }, open, overdue] =
    await Promise.all([
      tenant.servedPools(now),
      auditLog.size(),
      webhooks.backlog(),
      operations.countOpenNotices(),
      operations.overdueNotices(now),
    ])
  return {
    name,
    address,
    issuer,
    country,
    lists: pools.map(({ pool, iat, exp }) => ({ pool, publishedAt: iat, expiresAt: exp })),
    log: { vkey: auditLog.vkey, entries: appended, lag: appended - served },
    deliveries: { pending, dead, oldestDueAt },
    notices: { open, overdue },
  }
}

/** What is known of the keys of a tenant. */
export async function keysOf(tenant: WatchedTenant): Promise<readonly KeyView[]> {
  const keys = await tenant.keys.keys()
  return keys.map(({ id, name, role, createdAt, lastUsedAt, expiresAt, revokedAt }) => ({
    id,
    name,
    role,
    createdAt,
    lastUsedAt,
    expiresAt,
    revokedAt,
  }))
}

/** Records of deliveries as they are shown. A subject is an identifier, and nothing that an event says is told. */
export async function deliveriesOf(
  { webhooks }: WatchedTenant,
  records: readonly DeliveryRecord[],
): Promise<readonly DeliveryView[]> {
  const receivers = new Map((await webhooks.endpoints()).map(({ id, url }) => [id, hostOf(url)]))
  return records.map(
    ({ id, state, event, endpointId, attempts, lastOutcome, dueAt, settledAt }) => ({
      id,
      state,
      type: event.type,
      subject: event.subject,
      receiver: receivers.get(endpointId) ?? endpointId,
      attempts,
      lastOutcome,
      dueAt,
      settledAt,
    }),
  )
}

/** Where a receiver is; a secret may stand in the rest of its address. */
function hostOf(url: string): string {
  return new URL(url).origin
}
