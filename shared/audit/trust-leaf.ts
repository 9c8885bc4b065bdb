import { z } from 'zod'
import type { NumericDate } from '../clock.ts'
import { sha256Base64url } from '../hash.ts'
import type { PublicJwk } from '../key/signer.ts'
import type { AuditEntry } from './entry.ts'

/** The leaf of a published trust list: its digest and the key that verifies it. docs/log.md. */
export interface TrustListPublished extends AuditEntry {
  readonly type: 'trust-list.published'
  /** SHA-256 of the signed list as served, base64url. */
  readonly sha256: string
  readonly signer: {
    readonly kty: string
    readonly crv: string
    readonly x: string
    readonly y?: string
  }
}

const coordinate = z.string().regex(/^[A-Za-z0-9_-]{43}$/)

/** Reads a {@link TrustListPublished}. */
export const trustListPublishedEntry: z.ZodType<TrustListPublished> = z.strictObject({
  type: z.literal('trust-list.published'),
  at: z.int(),
  sha256: coordinate,
  signer: z.union([
    z.strictObject({
      kty: z.literal('EC'),
      crv: z.literal('P-256'),
      x: coordinate,
      y: coordinate,
    }),
    z.strictObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: coordinate }),
  ]),
}) as unknown as z.ZodType<TrustListPublished>

/** The leaf that a publisher appends before it serves `trustList`. */
export function trustListPublished(
  trustList: string,
  signerKey: PublicJwk,
  now: NumericDate,
): TrustListPublished {
  return {
    type: 'trust-list.published',
    at: now,
    sha256: sha256Base64url(trustList),
    signer: { ...signerKey },
  }
}
