import type { NumericDate } from '../clock.ts'
import { checkChunkProof } from './chunk-proof.ts'
import { decodeEntry } from './entry.ts'
import { AuditError } from './error.ts'
import { parseVkey } from './note.ts'
import { verifyTlogProof } from './proof.ts'
import { isListOf, statusPublishedEntry } from './status-leaf.ts'

/** What shows a status without the list: the leaf with its place in the log, and the chunk with its place in the list. */
export interface StatusProof {
  /** The leaf of the publication, byte for byte. */
  readonly leaf: Uint8Array
  /** C2SP tlog-proof of the leaf. */
  readonly tlogProof: string
  /** What `proveStatus` made. */
  readonly chunkProof: Uint8Array
}

/**
 * Checks offline, with the log's verifier key alone, that "index `idx` of list `uri` was this value in a publication
 * that may be used at `time`", and answers the value. It does not show that no later publication existed at `time`;
 * the next leaf of the list does.
 * @throws AuditError
 */
export function checkStatusProof(
  { leaf: bytes, tlogProof, chunkProof }: StatusProof,
  claim: {
    readonly vkey: string
    readonly uri: string
    readonly idx: number
    readonly time: NumericDate
  },
): { readonly value: number; readonly sequence: number } {
  const log = parseVkey(claim.vkey)
  verifyTlogProof(tlogProof, bytes, log)
  const parsed = statusPublishedEntry.safeParse(decodeEntry(bytes))
  if (!parsed.success || parsed.data.list !== claim.uri) {
    throw new AuditError('entry_malformed', 'the leaf is not a publication of this list')
  }
  if (!isListOf(log.name, claim.uri)) {
    throw new AuditError('origin_mismatch', 'the list is of another issuer than the log')
  }
  const leaf = parsed.data
  if (claim.time < leaf.iat || claim.time > leaf.exp) {
    throw new AuditError('proof_invalid', 'the publication is of another time')
  }
  return { value: checkChunkProof(chunkProof, leaf, claim.idx), sequence: leaf.sequence }
}
