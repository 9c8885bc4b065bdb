import { appendLeafHash, compactRoot, emptyCompactRange } from '../../shared/audit/merkle.ts'

/** The root over leaf hashes held in memory. RFC 6962 §2.1. */
export function rootOf(leafHashes: readonly Uint8Array[]): Buffer {
  const range = emptyCompactRange()
  for (const leafHash of leafHashes) appendLeafHash(range, leafHash)
  return compactRoot(range)
}
