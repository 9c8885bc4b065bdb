import { type Image, rectangleMap, sampleFor } from '../../image.ts'
import type { TextBox } from '../text-lines.ts'
import { orderStatistic } from './order-statistic.ts'

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
/** Rows at the upper and lower edge of the band that may belong to other lines. */
const MARGIN = 7
/** How far from ink a pixel is that has nothing of it. */
const REACH = 2
const LEAST_PAPER = 40
const STEEP = 0.98
const GREY = { layout: 'NCHW', colour: 'grey', subtract: 0, divide: 1 } as const

/** Measures a line of text. `undefined` where ink and paper cannot be told apart. */
export function linePrintOf(image: Image, box: TextBox): LinePrint | undefined {
  const scale = HEIGHT / box.height
  const width = Math.max(HEIGHT, Math.round(box.width * scale))
  const tall = { ...box, height: box.height * BAND }
  const rows = HEIGHT * BAND
  const grey = sampleFor(image, rectangleMap(tall, width, rows), { width, height: rows }, GREY)
  const inside = grey.subarray(HEIGHT * width, 2 * HEIGHT * width)
  const threshold = otsu(inside)
  const [paperMean, inkMean] = meansOf(inside, threshold)
  if (paperMean - inkMean < 25) return undefined
  const near = nearInk(grey, { width, rows, threshold })
  const [paper, around] = [new Float32Array(inside.length), new Float32Array(grey.length)]
  let [papers, arounds, first, last] = [0, 0, -1, -1]
  for (let y = MARGIN; y <= rows - MARGIN; y++) {
    const isInside = y >= HEIGHT && y < 2 * HEIGHT
    let count = 0
    for (let i = y * width + 2, end = (y + 1) * width - 2; i < end; i++) {
      const value = grey[i] as number
      if (value <= threshold) count += 1
      else if (near[i] === 0) {
        if (isInside) paper[papers++] = value
        else around[arounds++] = value
      }
    }
    if (isInside && count > INK_ROW * width) {
      if (first < 0) first = y
      last = y
    }
  }
  if (papers < LEAST_PAPER || arounds < LEAST_PAPER || first < 0) return undefined
  const [between, outside] = [
    quantiles(paper.subarray(0, papers)),
    quantiles(around.subarray(0, arounds)),
  ]
  return {
    glyphHeight: (last - first + 1) / scale,
    paper: between.spread,
    paperAround: outside.spread,
    shift: Math.abs(between.median - outside.median),
    sharpness: steepest(inside, width) / (paperMean - inkMean),
  }
}

/** 1 for each pixel that ink lies no further from than two pixels along its row and along its column. */
function nearInk(
  grey: Float32Array,
  { width, rows, threshold }: { width: number; rows: number; threshold: number },
): Uint8Array {
  const along = new Uint8Array(grey.length)
  for (let y = 0; y < rows; y++) {
    const [start, end] = [y * width, (y + 1) * width]
    for (let i = start; i < end; i++) {
      if ((grey[i] as number) <= threshold) {
        along.fill(1, Math.max(start, i - REACH), Math.min(end, i + REACH + 1))
      }
    }
  }
  const near = new Uint8Array(grey.length)
  for (let i = 0; i < near.length; i++) {
    if (along[i] === 0) continue
    for (let j = Math.max(i % width, i - REACH * width); j <= i + REACH * width; j += width) {
      near[j] = 1
    }
  }
  return near
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
  const steps = new Float32Array(grey.length)
  let count = 0
  for (let i = 1; i < grey.length; i++) {
    if (i % width !== 0) steps[count++] = Math.abs((grey[i] as number) - (grey[i - 1] as number))
  }
  return orderStatistic(steps.subarray(0, count), Math.floor(STEEP * count))
}

/** The median, and half of the distance between the tenth and the ninetieth percentile. Moves the values. */
function quantiles(values: Float32Array): { readonly median: number; readonly spread: number } {
  const at = (share: number) => orderStatistic(values, Math.floor(share * (values.length - 1)))
  return { median: orderStatistic(values, values.length >> 1), spread: (at(0.9) - at(0.1)) / 2 }
}
