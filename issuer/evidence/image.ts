/** A point in pixels; the centre of the first pixel is (0.5, 0.5). */
export type Point = readonly [number, number]

/** From a result's pixel indexes to a source's: x' = a·x + b·y + c, y' = d·x + e·y + f. */
export type Affine = readonly [number, number, number, number, number, number]

/** Decoded pixels, three bytes each, red first. */
export interface Pixels {
  readonly width: number
  readonly height: number
  readonly rgb: Uint8Array
}

/** A decoded image with its half-size copies, so that shrinking costs what the result costs. */
export interface Image extends Pixels {
  /** Level k is the image at about 2^-k of its size; level 0 is the image itself. */
  readonly levels: readonly Pixels[]
}

/** A rectangle by centre and size, turned by `angle` radians. */
export interface Box {
  readonly cx: number
  readonly cy: number
  readonly width: number
  readonly height: number
  readonly angle?: number
}

/** How bytes become what a network was trained on: (value - subtract) / divide, for each channel. */
export interface Normalisation {
  readonly layout: 'NCHW' | 'NHWC'
  readonly colour: 'RGB' | 'BGR' | 'grey'
  readonly subtract: number | readonly [number, number, number]
  readonly divide: number | readonly [number, number, number]
}

/**
 * Samples the image at `map(pixel)` for each pixel of the result, bilinear, from the level whose pixels are nearest to
 * the result's. Rows of red, green, blue in 0 to 255; where the image has no pixel, `outside`.
 */
export function sample(
  image: Image,
  map: Affine,
  width: number,
  height: number,
  outside = 0,
): Float32Array {
  const result = new Float32Array(width * height * 3)
  const target = { result, width, height, outside, ...INTERLEAVED }
  sampleInto(target, image, map)
  return result
}

/** What of an image is sampled: pixels of the result, and what stands where the image has none. */
export interface Area {
  readonly width: number
  readonly height: number
  readonly outside?: number
}

/** As {@link sample}, straight into the layout and range that a network takes; `result` is filled. */
export function sampleFor(
  image: Image,
  map: Affine,
  { width, height, outside = 0 }: Area,
  { layout, colour, subtract, divide }: Normalisation,
  result: Float32Array = new Float32Array(width * height * (colour === 'grey' ? 1 : 3)),
): Float32Array {
  const count = width * height
  const size = { width, height, outside }
  const scaleOf = (channel: number) => 1 / channelOf(divide, channel)
  const baseOf = (channel: number) => -channelOf(subtract, channel) / channelOf(divide, channel)
  if (colour === 'grey') {
    const [scales, bases] = [[scaleOf(0), 0, 0] as const, [baseOf(0), 0, 0] as const]
    const target = {
      result,
      ...size,
      channels: 1,
      stride: 1,
      places: NOWHERE,
      scales,
      bases,
    } as const
    sampleInto(target, image, map)
    return result
  }
  const [stride, plane] = layout === 'NCHW' ? [1, count] : [3, 1]
  const [first, third] = colour === 'BGR' ? [2, 0] : [0, 2]
  const places = [first * plane, plane, third * plane] as const
  const scales = [scaleOf(first), scaleOf(1), scaleOf(third)] as const
  const bases = [baseOf(first), baseOf(1), baseOf(third)] as const
  sampleInto({ result, ...size, channels: 3, stride, places, scales, bases }, image, map)
  return result
}

/** Where samples go: for each colour its place beside the pixel's, what it is multiplied by and what is added. */
interface Target {
  readonly result: Float32Array
  readonly width: number
  readonly height: number
  readonly outside: number
  /** 1 where only how light a pixel is is asked for, at the first of the places. */
  readonly channels: 1 | 3
  /** From one pixel's place to the next. */
  readonly stride: number
  readonly places: Triple
  readonly scales: Triple
  readonly bases: Triple
}

type Triple = readonly [red: number, green: number, blue: number]

