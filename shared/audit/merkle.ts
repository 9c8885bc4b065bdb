import { hash } from 'node:crypto'

const LEAF_PREFIX = 0x00
const NODE_PREFIX = 0x01
const HASH_LENGTH = 32

const node = Buffer.alloc(1 + 2 * HASH_LENGTH, NODE_PREFIX)

/** The hash of the tree without leaves: SHA-256 of the empty string. RFC 6962 §2.1. */
export const EMPTY_ROOT: Buffer = hash('sha256', '', 'buffer')

/** The hash of a leaf, `SHA-256(0x00 || entry)`. RFC 6962 §2.1. */
export function hashLeaf(entry: Uint8Array): Buffer {
  const message = Buffer.allocUnsafe(1 + entry.length)
  message[0] = LEAF_PREFIX
  message.set(entry, 1)
  return digest(message)
}

/** The hash of an inner node, `SHA-256(0x01 || left || right)`. RFC 6962 §2.1. */
export function hashNode(left: Uint8Array, right: Uint8Array): Buffer {
  node.set(left, 1)
  node.set(right, 1 + HASH_LENGTH)
  return digest(node)
}

/** The text form is copied faster than the crypto module allocates a buffer. */
function digest(message: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(HASH_LENGTH)
  bytes.write(hash('sha256', message, 'binary'), 'latin1')
  return bytes
}

/** A run of leaves `[start, end)` whose Merkle tree hash a proof needs. */
export interface LeafRange {
  readonly start: number
  readonly end: number
}

/** Answers the hash of the complete subtree of `2 ** height` leaves that begins at leaf `index * 2 ** height`. */
export type SubtreeHash = (height: number, index: number) => Buffer

/** The Merkle tree hash of `[start, end)`. RFC 6962 §2.1. */
export function rangeHash({ start, end }: LeafRange, subtree: SubtreeHash): Buffer {
  const size = end - start
  if (size === 0) return EMPTY_ROOT
  const height = Math.log2(size)
  if (Number.isInteger(height) && start % size === 0) return subtree(height, start / size)
  const middle = start + largestPowerBelow(size)
  return hashNode(
    rangeHash({ start, end: middle }, subtree),
    rangeHash({ start: middle, end }, subtree),
  )
}

/** The ranges whose hashes are the audit path of a leaf, from its sibling up to the root's child. RFC 6962 §2.1.1. */
export function inclusionRanges(index: number, size: number): LeafRange[] {
  const ranges: LeafRange[] = []
  let [start, end] = [0, size]
  while (end - start > 1) {
    const middle = start + largestPowerBelow(end - start)
    if (index < middle) {
      ranges.push({ start: middle, end })
      end = middle
    } else {
      ranges.push({ start, end: middle })
      start = middle
    }
  }
  return ranges.reverse()
}

/** The ranges whose hashes prove that the tree of `first` leaves begins the tree of `second`. RFC 6962 §2.1.2. */
export function consistencyRanges(first: number, second: number): LeafRange[] {
  if (first < 1 || first > second) throw new RangeError('sizes of a consistency proof')
  const ranges: LeafRange[] = []
  let [start, end, complete] = [0, second, true]
  while (end !== first) {
    const middle = start + largestPowerBelow(end - start)
    if (first <= middle) {
      ranges.push({ start: middle, end })
      end = middle
    } else {
      ranges.push({ start, end: middle })
      start = middle
      complete = false
    }
  }
  if (!complete) ranges.push({ start, end })
  return ranges.reverse()
}

/** True when `proof` leads from the leaf at `index` to `root` in a tree of `size` leaves. RFC 9162 §2.1.3.2. */
export function isIncluded(claim: {
  readonly leafHash: Uint8Array
  readonly index: number
  readonly size: number
  readonly proof: readonly Uint8Array[]
  readonly root: Uint8Array
}): boolean {
  const { leafHash, index, size, proof, root } = claim
  if (!isHash(leafHash) || !proof.every(isHash)) return false
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size)) return false
  if (index < 0 || index >= size) return false
  let [place, last, hash] = [index, size - 1, leafHash]
  for (const sibling of proof) {
    if (last === 0) return false
    if (place % 2 === 1 || place === last) {
      hash = hashNode(sibling, hash)
      while (place % 2 === 0 && place !== 0) [place, last] = [half(place), half(last)]
    } else {
      hash = hashNode(hash, sibling)
    }
    ;[place, last] = [half(place), half(last)]
  }
  return last === 0 && Buffer.compare(hash, root) === 0
}

