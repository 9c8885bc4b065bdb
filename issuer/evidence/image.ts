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
  const result = new Float32Array(width * height * 3)
  const steps = Math.max(1, Math.min(4, Math.round(Math.sqrt(Math.abs(a * e - b * d)) - 0.15)))
  const share = 1 / (steps * steps)
  const target = { result, width, height, share, outside }
  for (let part = 0; part < steps * steps; part++) {
    const ox = ((part % steps) + 0.5) / steps - 0.5
    const oy = (Math.floor(part / steps) + 0.5) / steps - 0.5
    const step: Affine = [a, b, c + a * ox + b * oy, d, e, f + d * ox + e * oy]
    if (b === 0 && d === 0) accumulateStraight(target, level, step)
    else accumulate(target, level, step, { left: 0, top: 0, right: width, bottom: height })
  }
  return result
}

interface Target {
  readonly result: Float32Array
  readonly width: number
  readonly height: number
  readonly share: number
  readonly outside: number
}

/** Pixels of the result, from the first that is in it to the first that is not. */
interface Region {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

/** As {@link accumulate} for a map that turns nothing: what lies within the image is weighed by column and row once. */
function accumulateStraight(target: Target, level: Pixels, map: Affine): void {
  const { result, width, height, share } = target
  const { rgb, width: w, height: h } = level
  const [a, , c, , e, f] = map
  const [left, right] = within({ first: c, step: a }, width, w)
  const [top, bottom] = within({ first: f, step: e }, height, h)
  const offsets = new Int32Array(width)
  const weights = new Float64Array(width)
  for (let x = left; x < right; x++) {
    const sx = a * x + c
    offsets[x] = 3 * Math.floor(sx)
    weights[x] = sx - Math.floor(sx)
  }
  for (let y = top; y < bottom; y++) {
    const sy = e * y + f
    const row = Math.floor(sy) * w * 3
    const v = (sy - Math.floor(sy)) * share
    for (let x = left, at = (y * width + left) * 3; x < right; x++, at += 3) {
      const p = row + (offsets[x] as number)
      const q = p + w * 3
      const u = weights[x] as number
      const w11 = u * v
      const w01 = v - w11
      const w10 = u * share - w11
      const w00 = share - w10 - v
      result[at] =
        (result[at] as number) +
        w00 * (rgb[p] as number) +
        w10 * (rgb[p + 3] as number) +
        w01 * (rgb[q] as number) +
        w11 * (rgb[q + 3] as number)
      result[at + 1] =
        (result[at + 1] as number) +
        w00 * (rgb[p + 1] as number) +
        w10 * (rgb[p + 4] as number) +
        w01 * (rgb[q + 1] as number) +
        w11 * (rgb[q + 4] as number)
      result[at + 2] =
        (result[at + 2] as number) +
        w00 * (rgb[p + 2] as number) +
        w10 * (rgb[p + 5] as number) +
        w01 * (rgb[q + 2] as number) +
        w11 * (rgb[q + 5] as number)
    }
  }
  accumulate(target, level, map, { left: 0, top: 0, right: width, bottom: top })
  accumulate(target, level, map, { left: 0, top: bottom, right: width, bottom: height })
  accumulate(target, level, map, { left: 0, top, right: left, bottom })
  accumulate(target, level, map, { left: right, top, right: width, bottom })
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
  let low = 0
  while (low < count && !isIn(low)) low += 1
  let high = count
  while (high > low && !isIn(high - 1)) high -= 1
  return [low, high]
}

/** Adds one sample to each pixel of a region of the result. The hot loop of everything that reads an image. */
function accumulate(
  { result, width, share, outside }: Target,
  { rgb, width: w, height: h }: Pixels,
  [a, b, c, d, e, f]: Affine,
  { left: fromX, top: fromY, right: toX, bottom: toY }: Region,
): void {
  const beyond = outside * share
  const row = w * 3
  for (let y = fromY; y < toY; y++) {
    let at = (y * width + fromX) * 3
    let sx = a * fromX + b * y + c
    let sy = d * fromX + e * y + f
    for (let x = fromX; x < toX; x++, at += 3, sx += a, sy += d) {
      const x0 = Math.floor(sx)
      const y0 = Math.floor(sy)
      if (x0 < -1 || y0 < -1 || x0 >= w || y0 >= h) {
        result[at] = (result[at] as number) + beyond
        result[at + 1] = (result[at + 1] as number) + beyond
        result[at + 2] = (result[at + 2] as number) + beyond
        continue
      }
      const u = sx - x0
      const v = sy - y0
      const w11 = u * v * share
      const w01 = v * share - w11
      const w10 = u * share - w11
      const w00 = share - w10 - w01 - w11
      if (x0 >= 0 && y0 >= 0 && x0 < w - 1 && y0 < h - 1) {
        const p = y0 * row + x0 * 3
        const q = p + row
        result[at] =
          (result[at] as number) +
          w00 * (rgb[p] as number) +
          w10 * (rgb[p + 3] as number) +
          w01 * (rgb[q] as number) +
          w11 * (rgb[q + 3] as number)
        result[at + 1] =
          (result[at + 1] as number) +
          w00 * (rgb[p + 1] as number) +
          w10 * (rgb[p + 4] as number) +
          w01 * (rgb[q + 1] as number) +
          w11 * (rgb[q + 4] as number)
        result[at + 2] =
          (result[at + 2] as number) +
          w00 * (rgb[p + 2] as number) +
          w10 * (rgb[p + 5] as number) +
          w01 * (rgb[q + 2] as number) +
          w11 * (rgb[q + 5] as number)
        continue
      }
      const left = x0 >= 0
      const right = x0 < w - 1
      const above = y0 >= 0
      const below = y0 < h - 1
      const p = y0 * row + x0 * 3
      for (let k = 0; k < 3; k++) {
        const i = p + k
        result[at + k] =
          (result[at + k] as number) +
          w00 * (left && above ? (rgb[i] as number) : outside) +
          w10 * (right && above ? (rgb[i + 3] as number) : outside) +
          w01 * (left && below ? (rgb[i + row] as number) : outside) +
          w11 * (right && below ? (rgb[i + row + 3] as number) : outside)
      }
    }
  }
}

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
export function luma(pixels: Float32Array): Float32Array {
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
