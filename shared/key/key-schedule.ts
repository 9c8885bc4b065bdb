import type { NumericDate } from '../clock.ts'
import type { Es256Signer } from './signer.ts'

/** A signing key with the certificates that vouch for it and the time in which it makes new signatures. */
export interface ScheduledKey {
  readonly signer: Es256Signer
  readonly x5c: readonly string[]
  /** From then on it may sign. */
  readonly activeFrom: NumericDate
  /** The end of its certificate, after which nothing that it signed verifies. */
  readonly notAfter: NumericDate
}

/**
 * The key that signs at `now`: of those that are active and whose certificate outlives everything that is signed now
 * (`signedUntil`), the one that became active last. Older keys overlap: what they signed stays verifiable until their
 * certificate ends, because a signature carries its own chain. `undefined` when no key may sign, which is a reason to stop
 * and not to sign with an old one.
 */
export function signingKey(
  keys: readonly ScheduledKey[],
  { now, signedUntil }: { now: NumericDate; signedUntil: NumericDate },
): ScheduledKey | undefined {
  return keys
    .filter(({ activeFrom, notAfter }) => activeFrom <= now && signedUntil <= notAfter)
    .reduce<ScheduledKey | undefined>(
      (newest, key) => (newest && newest.activeFrom >= key.activeFrom ? newest : key),
      undefined,
    )
}

/**
 * When the next key must be in the schedule: the moment from which no key outlives what is signed for `lifetime` seconds.
 * A moment in the past means that signing has stopped.
 */
export function nextKeyDue(keys: readonly ScheduledKey[], lifetime: number): NumericDate {
  return Math.max(0, ...keys.map(({ notAfter }) => notAfter - lifetime))
}
