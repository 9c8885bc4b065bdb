import type { NumericDate } from '../shared/clock.ts'
import { sha256Hex } from '../shared/hash.ts'
import type { PublicJwk } from '../shared/key/signer.ts'
import { Problem } from '../shared/problem.ts'
import { TrustError } from '../shared/trust/error.ts'
import type { AnchorsAt, DidsAt } from '../shared/trust/role.ts'
import {
  anchorsOf,
  checkSuccessor,
  didsOf,
  requireKind,
  type TrustList,
  verifyTrustList,
  verifyTrustListSignature,
} from '../shared/trust/trust-list.ts'
import type { VerifierStore } from './store.ts'

/** The trust list that verifications rely on now. */
export interface TrustInForce {
  readonly jwt: string
  readonly sha256: string
  readonly anchors: AnchorsAt
  readonly dids: DidsAt
}

/** Keeps the newest trust list that was read and verified, across restarts too. */
export interface TrustListKeeper {
  /** The list in force. @throws Problem `trust_unavailable` when there is none, or its next update is overdue */
  current(now: NumericDate): TrustInForce
  /** Reads the list again. What does not verify, or is older, changes nothing. @throws Error what went wrong */
  refresh(now: NumericDate): Promise<void>
}

/**
 * Starts with the list that was kept last, if the signer's key still verifies it; without one, nothing is trusted
 * until the first refresh.
 */
export async function trustListKeeper(options: {
  readonly read: () => Promise<string>
  readonly signerKey: PublicJwk
  readonly store: Pick<VerifierStore, 'keepTrustList' | 'findTrustList'>
  /** Whether the list is that of a sandbox; a list of the other kind is never taken. */
  readonly sandbox?: boolean
}): Promise<TrustListKeeper> {
  const { read, signerKey, store, sandbox: expectedSandbox = false } = options
  let held = keptList(await store.findTrustList(), signerKey)
  if (held) requireKind(held.list, { expectedSandbox })
  return {
    current: (now) => {
      if (held && now <= held.list.nextUpdate) return held
      throw new Problem('trust_unavailable', 'try again when a current trust list was fetched')
    },
    refresh: async (now) => {
      const jwt = (await read()).trim()
      if (sha256Hex(jwt) === held?.sha256) return
      const list = verifyTrustList(jwt, { signerKey, now })
      requireKind(list, { expectedSandbox })
      // An older list under the same key would bring back whoever was withdrawn since.
      if (held) checkSuccessor(held.list, list)
      const next = inForce(jwt, list)
      await store.keepTrustList({ sha256: next.sha256, text: jwt })
      held = next
    },
  }
}

type HeldList = TrustInForce & { readonly list: TrustList }

/** A list that is overdue by now is held all the same: it is not in force, but no older one may follow it. */
function keptList(jwt: string | undefined, signerKey: PublicJwk): HeldList | undefined {
  if (jwt === undefined) return undefined
  try {
    return inForce(jwt, verifyTrustListSignature(jwt, { signerKey }))
  } catch (error) {
    if (error instanceof TrustError) return undefined
    throw error
  }
}

function inForce(jwt: string, list: TrustList): HeldList {
  return { jwt, sha256: sha256Hex(jwt), anchors: anchorsOf(list), dids: didsOf(list), list }
}
