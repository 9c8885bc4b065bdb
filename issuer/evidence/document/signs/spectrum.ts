import type { Pixels } from '../../image.ts'
import { orderStatistic } from './order-statistic.ts'

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
  const [brightness, colour] = [new Float64Array(HALF), new Float64Array(HALF)]
  const [re, im] = [new Float32Array(SIDE * SIDE), new Float32Array(SIDE * SIDE)]
  for (const x of PLACES) {
    for (const y of PLACES) {
      const corner = [Math.floor(x * (width - SIDE)), Math.floor(y * (height - SIDE))] as const
      readPatch(picture, corner, re, im)
      transform(re, im)
      addPowers(brightness, colour, re, im)
    }
  }
  return { brightness: peakOf(brightness), colour: peakOf(colour) }
}

/** Rows of a spectrum from 0 to half the side: the others mirror them. */
const HALF = (SIDE / 2 + 1) * SIDE

/** Brightness as the real part and the difference of red and blue as the imaginary one, faded towards the edges. */
function readPatch(
  { width, rgb }: Pixels,
  [left, top]: readonly [number, number],
  re: Float32Array,
  im: Float32Array,
): void {
  let [brightness, colour] = [0, 0]
  for (let y = 0, at = 0; y < SIDE; y++) {
    for (let x = 0, i = ((top + y) * width + left) * 3; x < SIDE; x++, i += 3, at++) {
      const red = rgb[i] as number
      const blue = rgb[i + 2] as number
      const luma = 0.299 * red + 0.587 * (rgb[i + 1] as number) + 0.114 * blue
      re[at] = luma
      im[at] = red - blue
      brightness += luma
      colour += red - blue
    }
  }
  brightness /= SIDE * SIDE
  colour /= SIDE * SIDE
  for (let y = 0, at = 0; y < SIDE; y++) {
    const row = HANN[y] as number
    for (let x = 0; x < SIDE; x++, at++) {
      const share = row * (HANN[x] as number)
      re[at] = ((re[at] as number) - brightness) * share
      im[at] = ((im[at] as number) - colour) * share
    }
  }
}

const HANN = Float64Array.from(
  { length: SIDE },
  (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / SIDE),
)

/** Adds the power of both real patches, which one transform of real and imaginary part gave. */
function addPowers(
  brightness: Float64Array,
  colour: Float64Array,
  re: Float32Array,
  im: Float32Array,
): void {
  for (let y = 0; y <= SIDE / 2; y++) {
    for (let x = 0; x < SIDE; x++) {
      const i = y * SIDE + x
      const j = ((SIDE - y) % SIDE) * SIDE + ((SIDE - x) % SIDE)
      const a = re[i] as number
      const b = im[i] as number
      const c = re[j] as number
      const d = im[j] as number
      brightness[i] = (brightness[i] as number) + ((a + c) ** 2 + (b - d) ** 2) / 4
      colour[i] = (colour[i] as number) + ((b + d) ** 2 + (a - c) ** 2) / 4
    }
  }
}

/** The strongest peak over the median of its ring; the axes and the frequencies of JPEG blocks are left out. */
function peakOf(power: Float64Array): number {
  let best = 0
  for (const ring of RINGS) {
    const values = Float32Array.from(ring, (place) => power[place] as number)
    let top = 0
    for (const value of values) top = Math.max(top, value)
    const median = orderStatistic(values, values.length >> 1)
    best = Math.max(best, Math.log10((top + FLOOR) / (median + FLOOR)))
  }
  return Math.round(best * 1000) / 1000
}

/** Where in half a spectrum the frequencies of one distance from the centre are. */
const RINGS: readonly Uint16Array[] = ringsOf()

function ringsOf(): readonly Uint16Array[] {
  const rings = new Map<number, number[]>()
  for (let y = 0; y < SIDE / 2; y++) {
    for (let x = -SIDE / 2 + 1; x < SIDE / 2; x++) {
      const ring = Math.round(Math.hypot(x, y))
      if (ring < RING.from || ring > RING.to || isOnAxis(x, y) || isOfBlocks(x, y)) continue
      const places = rings.get(ring) ?? []
      places.push(y * SIDE + ((x + SIDE) % SIDE))
      rings.set(ring, places)
    }
  }
  return [...rings.values()].map((places) => Uint16Array.from(places))
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

const TWIDDLES = Float64Array.from({ length: SIDE }, (_, i) => {
  const angle = (-2 * Math.PI * (i >> 1)) / SIDE
  return i % 2 === 0 ? Math.cos(angle) : Math.sin(angle)
})
const REVERSED = Uint16Array.from({ length: SIDE }, (_, i) => {
  let reversed = 0
  for (let bit = 1; bit < SIDE; bit <<= 1) reversed = (reversed << 1) | (i & bit ? 1 : 0)
  return reversed
})

/**
 * Fast Fourier transform of a square in place: along its columns, then turned over, along what were its rows. Its rows
 * are then the frequencies from left to right: what is measured does not ask which is which.
 */
function transform(re: Float32Array, im: Float32Array): void {
  alongColumns(re, im)
  turnOver(re)
  turnOver(im)
  alongColumns(re, im)
}

function turnOver(square: Float32Array): void {
  for (let y = 0; y < SIDE; y++) {
    for (let x = y + 1; x < SIDE; x++) {
      const i = y * SIDE + x
      const j = x * SIDE + y
      const kept = square[i] as number
      square[i] = square[j] as number
      square[j] = kept
    }
  }
}

/** All columns at once: each butterfly is one of two rows, so that memory is read in its order. */
function alongColumns(re: Float32Array, im: Float32Array): void {
  for (let y = 0; y < SIDE; y++) {
    const other = REVERSED[y] as number
    if (other <= y) continue
    swapRows(re, y, other)
    swapRows(im, y, other)
  }
  for (let length = 2; length <= SIDE; length <<= 1) {
    const half = length >> 1
    const turn = SIDE / length
    for (let start = 0; start < SIDE; start += length) {
      for (let k = 0; k < half; k++) {
        const cos = TWIDDLES[2 * k * turn] as number
        const sin = TWIDDLES[2 * k * turn + 1] as number
        let p = (start + k) * SIDE
        let q = p + half * SIDE
        for (const end = p + SIDE; p < end; p++, q++) {
          const c = re[q] as number
          const d = im[q] as number
          const u = c * cos - d * sin
          const v = c * sin + d * cos
          const a = re[p] as number
          const b = im[p] as number
          re[p] = a + u
          im[p] = b + v
          re[q] = a - u
          im[q] = b - v
        }
      }
    }
  }
}

function swapRows(square: Float32Array, p: number, q: number): void {
  const kept = square.slice(p * SIDE, (p + 1) * SIDE)
  square.copyWithin(p * SIDE, q * SIDE, (q + 1) * SIDE)
  square.set(kept, q * SIDE)
}
