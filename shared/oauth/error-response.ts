import { z } from 'zod'

/** What an OAuth endpoint answers when it refuses. RFC 6749 §5.2. */
export interface ErrorResponse {
  readonly error: string
  readonly error_description?: string | undefined
}

export const errorResponseSchema: z.ZodType<ErrorResponse> = z.object({
  error: z.string().max(128),
  error_description: z.string().max(2048).optional(),
})
