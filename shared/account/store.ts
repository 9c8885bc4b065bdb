import type { NumericDate } from '../clock.ts'
import type {
  Account,
  Ceremony,
  KnownPasskey,
  NewSession,
  PageSession,
  Passkey,
} from './account.ts'

/** An account with what it has, for whoever runs the server. */
export interface AccountSummary extends Account {
  readonly createdAt: NumericDate
  readonly passkeys: number
  readonly sessions: number
  /** When one of its passkeys was last used. */
  readonly lastUsedAt: NumericDate | undefined
  /** When its open invitation ends; `undefined` where there is none. */
  readonly invitedUntil: NumericDate | undefined
}

/**
 * Accounts, passkeys and sessions. Every method is one transaction, durable when it resolves; any number of processes
 * may work on one store. Secrets are stored as digests.
 */
export interface AccountStore {
  /**
   * Makes the account where its name is new, and records an invitation in place of its earlier ones. With `recovery`
   * the account loses its passkeys and sessions first. Answers false, changing nothing, when the name has another role.
   */
  invite(
    invitation: {
      readonly account: Account
      readonly codeSha256: string
      readonly expiresAt: NumericDate
      readonly recovery: boolean
    },
    now: NumericDate,
  ): Promise<boolean>
  /** For whom a code is, while it holds. */
  invitation(codeSha256: string, now: NumericDate): Promise<Account | undefined>
  accounts(now: NumericDate): Promise<readonly AccountSummary[]>
  /** Removes an account with everything it has. Answers false when there is none of this name. */
  removeAccount(name: string): Promise<boolean>

  beginCeremony(
    ceremony: Ceremony & { readonly idSha256: string; readonly expiresAt: NumericDate },
  ): Promise<void>
  /** The ceremony, which is forgotten in the same step, so that its challenge serves once. */
  takeCeremony(idSha256: string, now: NumericDate): Promise<Ceremony | undefined>

  /**
   * Redeems an invitation, adds the passkey to its account and begins a session with it, all or nothing. Answers false
   * when the invitation does not hold or the passkey is known.
   */
  register(
    registration: {
      readonly codeSha256: string
      readonly passkey: Passkey
      readonly session: NewSession
    },
    now: NumericDate,
  ): Promise<boolean>
  passkey(id: string): Promise<{ passkey: KnownPasskey; account: Account } | undefined>
  passkeys(accountId: string): Promise<readonly KnownPasskey[]>
  /**
   * Records a use of a passkey and begins a session. Answers false when it is gone, or was used meanwhile so that its
   * counter is not `expectedCounter` any more.
   */
  signIn(
    use: {
      readonly passkeyId: string
      readonly expectedCounter: number
      readonly counter: number
      readonly isBackedUp: boolean
      readonly session: NewSession
    },
    now: NumericDate,
  ): Promise<boolean>

  /** A session that has not ended; being used, it lasts `idleSeconds` from now on, but never beyond its end. */
  useSession(
    idSha256: string,
    idleSeconds: number,
    now: NumericDate,
  ): Promise<PageSession | undefined>
  /** How many sessions of an account have not ended. */
  countSessions(accountId: string, now: NumericDate): Promise<number>
  /** Ends one session. */
  endSession(idSha256: string): Promise<void>
  /** Ends every session of an account by its name and answers how many had not ended; `undefined` for an unknown name. */
  endSessions(name: string, now: NumericDate): Promise<number | undefined>

  /** Forgets invitations, ceremonies and sessions that have ended. */
  forgetExpired(now: NumericDate): Promise<void>
}

/** Accounts in a database that is open for them. */
export interface OpenAccounts {
  readonly accounts: AccountStore
  close(): Promise<void>
}
