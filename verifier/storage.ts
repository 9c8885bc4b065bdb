import type { ApiKeyStore } from '../shared/api-key/store.ts'
import type { AuditLog, AuditLogOptions } from '../shared/audit/log.ts'
import type { Lease } from '../shared/store/lease.ts'
import type { WebhookStore } from '../shared/webhook/store.ts'
import type { VerifierStore } from './store.ts'

/** Everything that a verifier keeps, in one database. */
export interface VerifierStorage {
  readonly store: VerifierStore
  readonly webhooks: WebhookStore
  readonly keys: ApiKeyStore
  /** What one process does at a time, by name. */
  readonly leases: Readonly<Record<string, Lease>>
  /** Writes without changing anything; rejects when nothing can be written. */
  checkWritable(): Promise<void>
  openLog(options: AuditLogOptions): AuditLog
  close(): Promise<void>
}