const NOWHERE: Triple = [0, 0, 0]
const INTERLEAVED = {
  channels: 3,
  stride: 3,
  places: [0, 1, 2],
  scales: [1, 1, 1],
  bases: NOWHERE,
} as const

/** Fills the result. */
function sampleInto(target: Target, image: Image, map: Affine): void {
  const shrink = Math.sqrt(Math.abs(map[0] * map[4] - map[1] * map[3]))
  const index = Math.max(0, Math.min(image.levels.length - 1, Math.floor(Math.log2(shrink) + 0.3)))
  const level = image.levels[index] ?? image
  const sx = level.width / image.width
  const sy = level.height / image.height
  const a = map[0] * sx
  const b = map[1] * sx
  const c = (map[2] + 0.5) * sx - 0.5
  const d = map[3] * sy
  const e = map[4] * sy
  const f = (map[5] + 0.5) * sy - 0.5
  const steps = Math.max(1, Math.min(4, Math.round(Math.sqrt(Math.abs(a * e - b * d)) - 0.15)))
  const share = 1 / (steps * steps)
  for (let part = 0; part < steps * steps; part++) {
    const ox = ((part % steps) + 0.5) / steps - 0.5
    const oy = (Math.floor(part / steps) + 0.5) / steps - 0.5
    const step: Affine = [a, b, c + a * ox + b * oy, d, e, f + d * ox + e * oy]
    const pass = { map: step, share, first: part === 0 }
    if (target.channels === 1) accumulateGrey(target, level, pass)
    else if (b === 0 && d === 0) accumulateStraight(target, level, pass)
    else accumulate(target, level, pass)
  }
}

/** One sample of each pixel, and its share of the whole; the first takes the place of what the result holds. */
interface Pass {
  readonly map: Affine
  readonly share: number
  readonly first: boolean
}

/** As {@link accumulate} for a map that turns nothing: what lies within the image is weighed by column and row once. */
function accumulateStraight(target: Target, level: Pixels, pass: Pass): void {
  const { result, width, height, stride, places, scales, bases } = target
  const { rgb, width: w, height: h } = level
  const { share, first } = pass
  const [a, , c, , e, f] = pass.map
  const [red, green, blue] = places
  const [byRed, byGreen, byBlue] = scales
  const [baseRed, baseGreen, baseBlue] = [bases[0] * share, bases[1] * share, bases[2] * share]
  const [left, right] = within({ first: c, step: a }, width, w)
  const [top, bottom] = within({ first: f, step: e }, height, h)
  const offsets = new Int32Array(width)
  const weights = new Float64Array(width)
  for (let x = left; x < right; x++) {
    const sx = a * x + c
    offsets[x] = 3 * (sx | 0)
    weights[x] = sx - (sx | 0)
  }
  for (let y = 0; y < height; y++) {
    if (y < top || y >= bottom) {
      accumulateEdge(target, level, pass, { y, from: 0, to: width })
      continue
    }
    const sy = e * y + f
    const row = (sy | 0) * w * 3
    const v = (sy - (sy | 0)) * share
    accumulateEdge(target, level, pass, { y, from: 0, to: left })
    for (let x = left, at = (y * width + left) * stride; x < right; x++, at += stride) {
      const p = row + (offsets[x] as number)
      const q = p + w * 3
      const u = weights[x] as number
      const w11 = u * v
      const w01 = v - w11
      const w10 = u * share - w11
      const w00 = share - w10 - v
      result[at + red] =
        (first ? 0 : (result[at + red] as number)) +
        baseRed +
        byRed *
          (w00 * (rgb[p] as number) +
            w10 * (rgb[p + 3] as number) +
            w01 * (rgb[q] as number) +
            w11 * (rgb[q + 3] as number))
      result[at + green] =
        (first ? 0 : (result[at + green] as number)) +
        baseGreen +
        byGreen *
          (w00 * (rgb[p + 1] as number) +
            w10 * (rgb[p + 4] as number) +
            w01 * (rgb[q + 1] as number) +
            w11 * (rgb[q + 4] as number))
      result[at + blue] =
        (first ? 0 : (result[at + blue] as number)) +
        baseBlue +
        byBlue *
          (w00 * (rgb[p + 2] as number) +
            w10 * (rgb[p + 5] as number) +
            w01 * (rgb[q + 2] as number) +
            w11 * (rgb[q + 5] as number))
    }
    accumulateEdge(target, level, pass, { y, from: right, to: width })
  }
}

