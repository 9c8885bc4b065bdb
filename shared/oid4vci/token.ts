import { z } from 'zod'

/** A successful answer with a sender-constrained token. RFC 6749 §5.1, RFC 9449 §5, OpenID4VCI 1.0 §6.2. */
export interface TokenResponse {
  readonly access_token: string
  readonly token_type: string
  readonly expires_in?: number | undefined
  readonly authorization_details?:
    | readonly {
        readonly type: string
        readonly credential_configuration_id?: string | undefined
        readonly credential_identifiers: readonly string[]
      }[]
    | undefined
}

/** What a wallet reads of it; a token that is not bound to the DPoP key is refused, other members are ignored. */
export const tokenResponseSchema: z.ZodType<TokenResponse> = z.object({
  access_token: z.string().min(1).max(4096),
  token_type: z
    .string()
    .refine((type) => type.toLowerCase() === 'dpop', { message: 'is not DPoP' }),
  expires_in: z.number().int().positive().optional(),
  authorization_details: z
    .array(
      z.object({
        type: z.string(),
        credential_configuration_id: z.string().optional(),
        credential_identifiers: z.array(z.string()).min(1),
      }),
    )
    .optional(),
})
