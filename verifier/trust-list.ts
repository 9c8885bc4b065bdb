import type { NumericDate } from '../shared/clock.ts'
import { sha256Hex } from '../shared/hash.ts'
import type { PublicJwk } from '../shared/key/signer.ts'
import { Problem } from '../shared/problem.ts'
import type { AnchorsAt } from '../shared/trust/role.ts'
import {
  anchorsOf,
  checkSuccessor,
  type TrustList,
  verifyTrustList,
} from '../shared/trust/trust-list.ts'

/** The trust list that verifications rely on now. */
export interface TrustInForce {
  readonly jwt: string
  readonly sha256: string
  readonly anchors: AnchorsAt
}

/** Keeps the newest trust list that was read and verified. */
export interface TrustListKeeper {
  /** The list in force. @throws Problem `trust_unavailable` when there is none, or its next update is overdue */
  current(now: NumericDate): TrustInForce
  /** Reads the list again. What does not verify, or is older, changes nothing. @throws Error what went wrong */
  refresh(now: NumericDate): Promise<void>
}

/** Starts with no list: nothing is trusted until the first refresh. */
export function trustListKeeper(options: {
  readonly read: () => Promise<string>
  readonly signerKey: PublicJwk
}): TrustListKeeper {
  let held: (TrustInForce & { readonly list: TrustList }) | undefined
  return {
    current: (now) => {
      if (held && now <= held.list.nextUpdate) return held
      throw new Problem('trust_unavailable', 'try again when a current trust list was fetched')
    },
    refresh: async (now) => {
      const jwt = (await options.read()).trim()
      const sha256 = sha256Hex(jwt)
      if (sha256 === held?.sha256) return
      const list = verifyTrustList(jwt, { signerKey: options.signerKey, now })
      // An older list under the same key would bring back whoever was withdrawn since.
      if (held) checkSuccessor(held.list, list)
      held = { jwt, sha256, anchors: anchorsOf(list), list }
    },
  }
}
