import type { Clock } from '../../shared/clock.ts'
import { nextKeyDue, type ScheduledKey, signingKey } from '../../shared/key/key-schedule.ts'
import type { CredentialSigner } from './issue.ts'

/** The attestation keys of an issuer, and how long what they sign is meant to last. */
export interface SigningPlan {
  readonly keys: readonly ScheduledKey[]
  /** The longest life of a credential, in seconds. */
  readonly lifetime: number
  readonly clock: Clock
}

/**
 * Signs with the key whose turn it is whenever something is signed. Keys overlap: a credential carries the chain of the
 * key that signed it, and a status list under the newer key counts for it because its certificate names the same issuer.
 * Nothing is signed that would outlive its certificate; without such a key signing throws, and nothing is issued.
 */
export function scheduledSigner(
  { keys, lifetime, clock }: SigningPlan,
  { anchors, authority }: Pick<CredentialSigner, 'anchors' | 'authority'>,
): CredentialSigner {
  const current = (): ScheduledKey => {
    const now = clock()
    const key = signingKey(keys, { now, signedUntil: now + lifetime })
    if (!key) throw new Error('no attestation certificate outlives what would be signed')
    return key
  }
  return {
    get signer() {
      return current().signer
    },
    get x5c() {
      return current().x5c
    },
    anchors,
    authority,
  }
}

/** Seconds until a successor must have been configured; negative when signing has stopped. */
export function secondsToNextKey({ keys, lifetime, clock }: SigningPlan): number {
  return nextKeyDue(keys, lifetime) - clock()
}
