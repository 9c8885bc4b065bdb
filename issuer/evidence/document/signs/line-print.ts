import { type Image, luma, rectangleMap, sample } from '../../image.ts'
import type { TextBox } from '../text-lines.ts'

/** How a line was printed, as far as its pixels tell. */
export interface LinePrint {
  /** Height of its capital letters, in pixels. */
  readonly glyphHeight: number
  /** How much the paper between its letters varies, and the paper just above and below it, in grey levels. */
  readonly paper: number
  readonly paperAround: number
  /** How far the paper between the letters is from that around, in grey levels. */
  readonly shift: number
  /** The strongest change from pixel to pixel over the range of its grey levels. */
  readonly sharpness: number
}

const HEIGHT = 24
const BAND = 3
const INK_ROW = 0.04

/** Measures a line of text. `undefined` where ink and paper cannot be told apart. */
export function linePrintOf(image: Image, box: TextBox): LinePrint | undefined {
  const scale = HEIGHT / box.height
  const width = Math.max(HEIGHT, Math.round(box.width * scale))
  const tall = { ...box, height: box.height * BAND }
  const rows = HEIGHT * BAND
  const pixels = sample(image, rectangleMap(tall, width, rows), width, rows)
  const grey = luma(pixels)
  const inside = grey.subarray(HEIGHT * width, 2 * HEIGHT * width)
  const threshold = otsu(inside)
  const [paperMean, inkMean] = meansOf(inside, threshold)
  if (paperMean - inkMean < 25) return undefined
  const ink = (x: number, y: number) => (grey[y * width + x] as number) <= threshold
  const paper: number[] = []
  const around: number[] = []
  const inkRows: number[] = []
  for (let y = 0; y < rows; y++) {
    let count = 0
    const isInside = y >= HEIGHT && y < 2 * HEIGHT
    const isAround = !isInside && (y > HEIGHT - 8 || y < 2 * HEIGHT + 8) && y > 6 && y < rows - 6
    for (let x = 2; x < width - 2; x++) {
      if (ink(x, y)) {
        count += 1
        continue
      }
      if (!isInside && !isAround) continue
      if (isNearInk(ink, x, y, width, rows)) continue
      const value = grey[y * width + x] as number
      if (isInside) paper.push(value)
      else around.push(value)
    }
    if (isInside && count > INK_ROW * width) inkRows.push(y)
  }
  if (paper.length < 40 || around.length < 40 || inkRows.length === 0) return undefined
  const tallest = (inkRows.at(-1) as number) - (inkRows[0] as number) + 1
  return {
    glyphHeight: tallest / scale,
    paper: spreadOf(paper),
    paperAround: spreadOf(around),
    shift: Math.abs(medianOf(paper) - medianOf(around)),
    sharpness: steepest(inside, width) / (paperMean - inkMean),
  }
}

function isNearInk(
  ink: (x: number, y: number) => boolean,
  x: number,
  y: number,
  width: number,
  rows: number,
): boolean {
  for (let dy = -2; dy <= 2; dy++) {
    for (let dx = -2; dx <= 2; dx++) {
      const [px, py] = [x + dx, y + dy]
      if (px >= 0 && py >= 0 && px < width && py < rows && ink(px, py)) return true
    }
  }
  return false
}

/** The grey level that parts dark from light best. */
function otsu(values: Float32Array): number {
  const counts = new Float64Array(256)
  for (const value of values) {
    const level = Math.max(0, Math.min(255, Math.round(value)))
    counts[level] = (counts[level] as number) + 1
  }
  let [total, sum] = [values.length, 0]
  for (const [level, count] of counts.entries()) sum += level * count
  let [dark, darkSum, best, threshold] = [0, 0, -1, 127]
  for (const [level, count] of counts.entries()) {
    dark += count
    darkSum += level * count
    if (dark === 0 || dark === total) continue
    const apart = (darkSum / dark - (sum - darkSum) / (total - dark)) ** 2
    const between = dark * (total - dark) * apart
    if (between > best) [best, threshold] = [between, level]
  }
  return threshold
}

function meansOf(values: Float32Array, threshold: number): readonly [number, number] {
  let [light, lights, dark, darks] = [0, 0, 0, 0]
  for (const value of values) {
    if (value > threshold) {
      light += value
      lights += 1
    } else {
      dark += value
      darks += 1
    }
  }
  return [light / Math.max(1, lights), dark / Math.max(1, darks)]
}

function steepest(grey: Float32Array, width: number): number {
  const steps: number[] = []
  for (let i = 1; i < grey.length; i++) {
    if (i % width !== 0) steps.push(Math.abs((grey[i] as number) - (grey[i - 1] as number)))
  }
  steps.sort((p, q) => p - q)
  return steps[Math.floor(0.98 * steps.length)] ?? 0
}

/** Half of the distance between the tenth and the ninetieth percentile. */
function spreadOf(values: number[]): number {
  const sorted = Float32Array.from(values).sort()
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] as number
  return (at(0.9) - at(0.1)) / 2
}

function medianOf(values: number[]): number {
  const sorted = Float32Array.from(values).sort()
  return sorted[sorted.length >> 1] as number
}
