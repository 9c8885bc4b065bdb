import type { NumericDate } from '../../shared/clock.ts'
import { newIdentifier } from '../../shared/identifier.ts'
import { generateEncryptionKey } from '../../shared/jose/jwe.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Es256Signer } from '../../shared/key/signer.ts'
import { renderRequestReference, signRequestObject } from '../../shared/oid4vp/request.ts'
import { Problem } from '../../shared/problem.ts'
import type { Random } from '../../shared/random.ts'
import type { Policy } from '../policy/policy.ts'
import type { RequestedRequest, RetrievedRequest } from './request.ts'

/** Who this verifier is to wallets: its address and its access certificate. */
export interface VerifierIdentity {
  readonly baseUrl: string
  readonly clientId: string
  readonly signer: Es256Signer
  readonly x5c: readonly string[]
}

/** 128 bits each: "sufficient entropy" of OpenID4VP 1.0 §5.2, and what §13.3 asks of its identifiers. */
const SECRET_BYTES = 16

/**
 * Makes a presentation request: a fresh nonce, a key that only its response is encrypted to, and three identifiers that
 * tell nothing of one another. OpenID4VP 1.0 §5.2, §13.3, HAIP 1.0 §5.
 */
export function createRequest(
  policy: Policy,
  {
    platform,
    redirectUri,
    lifetimeSeconds,
    clientId,
  }: {
    readonly platform: string
    readonly redirectUri?: string | undefined
    readonly lifetimeSeconds: number
    readonly clientId: string
  },
  { now, random }: { readonly now: NumericDate; readonly random: Random },
): RequestedRequest {
  const { publicJwk, pkcs8 } = generateEncryptionKey()
  const secret = () => newIdentifier(random, SECRET_BYTES)
  return {
    state: 'requested',
    id: secret(),
    objectId: secret(),
    responseId: secret(),
    nonce: secret(),
    platform,
    policySha256: policy.sha256,
    redirectUri,
    clientId,
    encryptionKey: publicJwk,
    pkcs8,
    createdAt: now,
    expiresAt: now + lifetimeSeconds,
  }
}

/** The link that calls a wallet, and the address of the request object in it. OpenID4VP 1.0 §5.10, HAIP 1.0 §5.1. */
export function requestReference(
  request: RequestedRequest,
  { baseUrl }: VerifierIdentity,
): { readonly requestUri: string; readonly link: string } {
  const requestUri = `${baseUrl}/requests/${request.objectId}/object`
  const { clientId } = request
  return {
    requestUri,
    link: renderRequestReference({ clientId, requestUri, requestUriMethod: 'post' }),
  }
}

/**
 * A request that was made under an earlier access certificate names another client identifier, which nobody can speak
 * for any more. @throws Problem `request_expired`
 */
export function checkIdentity(
  { clientId }: RetrievedRequest,
  identity: Pick<VerifierIdentity, 'clientId'>,
): void {
  if (clientId === identity.clientId) return
  throw new Problem('request_expired', 'the verifier has a new certificate; ask for a new request')
}

/** The signed request object, with the wallet's nonce when it sent one. OpenID4VP 1.0 §5.10.1. */
export function renderRequestObject(
  request: RetrievedRequest,
  policy: Policy,
  { baseUrl, signer, x5c }: VerifierIdentity,
  walletNonce?: string,
): Promise<string> {
  return signRequestObject(
    {
      responseUri: `${baseUrl}/responses/${request.responseId}`,
      nonce: request.nonce,
      walletNonce,
      query: policy.document.query as JsonObject,
      purpose: policy.document.purpose as string,
      encryptionKey: request.encryptionKey,
      issuedAt: request.createdAt,
      expiresAt: request.expiresAt,
    },
    { signer, x5c },
  )
}
