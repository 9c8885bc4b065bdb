import { readStatus, type StatusBits } from '../status-list/bits.ts'
import { AuditError } from './error.ts'
import {
  appendLeafHash,
  compactRoot,
  emptyCompactRange,
  hashLeaf,
  inclusionRanges,
  isIncluded,
  rangeHash,
} from './merkle.ts'

/** Bytes of a list under one leaf of its chunk tree. */
export const CHUNK_LENGTH = 64

const HASH_LENGTH = 32

/** What the leaf of a publication says of the shape of its list. */
export interface ListShape {
  /** {@link chunkRoot} of the uncompressed list, base64url. */
  readonly root: string
  readonly bits: StatusBits
  /** Entries of the list. */
  readonly size: number
}

/** The Merkle root over an uncompressed list in chunks of 64 bytes, the last one shorter if need be. RFC 6962 §2.1. */
export function chunkRoot(list: Uint8Array): Buffer {
  const range = emptyCompactRange()
  for (let at = 0; at < list.length; at += CHUNK_LENGTH) {
    appendLeafHash(range, hashLeaf(list.subarray(at, at + CHUNK_LENGTH)))
  }
  return compactRoot(range)
}

/**
 * Proves one status to whoever has the leaf: the chunk that holds it, then the hashes up to the root. 448 bytes for
 * 2^20 entries of two bits. Whoever has the token makes it; nobody is asked, so that nobody learns which index.
 */
export function proveStatus(list: Uint8Array, bits: StatusBits, idx: number): Buffer {
  if (readStatus(list, bits, idx) === undefined)
    throw new RangeError('index is outside of the list')
  const { chunk, count } = placeOf(idx, bits, list.length)
  const chunkAt = (place: number): Uint8Array =>
    list.subarray(place * CHUNK_LENGTH, (place + 1) * CHUNK_LENGTH)
  const hashes = new Map<string, Uint8Array>()
  const range = emptyCompactRange()
  for (let place = 0; place < count; place++) {
    appendLeafHash(range, hashLeaf(chunkAt(place)), (height, index, hash) => {
      hashes.set(`${height}/${index}`, hash)
    })
  }
  const path = inclusionRanges(chunk, count).map((leaves) =>
    rangeHash(leaves, (height, index) => hashes.get(`${height}/${index}`) as Buffer),
  )
  return Buffer.concat([chunkAt(chunk), ...path])
}

/**
 * The value that a proof shows at `idx` of the list that a leaf names. That the leaf is in a log is another proof's
 * matter ({@link checkStatusProof}).
 * @throws AuditError `proof_malformed`, `proof_invalid`
 */
export function checkChunkProof(proof: Uint8Array, shape: ListShape, idx: number): number {
  const { root, bits, size } = shape
  const length = Math.ceil((size * bits) / 8)
  if (!Number.isSafeInteger(idx) || idx < 0 || idx >= size) {
    throw new AuditError('proof_malformed', 'the index is outside of the list')
  }
  const { chunk, count } = placeOf(idx, bits, length)
  const chunkLength = Math.min(CHUNK_LENGTH, length - chunk * CHUNK_LENGTH)
  const hashes: Uint8Array[] = []
  for (let at = chunkLength; at < proof.length; at += HASH_LENGTH) {
    hashes.push(proof.subarray(at, at + HASH_LENGTH))
  }
  const bytes = proof.subarray(0, chunkLength)
  const claim = { leafHash: hashLeaf(bytes), index: chunk, size: count, proof: hashes }
  const value = readStatus(bytes, bits, idx - (chunk * CHUNK_LENGTH * 8) / bits)
  if (!isIncluded({ ...claim, root: Buffer.from(root, 'base64url') }) || value === undefined) {
    throw new AuditError('proof_invalid', 'the proof does not lead to the root of the list')
  }
  return value
}

function placeOf(idx: number, bits: StatusBits, length: number): { chunk: number; count: number } {
  const chunk = Math.floor((idx * bits) / 8 / CHUNK_LENGTH)
  return { chunk, count: Math.ceil(length / CHUNK_LENGTH) }
}
