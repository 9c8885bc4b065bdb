import type { AccountStore } from '../shared/account/store.ts'
import type { ApiKeyStore } from '../shared/api-key/store.ts'
import type { AuditLog, AuditLogOptions } from '../shared/audit/log.ts'
import type { Random } from '../shared/random.ts'
import type { Lease } from '../shared/store/lease.ts'
import type { WebhookStore } from '../shared/webhook/store.ts'
import type { ArtefactStore } from './oid4vci/artefact-store.ts'
import type { StatusOperations } from './status/operations.ts'
import type { ReadServedPools } from './status/served-pools.ts'
import type { StatusStore } from './status/status.ts'
import type { IssuerStore } from './store.ts'

/** Everything that an issuer keeps, in one database. */
export interface IssuerStorage {
  readonly store: IssuerStore
  readonly webhooks: WebhookStore
  readonly accounts: AccountStore
  readonly keys: ApiKeyStore
  readonly artefacts: ArtefactStore
  readonly statusStore: StatusStore
  readonly operations: StatusOperations
  /** Held by whoever publishes the status lists. */
  readonly publication: Lease
  /** What one process does at a time, by name. */
  readonly leases: Readonly<Record<string, Lease>>
  /** Whether other processes may work on the same database. */
  readonly isShared: boolean
  /** What is served of every pool of lists. */
  readonly servedPools: ReadServedPools
  /** Writes without changing anything; rejects when nothing can be written. */
  checkWritable(): Promise<void>
  openLog(options: AuditLogOptions): AuditLog
  close(): Promise<void>
}

/** What the storage of an issuer has to know of it. */
export interface IssuerStorageOptions {
  /** Where the status lists are served. */
  readonly baseUrl: string
  /** The type of the credentials. */
  readonly vct: string
  readonly random: Random
}