/** The indexes of the result, of `count`, between whose neighbours in an image of `size` something can be weighed. */
function within(
  { first, step }: { first: number; step: number },
  count: number,
  size: number,
): readonly [number, number] {
  const isIn = (index: number) => {
    const at = Math.floor(step * index + first)
    return at >= 0 && at < size - 1
  }
  let [low, high] = [0, count]
  if (step > 0) {
    low = Math.max(0, Math.min(count, Math.ceil(-first / step) - 1))
    high = Math.max(low, Math.min(count, Math.floor((size - 1 - first) / step) + 2))
  } else if (step < 0) {
    low = Math.max(0, Math.min(count, Math.ceil((size - 1 - first) / step) - 1))
    high = Math.max(low, Math.min(count, Math.floor(-first / step) + 2))
  }
  while (low < high && !isIn(low)) low += 1
  while (high > low && !isIn(high - 1)) high -= 1
  return [low, high]
}

/** The pixels of one row of the result that lie within the image. */
function spanOf(
  { width }: Target,
  { width: w, height: h }: Pixels,
  { map: [a, b, c, d, e, f] }: Pass,
  y: number,
): readonly [number, number] {
  const [left, right] = within({ first: b * y + c, step: a }, width, w)
  const [above, below] = within({ first: e * y + f, step: d }, width, h)
  const from = Math.max(left, above)
  return [from, Math.max(from, Math.min(right, below))]
}

/**
 * Adds one sample to each pixel of the result. The hot loop of everything that reads an image: where it may read,
 * coordinates are not negative, and cutting their fraction off is cheaper than rounding down.
 */
function accumulate(target: Target, level: Pixels, pass: Pass): void {
  const { result, width, height, stride, places, scales, bases } = target
  const { rgb, width: w } = level
  const { share, first } = pass
  const [a, b, c, d, e, f] = pass.map
  const [red, green, blue] = places
  const [byRed, byGreen, byBlue] = scales
  const [baseRed, baseGreen, baseBlue] = [bases[0] * share, bases[1] * share, bases[2] * share]
  const row = w * 3
  for (let y = 0; y < height; y++) {
    const [from, to] = spanOf(target, level, pass, y)
    accumulateEdge(target, level, pass, { y, from: 0, to: from })
    for (let x = from, at = (y * width + from) * stride; x < to; x++, at += stride) {
      const sx = a * x + b * y + c
      const sy = d * x + e * y + f
      const x0 = sx | 0
      const y0 = sy | 0
      const u = sx - x0
      const v = (sy - y0) * share
      const w11 = u * v
      const w01 = v - w11
      const w10 = u * share - w11
      const w00 = share - w10 - v
      const p = y0 * row + x0 * 3
      const q = p + row
      result[at + red] =
        (first ? 0 : (result[at + red] as number)) +
        baseRed +
        byRed *
          (w00 * (rgb[p] as number) +
            w10 * (rgb[p + 3] as number) +
            w01 * (rgb[q] as number) +
            w11 * (rgb[q + 3] as number))
      result[at + green] =
        (first ? 0 : (result[at + green] as number)) +
        baseGreen +
        byGreen *
          (w00 * (rgb[p + 1] as number) +
            w10 * (rgb[p + 4] as number) +
            w01 * (rgb[q + 1] as number) +
            w11 * (rgb[q + 4] as number))
      result[at + blue] =
        (first ? 0 : (result[at + blue] as number)) +
        baseBlue +
        byBlue *
          (w00 * (rgb[p + 2] as number) +
            w10 * (rgb[p + 5] as number) +
            w01 * (rgb[q + 2] as number) +
            w11 * (rgb[q + 5] as number))
    }
    accumulateEdge(target, level, pass, { y, from: to, to: width })
  }
}

