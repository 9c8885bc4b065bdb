import type { NumericDate } from '../../shared/clock.ts'

/** What the authorization server stores, as it hands it over; `key` is a digest, so that no usable token is stored. */
export interface Artefact {
  readonly model: string
  readonly key: string
  readonly payload: Readonly<Record<string, unknown>>
  readonly grantId: string | undefined
  readonly expiresAt: NumericDate | undefined
}

export interface StoredArtefact {
  readonly payload: Readonly<Record<string, unknown>>
  readonly consumedAt: NumericDate | undefined
}

/**
 * The storage of the authorization server. Each method is one transaction, durable when it resolves; what must happen
 * once is decided in one statement, so that it happens once across processes.
 */
export interface ArtefactStore {
  put(artefact: Artefact): Promise<void>
  /** Answers false when the key is there and has not expired. */
  putOnce(artefact: Artefact, now: NumericDate): Promise<boolean>
  /** Answers false when the grant is gone, so that no token appears after its grant was revoked. */
  putIfGranted(artefact: Artefact & { readonly grantId: string }): Promise<boolean>
  /** What is stored until 5 minutes after it expired; the reader tells expiry from absence. */
  find(model: string, key: string, now: NumericDate): Promise<StoredArtefact | undefined>
  /** Marks as consumed. Answers false when it was before. */
  consume(model: string, key: string, now: NumericDate): Promise<boolean>
  destroy(model: string, key: string): Promise<void>
  revokeGrant(model: string, grantId: string): Promise<void>
  /**
   * Costs an offer one attempt, then answers the digest that its transaction code must have: counted first, so that no
   * crash gives an attempt back. `undefined` when none is left or the code has no offer.
   */
  countAttempt(codeSha256: string, now: NumericDate): Promise<string | undefined>
}

/** How long a reader can still tell that something has expired. */
export const KEPT_AFTER_EXPIRY_SECONDS = 300