/**
 * True when `proof` shows that the tree of `first` leaves with `firstRoot` begins the tree of `second` leaves with
 * `secondRoot`. There is no proof from the empty tree to a larger one, and none is accepted. RFC 9162 §2.1.4.2.
 */
export function isConsistent(claim: {
  readonly first: number
  readonly firstRoot: Uint8Array
  readonly second: number
  readonly secondRoot: Uint8Array
  readonly proof: readonly Uint8Array[]
}): boolean {
  const { first, firstRoot, second, secondRoot, proof } = claim
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(second)) return false
  if (first < 0 || second < first || !proof.every(isHash)) return false
  if (first === second) {
    const isEmptyRoot = first > 0 || Buffer.compare(firstRoot, EMPTY_ROOT) === 0
    return proof.length === 0 && isEmptyRoot && Buffer.compare(firstRoot, secondRoot) === 0
  }
  if (first === 0) return false
  const path = Number.isInteger(Math.log2(first)) ? [firstRoot, ...proof] : [...proof]
  const seed = path.shift()
  if (seed === undefined || !isHash(seed)) return false
  let [place, last] = [first - 1, second - 1]
  while (place % 2 === 1) [place, last] = [half(place), half(last)]
  let [older, newer] = [seed, seed]
  for (const sibling of path) {
    if (last === 0) return false
    if (place % 2 === 1 || place === last) {
      older = hashNode(sibling, older)
      newer = hashNode(sibling, newer)
      while (place % 2 === 0 && place !== 0) [place, last] = [half(place), half(last)]
    } else {
      newer = hashNode(newer, sibling)
    }
    ;[place, last] = [half(place), half(last)]
  }
  return (
    last === 0 && Buffer.compare(older, firstRoot) === 0 && Buffer.compare(newer, secondRoot) === 0
  )
}

/** The right edge of a tree: the hashes of the complete subtrees it splits into, largest first. It grows in place. */
export interface CompactRange {
  size: number
  readonly hashes: Uint8Array[]
}

/** The right edge of the tree without leaves. */
export function emptyCompactRange(): CompactRange {
  return { size: 0, hashes: [] }
}

/** The right edge of the tree of `size` leaves. */
export function compactRangeAt(size: number, subtree: SubtreeHash): CompactRange {
  const hashes: Buffer[] = []
  for (let start = 0; start < size; ) {
    const width = 2 ** Math.floor(Math.log2(size - start))
    hashes.push(subtree(Math.log2(width), start / width))
    start += width
  }
  return { size, hashes }
}

/** Appends a leaf hash and tells `emit` of every subtree that it completes, lowest first. */
export function appendLeafHash(
  range: CompactRange,
  leafHash: Uint8Array,
  emit?: (height: number, index: number, hash: Uint8Array) => void,
): void {
  let [hash, index] = [leafHash, range.size]
  emit?.(0, index, hash)
  for (let height = 1; index % 2 === 1; height++) {
    hash = hashNode(range.hashes.pop() as Uint8Array, hash)
    index = half(index)
    emit?.(height, index, hash)
  }
  range.hashes.push(hash)
  range.size++
}

/** The root of the tree that ends in this right edge. */
export function compactRoot({ hashes }: CompactRange): Buffer {
  let root = hashes.at(-1)
  if (root === undefined) return EMPTY_ROOT
  for (let place = hashes.length - 2; place >= 0; place--) {
    root = hashNode(hashes[place] as Uint8Array, root)
  }
  return Buffer.from(root)
}

/** The largest power of two smaller than `size`. RFC 6962 §2.1. */
function largestPowerBelow(size: number): number {
  return 2 ** Math.ceil(Math.log2(size) - 1)
}

function half(place: number): number {
  return Math.floor(place / 2)
}

function isHash(bytes: Uint8Array): boolean {
  return bytes.length === HASH_LENGTH
}
