import type { AuditLog } from '../shared/audit/log.ts'
import { signStatusListCwt, verifyStatusListCwt } from '../shared/status-list/cwt.ts'
import { signStatusListToken, verifyStatusListToken } from '../shared/status-list/token.ts'
import type { CredentialSigner } from './credential/issue.ts'
import type { Cadence, Publisher } from './status/publish.ts'
import type { StatusStore } from './status/status.ts'

/**
 * What publishes the status lists under the key that signs the credentials, which is what verifiers in the field take,
 * and checks each token with the code of a verifier before it is archived. Token Status List §8.3, HAIP 1.0 §6.1.
 */
export function statusPublisher(deps: {
  readonly store: StatusStore
  readonly log: AuditLog
  readonly cadence: Cadence
  readonly credentialSigner: CredentialSigner
}): Publisher {
  const { store, log, cadence, credentialSigner } = deps
  const { anchors, authority } = credentialSigner
  return {
    store,
    log,
    cadence,
    signToken: (claims) =>
      signStatusListToken({
        ...claims,
        aggregationUri: `${authority.issuer}/status`,
        ...signingKeyOf(credentialSigner),
      }),
    signCwt: (claims) => signStatusListCwt({ ...claims, ...signingKeyOf(credentialSigner) }),
    verifyCwt: async (token, expectedUri, now) =>
      verifyStatusListCwt(token, { expectedUri, anchors, now }).list,
    verifyToken: async (token, expectedUri, now) =>
      verifyStatusListToken(token, { expectedUri, anchors, now }).list,
  }
}

/** Read anew for every token, because another key's turn may have come. */
function signingKeyOf({ signer, x5c }: CredentialSigner): Pick<CredentialSigner, 'signer' | 'x5c'> {
  return { signer, x5c }
}
