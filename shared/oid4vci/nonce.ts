import { z } from 'zod'

/** OpenID4VCI 1.0 §7.2. */
export interface NonceResponse {
  readonly c_nonce: string
}

export const nonceResponseSchema: z.ZodType<NonceResponse> = z.object({
  c_nonce: z.string().min(1).max(1024),
})
