import { z } from 'zod'
import { issuerIdentifierSchema } from './issuer-identifier.ts'

interface Display {
  readonly name?: string | undefined
  readonly locale?: string | undefined
}

/** One credential that an issuer offers. OpenID4VCI 1.0 §12.2.4. */
export interface CredentialConfiguration {
  readonly format: string
  readonly vct?: string | undefined
  readonly scope?: string | undefined
  readonly cryptographic_binding_methods_supported?: readonly string[] | undefined
  readonly credential_signing_alg_values_supported?: readonly (string | number)[] | undefined
  readonly proof_types_supported?:
    | Readonly<Record<string, { readonly proof_signing_alg_values_supported: readonly string[] }>>
    | undefined
  readonly credential_metadata?:
    | {
        readonly display?: readonly Display[] | undefined
        readonly claims?: readonly unknown[] | undefined
      }
    | undefined
}

/** Metadata of a Credential Issuer, the members that this profile has. OpenID4VCI 1.0 §12.2.4. */
export interface IssuerMetadata {
  readonly credential_issuer: string
  /** Absent where the issuer is its own authorization server. */
  readonly authorization_servers?: readonly string[] | undefined
  readonly credential_endpoint: string
  readonly nonce_endpoint?: string | undefined
  readonly notification_endpoint?: string | undefined
  readonly batch_credential_issuance?: { readonly batch_size: number } | undefined
  /** Present where requests can, or must, be encrypted; likewise responses. OpenID4VCI 1.0 §10. */
  readonly credential_request_encryption?: { readonly encryption_required: boolean } | undefined
  readonly credential_response_encryption?: { readonly encryption_required: boolean } | undefined
  readonly display?: readonly Display[] | undefined
  readonly credential_configurations_supported: Readonly<Record<string, CredentialConfiguration>>
}

const displaySchema = z.object({
  name: z.string().max(256).optional(),
  locale: z.string().max(64).optional(),
})

const configurationSchema: z.ZodType<CredentialConfiguration> = z.object({
  format: z.string().max(64),
  vct: z.string().max(2048).optional(),
  scope: z.string().max(256).optional(),
  cryptographic_binding_methods_supported: z.array(z.string()).optional(),
  credential_signing_alg_values_supported: z.array(z.union([z.string(), z.number()])).optional(),
  proof_types_supported: z
    .record(
      z.string(),
      z.object({ proof_signing_alg_values_supported: z.array(z.string()).min(1) }),
    )
    .optional(),
  credential_metadata: z
    .object({
      display: z.array(displaySchema).optional(),
      claims: z.array(z.unknown()).optional(),
    })
    .optional(),
})

/** What a wallet reads of them; other members are ignored. */
export const issuerMetadataSchema: z.ZodType<IssuerMetadata> = z.object({
  credential_issuer: issuerIdentifierSchema,
  authorization_servers: z.array(z.url()).min(1).optional(),
  credential_endpoint: z.url().max(2048),
  nonce_endpoint: z.url().max(2048).optional(),
  notification_endpoint: z.url().max(2048).optional(),
  batch_credential_issuance: z.object({ batch_size: z.number().int().min(2) }).optional(),
  credential_request_encryption: z.object({ encryption_required: z.boolean() }).optional(),
  credential_response_encryption: z.object({ encryption_required: z.boolean() }).optional(),
  display: z.array(displaySchema).optional(),
  credential_configurations_supported: z.record(z.string(), configurationSchema),
})
