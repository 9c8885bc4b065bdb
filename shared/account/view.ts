import type { NumericDate } from '../clock.ts'

/** What someone who signs in may do. */
export type AccountRole = 'operator' | 'reviewer'

/** Whoever is signed in, as their own page shows it. */
export interface SessionView {
  readonly account: string
  readonly role: AccountRole
  /** When the session ends however much it is used. */
  readonly endsAt: NumericDate
  /** Seconds without a request after which it ends. */
  readonly idleSeconds: number
  /** How many sessions the account has, this one among them. */
  readonly sessions: number
  readonly passkeys: readonly PasskeyView[]
}

export interface PasskeyView {
  readonly createdAt: NumericDate
  readonly lastUsedAt?: NumericDate | undefined
  /** Whether it is copied between devices by whoever keeps it. WebAuthn Level 3 §6.1.3 "BS". */
  readonly isBackedUp: boolean
}

/** For whom an invitation is. */
export interface InvitationView {
  readonly account: string
  readonly role: AccountRole
}
