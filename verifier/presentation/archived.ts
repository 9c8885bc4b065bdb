import type { NumericDate } from '../../shared/clock.ts'
import { didResolver } from '../../shared/did/resolver.ts'
import type { VpToken } from '../../shared/oid4vp/response.ts'
import type { AnchorsAt, DidsAt } from '../../shared/trust/role.ts'
import type { Policy } from '../policy/policy.ts'
import { statusFromArchive } from './status.ts'
import { type VerifiedPresentation, verifyPresentation } from './verify.ts'

/** Everything that a presentation was verified against, as it was kept. */
export interface ArchivedPresentation {
  readonly vpToken: VpToken
  readonly clientId: string
  readonly nonce: string
  readonly policy: Policy
  readonly anchors: AnchorsAt
  readonly trustedDids: DidsAt
  /** The status list tokens that were relied on, by list URI. */
  readonly statusTokens: ReadonlyMap<string, string>
  readonly verifiedAt: NumericDate
}

/**
 * Verifies a kept presentation again, as of the moment it was first verified and against the artefacts kept with it,
 * so that what comes back from a store or a file is a fact again or nothing. Needs no network, so an issuer that is a
 * `did:web` cannot be verified again; `did:key` and `did:jwk` say all there is to know.
 * @throws Problem
 */
export function verifyArchived(archived: ArchivedPresentation): Promise<VerifiedPresentation> {
  return verifyPresentation(
    archived.vpToken,
    {
      expectedClientId: archived.clientId,
      expectedNonce: archived.nonce,
      policy: archived.policy,
      anchors: archived.anchors,
      dids: { trustedDids: archived.trustedDids, resolveDid: resolveOffline },
      now: archived.verifiedAt,
    },
    statusFromArchive(archived.statusTokens),
  )
}

const resolveOffline = didResolver(() => Promise.reject(new Error('archives are read offline')))
