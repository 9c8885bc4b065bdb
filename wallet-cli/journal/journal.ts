import * as z from 'zod'
import type { NumericDate } from '../../shared/clock.ts'

/** Who was on the other side of a presentation, and why it asked. */
export interface PresentationParty {
  /** The client identifier, whose prefix makes it a digest of the verifier's certificate. */
  readonly verifier: string
  /** The name in that certificate. */
  readonly verifierName: string
  readonly purpose?: string
}

/** What was shown of one credential: its type, its issuer, and the names of the claims. */
export interface ShownCredential {
  readonly vct: string
  readonly issuer: string
  readonly claims: readonly string[]
}

/** Whose credential an entry is about. */
interface CredentialParty {
  readonly issuer: string
  readonly issuerName: string
  readonly vct: string
}

/**
 * What the wallet remembers of a transaction: parties, types, claim names and times, never the value of a claim. The
 * worker can read, export and erase it. Regulation (EU) 910/2014 Art. 5a(4)(d).
 *
 * A presentation that stays `intended` was interrupted: its answer may have arrived.
 */
export type JournalEntry =
  | (CredentialParty & {
      readonly type: 'credential.received'
      readonly at: NumericDate
      readonly copies: number
    })
  | (CredentialParty & {
      readonly type: 'credential.not_received'
      readonly at: NumericDate
      readonly reason: string
    })
  | (CredentialParty & { readonly type: 'credential.forgotten'; readonly at: NumericDate })
  | (PresentationParty & {
      readonly type: 'presentation'
      readonly at: NumericDate
      readonly credentials: readonly ShownCredential[]
      readonly outcome: 'intended' | 'delivered' | 'failed'
      readonly endedAt?: NumericDate
    })
  | (PresentationParty & { readonly type: 'presentation.refused'; readonly at: NumericDate })

const at = z.int()
const credentialParty = { issuer: z.string(), issuerName: z.string(), vct: z.string() }
const presentationParty = {
  verifier: z.string(),
  verifierName: z.string(),
  purpose: z.string().exactOptional(),
}
const shownCredential = z.strictObject({
  vct: z.string(),
  issuer: z.string(),
  claims: z.array(z.string()),
})

/** Strict: a member that could hold a value is refused when the entry is read back. */
export const journalEntrySchema: z.ZodType<JournalEntry> = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('credential.received'),
    at,
    ...credentialParty,
    copies: z.int(),
  }),
  z.strictObject({
    type: z.literal('credential.not_received'),
    at,
    ...credentialParty,
    reason: z.string(),
  }),
  z.strictObject({ type: z.literal('credential.forgotten'), at, ...credentialParty }),
  z.strictObject({
    type: z.literal('presentation'),
    at,
    ...presentationParty,
    credentials: z.array(shownCredential),
    outcome: z.enum(['intended', 'delivered', 'failed']),
    endedAt: at.exactOptional(),
  }),
  z.strictObject({ type: z.literal('presentation.refused'), at, ...presentationParty }),
])
