import { z } from 'zod'

/** OpenID4VCI 1.0 §11.1. */
export type NotificationEvent = 'credential_accepted' | 'credential_failure' | 'credential_deleted'

export interface NotificationRequest {
  readonly notification_id: string
  readonly event: NotificationEvent
  readonly event_description?: string | undefined
}

export const notificationRequestSchema: z.ZodType<NotificationRequest> = z.object({
  notification_id: z.string().min(1).max(256),
  event: z.enum(['credential_accepted', 'credential_failure', 'credential_deleted']),
  event_description: z
    .string()
    .max(1024)
    .regex(/^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/, { message: 'has a character that is not allowed' })
    .optional(),
})
