import * as z from 'zod'
import type { NumericDate } from '../../shared/clock.ts'
import { type JournalEntry, journalEntrySchema } from '../journal/journal.ts'
import type { AcceptedOffer, AccessToken, TrustSource } from './vault.ts'

/** An unfinished issuance as it lies sealed; keys are PKCS#8. */
export interface IssuanceRecord extends AcceptedOffer {
  readonly startedAt: NumericDate
  readonly dpopKey: string
  readonly holderKeys: readonly string[]
  readonly accessToken?: AccessToken
}

/** What all copies of a credential have in common. */
export interface CredentialRecord {
  readonly issuer: string
  readonly issuerName: string
  readonly vct: string
  readonly receivedAt: NumericDate
  readonly expires?: NumericDate
}

/** One copy, its key in PKCS#8, and the verifier that it is bound to. */
export interface CopyRecord {
  readonly credentialId: string
  readonly compact: string
  readonly holderKey: string
  readonly verifier?: string
  readonly verifierName?: string
  readonly shownAt?: NumericDate
  readonly retired?: true
}

/** The rows of a vault, by table, as they are before sealing and after opening. */
export interface VaultRows {
  readonly trust: TrustSource
  readonly issuance: IssuanceRecord
  readonly credential: CredentialRecord
  readonly copy: CopyRecord
  readonly journal: JournalEntry
}

const time = z.int()

/** One schema a table; what is opened is parsed, because another version may have written it. */
export const rowSchemas: { readonly [T in keyof VaultRows]: z.ZodType<VaultRows[T]> } = {
  trust: z.strictObject({
    location: z.string(),
    signerKey: z.strictObject({
      kty: z.literal('EC'),
      crv: z.literal('P-256'),
      x: z.string(),
      y: z.string(),
    }),
    token: z.string(),
    fetchedAt: time,
  }),
  issuance: z.strictObject({
    issuer: z.string(),
    issuerName: z.string(),
    configurationId: z.string(),
    vct: z.string(),
    preAuthorizedCode: z.string(),
    txCode: z
      .strictObject({
        inputMode: z.enum(['numeric', 'text']),
        length: z.int().exactOptional(),
        description: z.string().exactOptional(),
      })
      .exactOptional(),
    startedAt: time,
    dpopKey: z.string(),
    holderKeys: z.array(z.string()),
    accessToken: z
      .strictObject({
        value: z.string(),
        expiresAt: time,
        credentialIdentifier: z.string().exactOptional(),
      })
      .exactOptional(),
  }),
  credential: z.strictObject({
    issuer: z.string(),
    issuerName: z.string(),
    vct: z.string(),
    receivedAt: time,
    expires: time.exactOptional(),
  }),
  copy: z.strictObject({
    credentialId: z.string(),
    compact: z.string(),
    holderKey: z.string(),
    verifier: z.string().exactOptional(),
    verifierName: z.string().exactOptional(),
    shownAt: time.exactOptional(),
    retired: z.literal(true).exactOptional(),
  }),
  journal: journalEntrySchema,
}
