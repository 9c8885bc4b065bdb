import type { AuditLog } from '../shared/audit/log.ts'
import type { NumericDate } from '../shared/clock.ts'
import type { Log } from '../shared/log.ts'
import { signStatusListCwt, verifyStatusListCwt } from '../shared/status-list/cwt.ts'
import { signStatusListToken, verifyStatusListToken } from '../shared/status-list/token.ts'
import type { CredentialSigner } from './credential/issue.ts'
import type { StatusOperations } from './status/operations.ts'
import { type Cadence, type Publisher, publishStatusLists } from './status/publish.ts'
import type { ListPool, StatusStore } from './status/status.ts'

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

/**
 * One round of the publisher: lists are opened before the last is full, what has fallen due is done, every list is
 * published, and whoever should have been told by now and was not is an alarm in the log.
 */
export async function publishRound(
  deps: {
    readonly publisher: Publisher
    readonly operations: Pick<StatusOperations, 'advance' | 'overdueNotices'>
    readonly pool: ListPool
    readonly log: Pick<Log, 'error'>
  },
  now: NumericDate,
  reason: 'scheduled' | 'emergency',
): Promise<void> {
  const { publisher, operations, pool, log } = deps
  await publisher.store.keepOpen(pool, now)
  await operations.advance(now)
  await publishStatusLists(publisher, now, reason)
  const overdue = await operations.overdueNotices(now)
  if (overdue > 0) log.error({ overdue }, 'holders were not told in time')
}
