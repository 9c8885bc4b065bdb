import type { NumericDate } from '../clock.ts'
import type { ApiKey, KeyRole, Scope } from './api-key.ts'

/** What is stored of a new key. */
export interface NewKey {
  readonly id: string
  readonly name: string
  readonly role: KeyRole
  /** Everything that its role may, where nothing is said. */
  readonly scopes?: readonly Scope[] | undefined
  readonly sha256: string
  readonly expiresAt?: NumericDate | undefined
}

/** The keys of those who call. Each method is one transaction, durable when it resolves. */
export interface ApiKeyStore {
  /** Adds the first key of an owner. Answers false when the name was ever given, so that no record has two meanings. */
  addKey(key: NewKey, now: NumericDate): Promise<boolean>
  /**
   * Adds a key with role and scopes of the newest one that its owner may use, all of whose keys end at `overlapUntil`
   * unless they end before. Answers the role, or `undefined`, changing nothing, when there is none that may be used.
   */
  rotateKey(
    key: {
      readonly name: string
      readonly overlapUntil: NumericDate
      /** Makes the text of the one after `newest`, and answers what is stored of it. */
      make(newest: Pick<ApiKey, 'role' | 'createdAt' | 'expiresAt'>): {
        readonly id: string
        readonly sha256: string
        readonly expiresAt?: NumericDate | undefined
      }
    },
    now: NumericDate,
  ): Promise<KeyRole | undefined>
  /** Every key that there ever was, the oldest first. */
  keys(): Promise<readonly ApiKey[]>
  /** The key with this digest, if it may be used. */
  key(sha256: string, now: NumericDate): Promise<ApiKey | undefined>
  /** Notes that a key was used, unless that was noted within {@link LAST_USE_SECONDS}. */
  noteUse(id: string, now: NumericDate): Promise<void>
  /** Ends the keys of an owner, or the one with this id. Answers how many. */
  revokeKeys(
    which: { readonly name: string; readonly id?: string | undefined },
    now: NumericDate,
  ): Promise<number>
}
