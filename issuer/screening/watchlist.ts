import { z } from 'zod'
import { sha256Hex } from '../../shared/hash.ts'
import { JsonError, parseJsonBytes } from '../../shared/json.ts'
import { OperatorError } from '../../shared/operator-error.ts'
import { explain } from '../../shared/schema.ts'
import { type PreparedName, prepareName } from './name.ts'

/** A person on a list. */
export interface WatchlistEntry {
  /** Stable within the list over its versions. */
  readonly id: string
  readonly names: readonly PreparedName[]
  /** YYYY, YYYY-MM or YYYY-MM-DD. */
  readonly birthdates: readonly string[]
  /** ICAO 9303-3 codes. */
  readonly nationalities: readonly string[]
  readonly programme: string
}

/** A version of a list, told by the digest of the file it was read from. */
export interface Watchlist {
  readonly id: string
  readonly version: string
  readonly publisher: string
  readonly entries: readonly WatchlistEntry[]
  readonly sha256: string
}

const listSchema = z.strictObject({
  id: z.string().min(1).max(128),
  version: z.string().min(1).max(64),
  publisher: z.string().max(256),
  entries: z
    .array(
      z.strictObject({
        id: z.string().min(1).max(128),
        names: z.array(z.string().min(1).max(256).transform(prepareName)).min(1).max(64),
        birthdates: z
          .array(z.string().regex(/^\d{4}(-\d{2}(-\d{2})?)?$/))
          .max(16)
          .default([]),
        nationalities: z
          .array(z.string().regex(/^[A-Z]{1,3}$/))
          .max(16)
          .default([]),
        programme: z.string().max(128),
      }),
    )
    .min(1)
    .max(1_000_000),
})

/**
 * Reads a list file. Where the operator has pinned its digest, another content is refused; a list without entries is
 * refused as well, because it would clear everybody.
 * @throws OperatorError `trust_invalid`
 */
export function readWatchlist(bytes: Uint8Array, expectedSha256?: string): Watchlist {
  const sha256 = sha256Hex(bytes)
  if (expectedSha256 !== undefined && sha256 !== expectedSha256) {
    throw new OperatorError('trust_invalid', 'a watchlist is not the one that was pinned', {
      hint: `its SHA-256 is ${sha256}`,
    })
  }
  try {
    const result = listSchema.safeParse(parseJsonBytes(bytes, { maxLength: 1 << 28 }))
    if (result.success) return { ...result.data, sha256 }
    throw new OperatorError('trust_invalid', `a watchlist is wrong: ${explain(result.error)}`)
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    throw new OperatorError('trust_invalid', `a watchlist is wrong: ${error.message}`)
  }
}
