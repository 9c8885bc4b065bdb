import { z } from 'zod'

/** Metadata of an authorization server, the members that this profile has. RFC 8414 §2. */
export interface ServerMetadata {
  readonly issuer: string
  readonly token_endpoint: string
  readonly response_types_supported: readonly string[]
  readonly grant_types_supported?: readonly string[] | undefined
  readonly token_endpoint_auth_methods_supported?: readonly string[] | undefined
  readonly dpop_signing_alg_values_supported?: readonly string[] | undefined
  readonly 'pre-authorized_grant_anonymous_access_supported'?: boolean | undefined
  readonly status_list_aggregation_endpoint?: string | undefined
}

/** What a wallet reads of them; other members are ignored. */
export const serverMetadataSchema: z.ZodType<ServerMetadata> = z.object({
  issuer: z.string().max(2048),
  token_endpoint: z.url().max(2048),
  response_types_supported: z.array(z.string()),
  grant_types_supported: z.array(z.string()).optional(),
  token_endpoint_auth_methods_supported: z.array(z.string()).optional(),
  dpop_signing_alg_values_supported: z.array(z.string()).optional(),
  'pre-authorized_grant_anonymous_access_supported': z.boolean().optional(),
  status_list_aggregation_endpoint: z.url().optional(),
})
