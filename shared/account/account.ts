import type { NumericDate } from '../clock.ts'
import type { AccountRole } from './view.ts'

/** Somebody who may sign in to a page of this server. */
export interface Account {
  /** Unpredictable, 32 hexadecimal characters: what authenticators and logs know the account by. */
  readonly id: string
  readonly name: string
  readonly role: AccountRole
}

/** What is kept of a passkey; the private key never left its authenticator. WebAuthn Level 3 §4 "credential record". */
export interface Passkey {
  /** The credential id, base64url. */
  readonly id: string
  /** COSE_Key. */
  readonly publicKey: Uint8Array
  /** The signature counter that was last seen; 0 where the authenticator has none. */
  readonly counter: number
  /** Whether it may be copied to other devices, which never changes. WebAuthn Level 3 §6.1.3 "BE". */
  readonly isBackupEligible: boolean
  /** Whether it is, as was last seen. WebAuthn Level 3 §6.1.3 "BS". */
  readonly isBackedUp: boolean
  /** How a browser may reach its authenticator, such as `internal`. */
  readonly transports: readonly string[]
}

/** A passkey that was made, and when it was last used. */
export interface KnownPasskey extends Passkey {
  readonly createdAt: NumericDate
  readonly lastUsedAt: NumericDate | undefined
}

/** Asking a browser to make or use a passkey: the challenge is good once, in the browser that got it. */
export interface Ceremony {
  readonly kind: 'registration' | 'sign-in'
  /** 32 unpredictable bytes, base64url. WebAuthn Level 3 §13.4.3. */
  readonly challenge: string
}

/** A session that somebody signed in for; its identifier is in their browser's cookie and its digest here. */
export interface NewSession {
  readonly idSha256: string
  /** When it ends unless it is used before. */
  readonly idleUntil: NumericDate
  /** When it ends however much it is used. */
  readonly endsAt: NumericDate
}

/** A session that has not ended. */
export interface PageSession extends NewSession {
  readonly account: Account
  readonly passkeyId: string
}

/** How long things live, in seconds. */
export interface SessionLimits {
  readonly idleSeconds: number
  readonly endSeconds: number
}

/** Half an hour without use, and a working day. */
export const SESSION_LIMITS: SessionLimits = { idleSeconds: 1800, endSeconds: 43_200 }
/** For how long a browser may ask its user. */
export const CEREMONY_SECONDS = 300
export const INVITATION_BYTES = 32
/** What a name of an account looks like. */
export const ACCOUNT_NAME: RegExp = /^[\w.-]{1,64}$/
