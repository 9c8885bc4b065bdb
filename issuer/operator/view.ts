import type { NumericDate } from '../../shared/clock.ts'

/** Whether the server does its work, and how its tenants are. */
export interface OverviewView {
  readonly asOf: NumericDate
  readonly health: 'ok' | 'starting' | 'failing'
  readonly checks: Readonly<Record<string, 'ok' | 'failing'>>
  readonly tenants: readonly TenantView[]
}

/** An issuer that the server is. */
export interface TenantView {
  readonly name: string
  readonly address: string
  readonly issuer: string
  readonly country: string
  readonly lists: readonly ListView[]
  readonly log: {
    readonly vkey: string
    readonly entries: number
    /** Entries that no served checkpoint covers. */
    readonly lag: number
  }
  readonly deliveries: {
    readonly pending: number
    readonly dead: number
    readonly oldestDueAt?: NumericDate | undefined
  }
  /** Changes whose holders were not told. */
  readonly notices: { readonly open: number; readonly overdue: number }
}

/** What is served of the lists of a pool, of each time the one of the list that is worst off. */
export interface ListView {
  readonly pool: string
  readonly publishedAt: NumericDate
  readonly expiresAt: NumericDate
}

/** What is known of an API key, which is not the key. */
export interface KeyView {
  /** Tells the keys of one owner apart. */
  readonly id: string
  readonly name: string
  readonly role: string
  readonly createdAt: NumericDate
  readonly lastUsedAt?: NumericDate | undefined
  readonly expiresAt?: NumericDate | undefined
  readonly revokedAt?: NumericDate | undefined
}

/** Every key that there was. */
export interface KeyPage {
  readonly asOf: NumericDate
  readonly keys: readonly KeyView[]
}

/** One event on its way to one receiver. */
export interface DeliveryView {
  readonly id: number
  readonly state: 'pending' | 'delivered' | 'dead'
  readonly type: string
  readonly subject: string
  readonly receiver: string
  readonly attempts: number
  readonly lastOutcome?: string | undefined
  readonly dueAt: NumericDate
  readonly settledAt?: NumericDate | undefined
}

/** Deliveries, the newest first. */
export interface DeliveryPage {
  readonly deliveries: readonly DeliveryView[]
  /** What asks for the page after this one; absent on the last one. */
  readonly next?: string | undefined
}
