/** How many bits one status takes. Token Status List §4.1. */
export type StatusBits = 1 | 2 | 4 | 8

/** True for the four widths that a list may have. */
export function isStatusBits(value: unknown): value is StatusBits {
  return value === 1 || value === 2 || value === 4 || value === 8
}

/** A list of `size` statuses, all zero (VALID); its size is rounded up to whole bytes. Token Status List §4.1. */
export function statusListBytes(size: number, bits: StatusBits): Uint8Array {
  return new Uint8Array(Math.ceil((size * bits) / 8))
}

/**
 * The status at `idx`, packed from the least significant bit of each byte; `undefined` when `idx` is not a whole number
 * inside the list, which a caller must never take for valid. Token Status List §4.1, §8.3.
 */
export function readStatus(list: Uint8Array, bits: StatusBits, idx: number): number | undefined {
  const perByte = 8 / bits
  if (!Number.isSafeInteger(idx) || idx < 0 || idx >= list.length * perByte) return undefined
  const byte = list[Math.floor(idx / perByte)] as number
  return (byte >> ((idx % perByte) * bits)) & ((1 << bits) - 1)
}

/** Writes the status at `idx` in place. @throws RangeError when the index or the status does not fit */
export function writeStatus(
  list: Uint8Array,
  { bits, idx, status }: { bits: StatusBits; idx: number; status: number },
): void {
  const perByte = 8 / bits
  const mask = (1 << bits) - 1
  if (!Number.isSafeInteger(idx) || idx < 0 || idx >= list.length * perByte) {
    throw new RangeError('status index is outside of the list')
  }
  if (!Number.isInteger(status) || status < 0 || status > mask) {
    throw new RangeError('status does not fit in its bits')
  }
  const at = Math.floor(idx / perByte)
  const shift = (idx % perByte) * bits
  list[at] = ((list[at] as number) & ~(mask << shift)) | (status << shift)
}
