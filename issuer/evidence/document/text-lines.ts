import { type Box, type Image, rectangleMap } from '../image.ts'
import type { Model } from '../model.ts'
import { runOn } from '../preprocessing.ts'

/** A line of text as a rectangle along its direction, in image pixels. */
export interface TextBox extends Box {
  readonly angle: number
}

const TEXT_PIXEL = 0.3
const TEXT_BOX = 0.4
const SMALLEST_BLOB = 10
const GROWTH = 1.8
const STRIDE = 32

/** Finds lines of text anywhere in the image. `longestSide` is what the detector sees of it. */
export async function findTextLines(
  model: Model,
  image: Image,
  { longestSide = 1280 }: { longestSide?: number } = {},
): Promise<readonly TextBox[]> {
  const shrink = Math.min(1, longestSide / Math.max(image.width, image.height))
  const toStride = (side: number) => Math.max(STRIDE, Math.round((side * shrink) / STRIDE) * STRIDE)
  const [width, height] = [toStride(image.width), toStride(image.height)]
  const whole = { cx: image.width / 2, cy: image.height / 2, ...sizeOf(image) }
  const [output] = await runOn(model, image, rectangleMap(whole, width, height), { width, height })
  if (!output) throw new Error(`model ${model.id} has no output`)
  const [sx, sy] = [image.width / width, image.height / height]
  const boxes: TextBox[] = []
  for (const blob of blobs(output.data, width, height)) {
    if (blob.length < SMALLEST_BLOB || meanOf(output.data, blob) < TEXT_BOX) continue
    const box = orientedBox(blob, width)
    boxes.push({
      cx: box.cx * sx,
      cy: box.cy * sy,
      width: box.width * sx,
      height: box.height * sy,
      angle: box.angle,
    })
  }
  return boxes
}

const sizeOf = ({ width, height }: Image) => ({ width, height })

function meanOf(map: Float32Array, indexes: Uint32Array): number {
  let sum = 0
  for (const index of indexes) sum += map[index] ?? 0
  return sum / indexes.length
}

/** Connected pixels above the threshold. Each is good until the next is asked for. */
function* blobs(map: Float32Array, width: number, height: number): Generator<Uint32Array> {
  const isNew = new Uint8Array(map.length)
  for (let i = 0; i < map.length; i++) isNew[i] = (map[i] as number) > TEXT_PIXEL ? 1 : 0
  const pixels = new Uint32Array(map.length)
  for (let start = isNew.indexOf(1); start >= 0; start = isNew.indexOf(1, start + 1)) {
    yield pixels.subarray(0, spread(isNew, { start, width, height }, pixels))
  }
}

/** Writes what is connected with a pixel into `pixels`, takes it out of the map, and says how much it is. */
function spread(
  isNew: Uint8Array,
  { start, width, height }: { start: number; width: number; height: number },
  pixels: Uint32Array,
): number {
  const last = width * (height - 1)
  let count = 1
  pixels[0] = start
  isNew[start] = 0
  for (let i = 0; i < count; i++) {
    const at = pixels[i] as number
    const x = at % width
    if (x + 1 < width && isNew[at + 1] === 1) {
      isNew[at + 1] = 0
      pixels[count++] = at + 1
    }
    if (x > 0 && isNew[at - 1] === 1) {
      isNew[at - 1] = 0
      pixels[count++] = at - 1
    }
    if (at < last && isNew[at + width] === 1) {
      isNew[at + width] = 0
      pixels[count++] = at + width
    }
    if (at >= width && isNew[at - width] === 1) {
      isNew[at - width] = 0
      pixels[count++] = at - width
    }
  }
  return count
}

/** The box along a blob's main axis, grown back to the size of the text. */
function orientedBox(pixels: Uint32Array, width: number): TextBox {
  const count = pixels.length
  let [meanX, meanY] = [0, 0]
  for (const p of pixels) {
    meanX += (p % width) / count
    meanY += Math.floor(p / width) / count
  }
  let [xx, xy, yy] = [0, 0, 0]
  for (const p of pixels) {
    const x = (p % width) - meanX
    const y = Math.floor(p / width) - meanY
    xx += x * x
    xy += x * y
    yy += y * y
  }
  const angle = 0.5 * Math.atan2(2 * xy, xx - yy)
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  let [u0, u1, v0, v1] = [Infinity, -Infinity, Infinity, -Infinity]
  for (const p of pixels) {
    const x = (p % width) - meanX
    const y = Math.floor(p / width) - meanY
    const u = x * cos + y * sin
    const v = y * cos - x * sin
    u0 = Math.min(u0, u)
    u1 = Math.max(u1, u)
    v0 = Math.min(v0, v)
    v1 = Math.max(v1, v)
  }
  const [w, h] = [u1 - u0 + 1, v1 - v0 + 1]
  const grow = (w * h * GROWTH) / (w + h)
  const [u, v] = [(u0 + u1) / 2, (v0 + v1) / 2]
  return {
    cx: meanX + u * cos - v * sin + 0.5,
    cy: meanY + u * sin + v * cos + 0.5,
    width: w + grow,
    height: h + grow,
    angle,
  }
}