/** As {@link accumulate}, of how light the image is. */
function accumulateGrey(target: Target, level: Pixels, pass: Pass): void {
  const { result, width, height, scales, bases } = target
  const { width: w } = level
  const { share, first } = pass
  const [a, b, c, d, e, f] = pass.map
  const [by] = scales
  const base = bases[0] * share
  const grey = greyOf(level)
  for (let y = 0; y < height; y++) {
    const [from, to] = spanOf(target, level, pass, y)
    accumulateEdge(target, level, pass, { y, from: 0, to: from })
    for (let x = from, at = y * width + from; x < to; x++, at++) {
      const sx = a * x + b * y + c
      const sy = d * x + e * y + f
      const x0 = sx | 0
      const y0 = sy | 0
      const u = sx - x0
      const v = (sy - y0) * share
      const w11 = u * v
      const w10 = u * share - w11
      const p = y0 * w + x0
      const q = p + w
      result[at] =
        (first ? 0 : (result[at] as number)) +
        base +
        by *
          ((share - w10 - v) * (grey[p] as number) +
            w10 * (grey[p + 1] as number) +
            (v - w11) * (grey[q] as number) +
            w11 * (grey[q + 1] as number))
    }
    accumulateEdge(target, level, pass, { y, from: to, to: width })
  }
}

/** How light each pixel is, kept as long as the pixels are: many crops of one picture are read in grey. */
function greyOf(level: Pixels): Float32Array {
  const known = GREYS.get(level)
  if (known) return known
  const grey = luma(level.rgb)
  GREYS.set(level, grey)
  return grey
}

const GREYS = new WeakMap<Pixels, Float32Array>()

/** As {@link accumulate} for some pixels of one row, of which the image may show a part or nothing. */
function accumulateEdge(
  { result, width, channels, stride, places, scales, bases, outside }: Target,
  { rgb, width: w, height: h }: Pixels,
  { map: [a, b, c, d, e, f], share, first }: Pass,
  { y, from, to }: { readonly y: number; readonly from: number; readonly to: number },
): void {
  const row = w * 3
  for (let x = from; x < to; x++) {
    const at = (y * width + x) * stride
    const sx = a * x + b * y + c
    const sy = d * x + e * y + f
    const x0 = Math.floor(sx)
    const y0 = Math.floor(sy)
    const u = sx - x0
    const v = sy - y0
    const left = x0 >= 0 && x0 < w
    const right = x0 >= -1 && x0 < w - 1
    const above = y0 >= 0 && y0 < h
    const below = y0 >= -1 && y0 < h - 1
    let grey = 0
    for (let k = 0; k < 3; k++) {
      const i = y0 * row + x0 * 3 + k
      const value =
        (1 - u) * (1 - v) * (left && above ? (rgb[i] as number) : outside) +
        u * (1 - v) * (right && above ? (rgb[i + 3] as number) : outside) +
        (1 - u) * v * (left && below ? (rgb[i + row] as number) : outside) +
        u * v * (right && below ? (rgb[i + row + 3] as number) : outside)
      grey += (LUMA[k] as number) * value
      if (channels === 1) continue
      const place = at + (places[k] as number)
      const before = first ? 0 : (result[place] as number)
      result[place] = before + share * ((bases[k] as number) + (scales[k] as number) * value)
    }
    if (channels === 3) continue
    const before = first ? 0 : (result[at] as number)
    result[at] = before + share * (bases[0] + scales[0] * grey)
  }
}

/** ITU-R BT.601. */
const LUMA: Triple = [0.299, 0.587, 0.114]

