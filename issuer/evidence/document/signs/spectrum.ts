import type { Pixels } from '../../image.ts'
import { orderStatistic } from './order-statistic.ts'

/**
 * How strongly a picture repeats itself everywhere, as powers of ten of a frequency over those around it. What is
 * printed in one place repeats there; the pixels of a screen and the dots of a printer do in every part of the picture.
 */
export interface Periodicity {
  /** In brightness: what a printer's dots and a screen's pixels leave. */
  readonly brightness: number
  /** In the difference of red and blue: what the coloured parts of a screen's pixels leave. */
  readonly colour: number
}

const SIDE = 256
/** A smaller picture has no parts to compare: a pattern in it may be the document's own. */
const LEAST_LONGER_SIDE = 2 * SIDE
/** Below, a pattern is the document's own; towards half the side the camera's filter leaves nothing. */
const RING = { from: 20, to: 124 }
/** Cycles a side at which blocks of JPEG repeat. */
const JPEG_STEP = SIDE / 8
const NEAR = 1.5
/** Edges and lines of text lie along the axes. */
const AXIS = 2
const PLACES = [
  [0.15, 0.2],
  [0.85, 0.2],
  [0.5, 0.5],
  [0.15, 0.8],
  [0.85, 0.8],
] as const

/** Measures how periodic a picture is at its own pixels. A small picture has no measure. */
export function periodicityOf(picture: Pixels): Periodicity | undefined {
  const { width, height } = picture
  if (Math.max(width, height) < LEAST_LONGER_SIDE || Math.min(width, height) < SIDE) {
    return undefined
  }
  const [brightness, colour] = [new Float64Array(HALF).fill(1), new Float64Array(HALF).fill(1)]
  const [re, im] = [new Float32Array(SIDE * SIDE), new Float32Array(SIDE * SIDE)]
  for (const [x, y] of PLACES) {
    const corner = [Math.floor(x * (width - SIDE)), Math.floor(y * (height - SIDE))] as const
    readPatch(picture, corner, re, im)
    transform(re, im)
    multiplyPowers(brightness, colour, re, im)
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

/** Multiplies by the power of both real patches, which one transform of real and imaginary part gave. */
function multiplyPowers(
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
      brightness[i] = (brightness[i] as number) * (((a + c) ** 2 + (b - d) ** 2) / 4 + FLOOR)
      colour[i] = (colour[i] as number) * (((b + d) ** 2 + (a - c) ** 2) / 4 + FLOOR)
    }
  }
}

/** Power of noise too weak to see: what is rounded away makes no peak. */
const FLOOR = 2e4

/** How far around a frequency others are looked at, and how far those are left out that are of its own peak. */
const AROUND = 7
const OWN = 3
const ROWS = AROUND + SIDE / 2 + 1
const COLUMNS = SIDE - 1
const CENTRE = SIDE / 2 - 1

/**
 * The strongest frequency over three quarters of those around it, in the mean of all patches; the axes and the
 * frequencies of JPEG blocks are left out.
 */
function peakOf(product: Float64Array): number {
  const map = mapOf(product)
  const sums = sumsOf(map)
  let best = 0
  for (const place of CANDIDATES) {
    const value = map[place] as number
    if (value < (map[place - 1] as number) || value < (map[place + 1] as number)) continue
    if (value < (map[place - COLUMNS] as number) || value < (map[place + COLUMNS] as number)) {
      continue
    }
    const [x, y] = [place % COLUMNS, Math.floor(place / COLUMNS)]
    if (value - meanAround(sums, x, y) <= best) continue
    best = Math.max(best, value - usualAround(map, x, y))
  }
  return Math.round(best * 1000) / 1000
}

/** The mean over the patches in powers of ten, the centre in the middle of its columns and {@link AROUND} rows down. */
function mapOf(product: Float64Array): Float32Array {
  const map = new Float32Array(ROWS * COLUMNS)
  for (let row = 0; row < ROWS; row++) {
    const mirrored = row < AROUND
    const y = Math.abs(row - AROUND)
    for (let column = 0; column < COLUMNS; column++) {
      const x = mirrored ? CENTRE - column : column - CENTRE
      const power = product[y * SIDE + ((x + SIDE) % SIDE)] as number
      map[row * COLUMNS + column] = Math.log10(power) / PLACES.length
    }
  }
  return map
}

/** What is left of and above each place, summed up, with a row and a column of nothing before. */
function sumsOf(map: Float32Array): Float64Array {
  const width = COLUMNS + 1
  const sums = new Float64Array((ROWS + 1) * width)
  for (let y = 0; y < ROWS; y++) {
    let row = 0
    for (let x = 0; x < COLUMNS; x++) {
      row += map[y * COLUMNS + x] as number
      const at = (y + 1) * width + x + 1
      sums[at] = (sums[at - width] as number) + row
    }
  }
  return sums
}

function meanAround(sums: Float64Array, x: number, y: number): number {
  const width = COLUMNS + 1
  const within = (reach: number) => {
    const [left, right] = [Math.max(0, x - reach), Math.min(COLUMNS, x + reach + 1)]
    const [top, bottom] = [Math.max(0, y - reach), Math.min(ROWS, y + reach + 1)]
    const at = (row: number, column: number) => sums[row * width + column] as number
    const sum = at(bottom, right) - at(top, right) - at(bottom, left) + at(top, left)
    return { sum, count: (right - left) * (bottom - top) }
  }
  const [all, own] = [within(AROUND), within(OWN)]
  return (all.sum - own.sum) / (all.count - own.count)
}

function usualAround(map: Float32Array, x: number, y: number): number {
  const around = new Float32Array((2 * AROUND + 1) ** 2)
  let count = 0
  for (let v = Math.max(0, y - AROUND); v <= Math.min(ROWS - 1, y + AROUND); v++) {
    for (let u = Math.max(0, x - AROUND); u <= Math.min(COLUMNS - 1, x + AROUND); u++) {
      if (Math.max(Math.abs(u - x), Math.abs(v - y)) > OWN) {
        around[count++] = map[v * COLUMNS + u] as number
      }
    }
  }
  return orderStatistic(around.subarray(0, count), Math.floor(0.75 * count))
}

/** Where in a map a peak is looked for. */
const CANDIDATES: readonly number[] = candidates()

function candidates(): readonly number[] {
  const places: number[] = []
  for (let y = 0; y < SIDE / 2; y++) {
    for (let x = 1 - CENTRE; x < CENTRE; x++) {
      const ring = Math.hypot(x, y)
      if (ring < RING.from || ring > RING.to || isOnAxis(x, y) || isOfBlocks(x, y)) continue
      places.push((y + AROUND) * COLUMNS + x + CENTRE)
    }
  }
  return places
}

function isOnAxis(x: number, y: number): boolean {
  return Math.abs(x) < AXIS || Math.abs(y) < AXIS
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
