import { z } from 'zod'

/** A Credential Request. OpenID4VCI 1.0 §8.2. */
export interface CredentialRequest {
  readonly credential_identifier?: string | undefined
  readonly credential_configuration_id?: string | undefined
  /** "An object containing exactly one parameter whose name is the proof type". */
  readonly proofs?: Readonly<Record<string, readonly unknown[]>> | undefined
  readonly credential_response_encryption?: unknown
}

/** "The Credential Issuer MUST ignore any unrecognized parameters." OpenID4VCI 1.0 §8.2. */
export const credentialRequestSchema: z.ZodType<CredentialRequest> = z.object({
  credential_identifier: z.string().min(1).max(256).optional(),
  credential_configuration_id: z.string().min(1).max(256).optional(),
  proofs: z.record(z.string().max(64), z.array(z.unknown()).max(100)).optional(),
  credential_response_encryption: z.unknown().optional(),
})

/** An immediate Credential Response; deferred issuance is not part of this profile. OpenID4VCI 1.0 §8.3. */
export interface CredentialResponse {
  readonly credentials: readonly { readonly credential: string }[]
  readonly notification_id?: string | undefined
}

export const credentialResponseSchema: z.ZodType<CredentialResponse> = z.object({
  credentials: z
    .array(z.object({ credential: z.string().min(1).max(262_144) }))
    .min(1)
    .max(100),
  notification_id: z.string().min(1).max(256).optional(),
})