/** The map that brings a rectangle of the source onto width × height pixels. */
export function rectangleMap(box: Box, toWidth: number, toHeight: number): Affine {
  const { cx, cy, width, height, angle = 0 } = box
  const cos = Math.cos(angle)
  const sin = Math.sin(angle)
  const sx = width / toWidth
  const sy = height / toHeight
  const mx = (toWidth - 1) / 2
  const my = (toHeight - 1) / 2
  return [
    cos * sx,
    -sin * sy,
    cx - 0.5 - cos * sx * mx + sin * sy * my,
    sin * sx,
    cos * sy,
    cy - 0.5 - sin * sx * mx - cos * sy * my,
  ]
}

/** The least-squares similarity from template points to image points. */
export function similarity(image: readonly Point[], template: readonly Point[]): Affine {
  const [tx, ty] = centroid(template)
  const [ix, iy] = centroid(image)
  let dot = 0
  let cross = 0
  let norm = 0
  for (const [i, [x, y]] of template.entries()) {
    const [imageX, imageY] = image[i] ?? [ix, iy]
    const px = x - tx
    const py = y - ty
    const qx = imageX - ix
    const qy = imageY - iy
    dot += px * qx + py * qy
    cross += px * qy - py * qx
    norm += px * px + py * py
  }
  const a = dot / norm
  const b = cross / norm
  return [a, -b, ix - a * tx + b * ty, b, a, iy - b * tx - a * ty]
}

/** The mean of the points. */
export function centroid(points: readonly Point[]): Point {
  let [x, y] = [0, 0]
  for (const point of points) {
    x += point[0]
    y += point[1]
  }
  return [x / points.length, y / points.length]
}

/** Puts sampled pixels into a network's layout and range. */
export function normalise(
  pixels: Float32Array,
  { layout, colour, subtract, divide }: Normalisation,
): Float32Array {
  const count = pixels.length / 3
  if (colour === 'grey') {
    const grey = new Float32Array(count)
    const [low, range] = [channelOf(subtract, 0), channelOf(divide, 0)]
    for (let i = 0; i < count; i++) {
      const luma =
        0.299 * (pixels[3 * i] as number) +
        0.587 * (pixels[3 * i + 1] as number) +
        0.114 * (pixels[3 * i + 2] as number)
      grey[i] = (luma - low) / range
    }
    return grey
  }
  const result = new Float32Array(pixels.length)
  const [first, third] = colour === 'BGR' ? [2, 0] : [0, 2]
  const [plane, stride] = layout === 'NCHW' ? [count, 1] : [1, 3]
  const [low0, low1, low2] = [0, 1, 2].map((k) => channelOf(subtract, k)) as [
    number,
    number,
    number,
  ]
  const [by0, by1, by2] = [0, 1, 2].map((k) => 1 / channelOf(divide, k)) as [number, number, number]
  for (let from = 0, to = 0; from < pixels.length; from += 3, to += stride) {
    result[to] = ((pixels[from + first] as number) - low0) * by0
    result[to + plane] = ((pixels[from + 1] as number) - low1) * by1
    result[to + 2 * plane] = ((pixels[from + third] as number) - low2) * by2
  }
  return result
}

function channelOf(value: Normalisation['subtract'], channel: number): number {
  return typeof value === 'number' ? value : (value[channel] ?? 0)
}

/** How light each pixel is, of interleaved red, green and blue in any range. ITU-R BT.601. */
export function luma(pixels: Float32Array | Uint8Array): Float32Array {
  const grey = new Float32Array(pixels.length / 3)
  for (let i = 0; i < grey.length; i++) {
    grey[i] =
      0.299 * (pixels[3 * i] as number) +
      0.587 * (pixels[3 * i + 1] as number) +
      0.114 * (pixels[3 * i + 2] as number)
  }
  return grey
}

/** The pixels with left and right exchanged. */
export function mirror(pixels: Float32Array, width: number): Float32Array {
  const result = new Float32Array(pixels.length)
  const row = width * 3
  for (let start = 0; start < pixels.length; start += row) {
    for (let x = 0; x < row; x += 3) {
      const from = start + row - 3 - x
      result[start + x] = pixels[from] as number
      result[start + x + 1] = pixels[from + 1] as number
      result[start + x + 2] = pixels[from + 2] as number
    }
  }
  return result
}
