import type { Pixels } from '../../image.ts'

/** How strongly a picture repeats itself, as powers of ten of a peak over what lies around it at the same distance. */
export interface Periodicity {
  /** In brightness, off the axes along which lines of text and edges lie: what a printer's dots leave. */
  readonly brightness: number
  /** In the difference of red and blue: what the coloured parts of a screen's pixels leave. */
  readonly colour: number
}

const SIDE = 256
/** Below, a pattern is the document's own; towards half the side the camera's filter leaves nothing. */
const RING = { from: 22, to: 122 }
/** Cycles a side at which blocks of JPEG repeat. */
const JPEG_STEP = SIDE / 8
const NEAR = 1.5
const PLACES = [0.2, 0.5, 0.8]

/** Measures how periodic a picture is at its own pixels. A picture smaller than one patch has no measure. */
export function periodicityOf(picture: Pixels): Periodicity | undefined {
  const { width, height } = picture
  if (width < SIDE || height < SIDE) return undefined
  const [brightness, colour] = [new Float64Array(SIDE * SIDE), new Float64Array(SIDE * SIDE)]
  for (const x of PLACES) {
    for (const y of PLACES) {
      const corner = [Math.floor(x * (width - SIDE)), Math.floor(y * (height - SIDE))] as const
      addPower(brightness, patchOf(picture, corner, luma))
      addPower(colour, patchOf(picture, corner, redMinusBlue))
    }
  }
  return { brightness: peakOf(brightness), colour: peakOf(colour) }
}

const luma = (r: number, g: number, b: number) => 0.299 * r + 0.587 * g + 0.114 * b
const redMinusBlue = (r: number, _g: number, b: number) => r - b

function patchOf(
  { width, rgb }: Pixels,
  [left, top]: readonly [number, number],
  value: (r: number, g: number, b: number) => number,
): Float64Array {
  const patch = new Float64Array(SIDE * SIDE)
  let sum = 0
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const i = ((top + y) * width + left + x) * 3
      const v = value(rgb[i] as number, rgb[i + 1] as number, rgb[i + 2] as number)
      patch[y * SIDE + x] = v
      sum += v
    }
  }
  const mean = sum / patch.length
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const i = y * SIDE + x
      patch[i] = ((patch[i] as number) - mean) * (HANN[x] as number) * (HANN[y] as number)
    }
  }
  return patch
}

const HANN = Float64Array.from(
  { length: SIDE },
  (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / SIDE),
)

function addPower(total: Float64Array, patch: Float64Array): void {
  const [re, im] = [patch, new Float64Array(SIDE * SIDE)]
  const [rowRe, rowIm] = [new Float64Array(SIDE), new Float64Array(SIDE)]
  for (let y = 0; y < SIDE; y++) {
    const row = re.subarray(y * SIDE, (y + 1) * SIDE)
    transform(row, im.subarray(y * SIDE, (y + 1) * SIDE))
  }
  for (let x = 0; x < SIDE; x++) {
    for (let y = 0; y < SIDE; y++) {
      rowRe[y] = re[y * SIDE + x] as number
      rowIm[y] = im[y * SIDE + x] as number
    }
    transform(rowRe, rowIm)
    for (let y = 0; y < SIDE; y++) {
      const i = y * SIDE + x
      total[i] = (total[i] as number) + (rowRe[y] as number) ** 2 + (rowIm[y] as number) ** 2
    }
  }
}

/** The strongest peak over the median of its ring; the axes and the frequencies of JPEG blocks are left out. */
function peakOf(power: Float64Array): number {
  const rings = new Map<number, number[]>()
  for (let y = 0; y < SIDE / 2; y++) {
    for (let x = -SIDE / 2 + 1; x < SIDE / 2; x++) {
      const ring = Math.round(Math.hypot(x, y))
      if (ring < RING.from || ring > RING.to || isOnAxis(x, y) || isOfBlocks(x, y)) continue
      const value = power[y * SIDE + ((x + SIDE) % SIDE)] as number
      const values = rings.get(ring) ?? []
      values.push(value)
      rings.set(ring, values)
    }
  }
  let best = 0
  for (const values of rings.values()) {
    values.sort((p, q) => p - q)
    const median = values[values.length >> 1] ?? 0
    const top = values.at(-1) ?? 0
    best = Math.max(best, Math.log10((top + FLOOR) / (median + FLOOR)))
  }
  return Math.round(best * 1000) / 1000
}

/** Power of noise too weak to see: what is rounded away makes no peak. */
const FLOOR = 2e4

function isOnAxis(x: number, y: number): boolean {
  return Math.abs(x) < 6 || Math.abs(y) < 6
}

function isOfBlocks(x: number, y: number): boolean {
  const off = (v: number) => Math.abs(v - JPEG_STEP * Math.round(v / JPEG_STEP))
  return off(x) < NEAR && off(y) < NEAR
}

/** Fast Fourier transform in place, of a length that is a power of two. */
function transform(re: Float64Array, im: Float64Array): void {
  const size = re.length
  for (let i = 1, j = 0; i < size; i++) {
    let bit = size >> 1
    for (; j & bit; bit >>= 1) j ^= bit
    j ^= bit
    if (i < j) {
      const [a, b] = [re[i] as number, im[i] as number]
      re[i] = re[j] as number
      im[i] = im[j] as number
      re[j] = a
      im[j] = b
    }
  }
  for (let length = 2; length <= size; length <<= 1) {
    const angle = (-2 * Math.PI) / length
    const half = length >> 1
    for (let k = 0; k < half; k++) {
      const [cos, sin] = [Math.cos(angle * k), Math.sin(angle * k)]
      for (let start = k; start < size; start += length) {
        const other = start + half
        const [c, d] = [re[other] as number, im[other] as number]
        const [u, v] = [c * cos - d * sin, c * sin + d * cos]
        const [a, b] = [re[start] as number, im[start] as number]
        re[start] = a + u
        im[start] = b + v
        re[other] = a - u
        im[other] = b - v
      }
    }
  }
}
