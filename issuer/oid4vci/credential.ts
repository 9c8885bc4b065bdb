import type { NumericDate } from '../../shared/clock.ts'
import { ProtocolError } from '../../shared/error.ts'
import { sha256Base64url } from '../../shared/hash.ts'
import type { CredentialRequest, CredentialResponse } from '../../shared/oid4vci/credential.ts'
import { type ProvenKey, verifyKeyProof } from '../../shared/oid4vci/key-proof.ts'
import { type Random, seededRandom } from '../../shared/random.ts'
import { copySeed, notificationIdOf, validityOf } from '../credential/identity.ts'
import { type CredentialSigner, issueCopies } from '../credential/issue.ts'
import { checkDecision, redeemApproval } from '../decision/approval.ts'
import type { IntentRefusal, IssuanceIntent, IssuerStore } from '../store.ts'
import type { AccessToken } from './authorization-server.ts'
import { BATCH_SIZE, IDENTITY_CONFIGURATION_ID, IDENTITY_SCOPE } from './metadata.ts'
import { NONCE_MARK_SECONDS, type Nonces } from './nonce.ts'

/** What the credential endpoint works with. */
export interface CredentialEndpointDeps {
  readonly issuer: string
  readonly store: IssuerStore
  readonly credentialSigner: CredentialSigner
  readonly credentialNonces: Nonces
  readonly random: Random
}

/**
 * Answers a Credential Request with one copy for each proven key: record the intent, redeem the approval and reserve
 * the status indexes in one transaction, sign, verify what was signed, record that it is done, and only then let it
 * leave. A wallet that asks again with the same keys after a crash or a lost answer gets the same copies; other keys
 * are taken only while nothing was signed. OpenID4VCI 1.0 §8.
 * @throws ProtocolError
 */
export async function answerCredentialRequest(
  token: AccessToken,
  request: CredentialRequest,
  deps: CredentialEndpointDeps,
  now: NumericDate,
): Promise<CredentialResponse> {
  checkWhatIsAsked(request, token)
  const keys = proveKeys(request, token, deps, now)
  const { intent, copies } = await issue(token, keys, deps, now)
  if (!(await deps.store.recordIssued(token.sessionId, intent.attempt, now))) {
    throw new ProtocolError('credential_request_denied', 'another request took its place')
  }
  return {
    credentials: copies.map((credential) => ({ credential })),
    notification_id: notificationOf(intent.seed),
  }
}

function checkWhatIsAsked(request: CredentialRequest, token: AccessToken): void {
  const { credential_configuration_id: configuration, credential_identifier: identifier } = request
  if ((configuration === undefined) === (identifier === undefined)) {
    throw new ProtocolError(
      'invalid_credential_request',
      'exactly one of credential_configuration_id and credential_identifier is needed',
    )
  }
  if (identifier !== undefined) {
    throw new ProtocolError('unknown_credential_identifier', 'no identifiers were handed out')
  }
  if (configuration !== IDENTITY_CONFIGURATION_ID) {
    throw new ProtocolError(
      'unknown_credential_configuration',
      'not a configuration of this issuer',
    )
  }
  if (!token.scope.split(' ').includes(IDENTITY_SCOPE)) {
    throw new ProtocolError('insufficient_scope', 'the access token is for something else')
  }
  // Answering in the clear what was asked to be encrypted would be worse than refusing.
  if (request.credential_response_encryption !== undefined) {
    throw new ProtocolError('invalid_encryption_parameters', 'encryption is not supported')
  }
}

function proveKeys(
  { proofs }: CredentialRequest,
  token: AccessToken,
  { issuer, credentialNonces }: CredentialEndpointDeps,
  now: NumericDate,
): ProvenKey[] {
  const types = Object.keys(proofs ?? {})
  const jwts = proofs?.jwt
  if (types.length !== 1 || jwts === undefined || jwts.length === 0) {
    throw new ProtocolError('invalid_proof', 'proofs must have jwt alone, and at least one of them')
  }
  if (jwts.length > BATCH_SIZE) {
    throw new ProtocolError('invalid_proof', `at most ${BATCH_SIZE} proofs are taken`)
  }
  const keys = jwts.map((jwt) =>
    verifyKeyProof(jwt, {
      expectedIssuer: issuer,
      expectedClientId: token.clientId,
      isNonce: (nonce) => credentialNonces.isOurs(nonce, now),
      now,
    }),
  )
  if (new Set(keys.map(({ jkt }) => jkt)).size !== keys.length) {
    throw new ProtocolError('invalid_proof', 'a key is proven twice')
  }
  return keys
}

const REFUSALS: Readonly<Record<IntentRefusal, readonly [ProtocolError['code'], string]>> = {
  not_approved: ['credential_request_denied', 'there is no approval'],
  redeemed: ['credential_request_denied', 'the credential was issued to other keys'],
  proof_used: ['invalid_nonce', 'a key proof was used before, get a new c_nonce'],
}

async function issue(
  token: AccessToken,
  keys: readonly ProvenKey[],
  { store, credentialSigner, random }: CredentialEndpointDeps,
  now: NumericDate,
): Promise<{ intent: IssuanceIntent; copies: string[] }> {
  const session = await store.session(token.sessionId)
  if (session?.state !== 'approved') throw refusal('not_approved')
  checkDecision(session)
  const validity = validityOf(session, now)
  if (validity === undefined) {
    throw new ProtocolError('credential_request_denied', 'the document has expired')
  }
  const seed = copySeed(random)
  let outcome: Awaited<ReturnType<IssuerStore['recordIntent']>> = 'not_approved'
  const approval = await redeemApproval(async () => {
    outcome = await store.recordIntent(
      {
        sessionId: token.sessionId,
        keys: keys.map(({ jkt }) => jkt),
        proofs: keys.map(({ jkt, nonce }) => ({
          id: sha256Base64url(`key-proof/${jkt}/${nonce}`),
          expiresAt: now + NONCE_MARK_SECONDS,
        })),
        issuanceId: sha256Base64url(random(32)),
        seed,
        ...validity,
        notificationSha256: sha256Base64url(notificationOf(seed)),
      },
      now,
    )
    return typeof outcome === 'string' ? undefined : outcome.record
  })
  const { intent } = settled(outcome)
  if (approval === undefined) throw refusal('not_approved')
  const holderKeys = keys.map(({ jwk }) => jwk)
  const copies = await issueCopies(approval, intent, holderKeys, { credentialSigner, now })
  return { intent, copies }
}

function settled(
  outcome: Awaited<ReturnType<IssuerStore['recordIntent']>>,
): Exclude<typeof outcome, IntentRefusal> {
  if (typeof outcome === 'string') throw refusal(outcome)
  return outcome
}

function refusal(reason: IntentRefusal): ProtocolError {
  const [code, message] = REFUSALS[reason]
  return new ProtocolError(code, message)
}

/** Follows from the seed of the intent, so that a repeated answer names the same delivery. */
function notificationOf(seed: Uint8Array): string {
  return notificationIdOf(seededRandom(seed, 'carnet/notification/v1'))
}
