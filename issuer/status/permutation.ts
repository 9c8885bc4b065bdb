import { hmacSha256 } from '../../shared/hash.ts'

const ROUNDS = 8

/**
 * Maps `place` to a place in `[0, size)` so that different places never meet, and nobody without `key` can tell one
 * from the next: a balanced Feistel network over the smallest even number of bits, walked until it lands in range.
 */
export function permute(place: number, size: number, key: Uint8Array): number {
  if (!Number.isInteger(place) || place < 0 || place >= size || size > 2 ** 30) {
    throw new RangeError('place is outside the list')
  }
  const half = Math.max(1, Math.ceil(Math.log2(size) / 2))
  let walked = place
  do walked = encipher(walked, half, key)
  while (walked >= size)
  return walked
}

function encipher(value: number, half: number, key: Uint8Array): number {
  const mask = (1 << half) - 1
  let [left, right] = [value >>> half, value & mask]
  const block = Buffer.alloc(5)
  for (let round = 0; round < ROUNDS; round++) {
    block[0] = round
    block.writeUInt32BE(right, 1)
    const mixed = left ^ (hmacSha256(key, block).readUInt32BE(0) & mask)
    ;[left, right] = [right, mixed]
  }
  return (left << half) | right
}
