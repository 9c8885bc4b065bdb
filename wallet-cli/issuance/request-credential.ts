import type { NumericDate } from '../../shared/clock.ts'
import type { Es256Signer } from '../../shared/key/signer.ts'
import { errorResponseSchema } from '../../shared/oauth/error-response.ts'
import {
  type CredentialResponse,
  credentialResponseSchema,
} from '../../shared/oid4vci/credential.ts'
import type { IssuerMetadata } from '../../shared/oid4vci/issuer-metadata.ts'
import { createKeyProof } from '../../shared/oid4vci/key-proof.ts'
import { nonceResponseSchema } from '../../shared/oid4vci/nonce.ts'
import type { NotificationEvent } from '../../shared/oid4vci/notification.ts'
import { WalletError } from '../error.ts'
import { type Answer, jsonOf } from '../http.ts'
import { plain } from '../text.ts'
import type { AccessToken } from '../vault/vault.ts'
import type { DpopClient } from './dpop-client.ts'

const MOST_NONCES = 2

/**
 * Proves possession of each holder key over a fresh `c_nonce` and asks for one copy a key; a refused nonce is fetched
 * anew. Nothing of the answer is verified here. OpenID4VCI 1.0 §7, §8.2, §8.3, Appendix F.1.
 * @throws WalletError `offer_spent`, `issuer_refused`, `not_reachable`
 */
export async function requestCredential(
  client: DpopClient,
  metadata: IssuerMetadata,
  {
    accessToken,
    configurationId,
    holderKeys,
  }: {
    readonly accessToken: AccessToken
    readonly configurationId: string
    readonly holderKeys: readonly Es256Signer[]
  },
  now: NumericDate,
): Promise<CredentialResponse> {
  for (let attempt = 0; ; attempt++) {
    const nonce = await freshNonce(client, metadata)
    const proofs = await Promise.all(
      holderKeys.map((signer) =>
        createKeyProof({ issuer: metadata.credential_issuer, nonce, signer, now }),
      ),
    )
    // "credential_identifier … REQUIRED when … returned in the Token Response. It MUST NOT be used otherwise." §8.2
    const { credentialIdentifier } = accessToken
    const named =
      credentialIdentifier === undefined
        ? { credential_configuration_id: configurationId }
        : { credential_identifier: credentialIdentifier }
    const answer = await client.post('resource server', metadata.credential_endpoint, {
      contentType: 'application/json',
      body: JSON.stringify({ ...named, proofs: { jwt: proofs } }),
      accessToken: accessToken.value,
    })
    if (answer.status === 200) return parseCredentials(answer, holderKeys.length)
    const error = errorResponseSchema.safeParse(jsonOf(answer))
    if (error.data?.error === 'invalid_nonce' && attempt < MOST_NONCES) continue
    throw refusal(answer, error.data)
  }
}

/** Tells the issuer how it ended, where it wants to know. A failure changes nothing. OpenID4VCI 1.0 §11. */
export async function notifyIssuer(
  client: DpopClient,
  metadata: IssuerMetadata,
  {
    notificationId,
    event,
    accessToken,
  }: {
    readonly notificationId: string | undefined
    readonly event: NotificationEvent
    readonly accessToken: AccessToken
  },
): Promise<void> {
  if (notificationId === undefined || metadata.notification_endpoint === undefined) return
  try {
    await client.post('resource server', metadata.notification_endpoint, {
      contentType: 'application/json',
      body: JSON.stringify({ notification_id: notificationId, event }),
      accessToken: accessToken.value,
    })
  } catch (error) {
    if (!(error instanceof WalletError)) throw error // "the Wallet MAY send", so that it is no failure of ours
  }
}

async function freshNonce(client: DpopClient, metadata: IssuerMetadata): Promise<string> {
  if (metadata.nonce_endpoint === undefined) {
    throw new WalletError('issuer_refused', 'the issuer has no nonce endpoint')
  }
  const answer = await client.postPlain('resource server', metadata.nonce_endpoint)
  const parsed = nonceResponseSchema.safeParse(jsonOf(answer))
  if (answer.status === 200 && parsed.success) return parsed.data.c_nonce
  throw new WalletError('issuer_refused', `the issuer gives no nonce (HTTP ${answer.status})`, {
    hint: GO_ON,
  })
}

const GO_ON = 'the offer is kept; go on later with: carnet-wallet receive'
const NEW_OFFER = 'ask the issuer for a new offer'

function parseCredentials(answer: Answer, most: number): CredentialResponse {
  const parsed = credentialResponseSchema.safeParse(jsonOf(answer))
  if (!parsed.success) {
    throw new WalletError(
      'credential_invalid',
      'the issuer answered with something else than credentials',
    )
  }
  if (parsed.data.credentials.length > most) {
    throw new WalletError('credential_invalid', 'the issuer sent more copies than were asked for')
  }
  return parsed.data
}

function refusal(
  { status }: Answer,
  error: { readonly error: string; readonly error_description?: string | undefined } | undefined,
): WalletError {
  if (status === 202) {
    return new WalletError(
      'issuer_refused',
      'the issuer wants to deliver later (deferred issuance)',
      {
        hint: 'this wallet cannot wait for that; ask the issuer for another offer later',
      },
    )
  }
  if (!error || status >= 500) {
    return new WalletError('issuer_refused', `the issuer could not answer (HTTP ${status})`, {
      hint: GO_ON,
    })
  }
  const said = plain(error.error_description ?? error.error)
  const final = status === 401 || FINAL.has(error.error)
  return new WalletError(
    final ? 'offer_spent' : 'issuer_refused',
    `the issuer refused the credential: ${said}`,
    { hint: final ? NEW_OFFER : GO_ON },
  )
}

/** "the Wallet … MUST NOT" ask again after these. OpenID4VCI 1.0 §8.3.1.2. */
const FINAL = new Set([
  'credential_request_denied',
  'invalid_token',
  'unknown_credential_configuration',
])
