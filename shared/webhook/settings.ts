import { z } from 'zod'
import { EVENT_TYPES, type EventType } from './event.ts'

/** Who is told what, and with which key; `undefined` where nobody is. */
export interface WebhookSettings {
  /** The Ed25519 key (PKCS#8 PEM) that signs deliveries. */
  readonly key: string
  /** Further keys that receivers should know: the next one before it signs, the last one after it did. */
  readonly announcedKeys: readonly string[]
  /** True on one machine only: receivers may then be at private addresses and plain HTTP. */
  readonly allowPrivateNetworks: boolean
  /** Who is told. */
  readonly endpoints: readonly {
    /** An HTTPS address. */
    readonly url: string
    /** The name of the platform's key; without one, the receiver is the operator's and is told everything. */
    readonly platform?: string | undefined
    /** What it is told. */
    readonly types: readonly EventType[]
  }[]
}

const path = z.string().min(1)

/** The settings that issuer and verifier share. */
export const webhookSettings: z.ZodType<WebhookSettings | undefined> = z
  .strictObject({
    key: path,
    announcedKeys: z.array(path).max(8).default([]),
    allowPrivateNetworks: z.boolean().default(false),
    endpoints: z
      .array(
        z.strictObject({
          url: z.url({ protocol: /^https?$/ }).max(2048),
          platform: z.string().min(1).max(64).optional(),
          types: z
            .array(z.enum(EVENT_TYPES as [EventType, ...EventType[]]))
            .min(1)
            .default([...EVENT_TYPES]),
        }),
      )
      .max(1000),
  })
  .optional()
