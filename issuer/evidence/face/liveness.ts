import { type Box, type Image, mirror, normalise, rectangleMap, sample } from '../image.ts'
import type { Model } from '../model.ts'
import { inputOf, runOn } from '../preprocessing.ts'
import { type FaceBox, suppress } from './detect.ts'

/** The networks that tell a live face from a picture of one: the box that the second was trained around, and it. */
export interface PresentationModels {
  readonly box: Model
  readonly liveness: Model
}

const BOX_WIDTH = 320
const BOX_HEIGHT = 240
const BOX_THRESHOLD = 0.6
const BOX_OVERLAP = 0.4
const NEAR = 0.6
const CROP = 128
const CROP_SCALES = [2, 2.7, 3.5]

/**
 * How live the face in a still looks, 0 to 1: the least of three crops, each averaged with its mirror image. It knows
 * nothing of masks, and an injected or generated picture of good quality passes it.
 */
export async function livenessOf(
  models: PresentationModels,
  image: Image,
  face: FaceBox,
): Promise<number> {
  const near = (box: Box) => Math.hypot(box.cx - face.cx, box.cy - face.cy) < face.width * NEAR
  const box = (await livenessBoxes(models.box, image)).find(near) ?? face
  let least = 1
  for (const scale of CROP_SCALES) {
    const crop = sample(image, cropMap(image, box, scale), CROP, CROP)
    const straight = await liveProbability(models.liveness, crop)
    const flipped = await liveProbability(models.liveness, mirror(crop, CROP))
    least = Math.min(least, (straight + flipped) / 2)
  }
  return least
}

/** The crop around a box that lies within the image. */
function cropMap(image: Image, { cx, cy, width, height }: Box, wanted: number) {
  const scale = Math.min(wanted, (image.width - 1) / width, (image.height - 1) / height)
  const [w, h] = [width * scale, height * scale]
  const within = (centre: number, size: number, limit: number) =>
    Math.min(Math.max(centre, size / 2), limit - size / 2)
  return rectangleMap(
    { cx: within(cx, w, image.width), cy: within(cy, h, image.height), width: w, height: h },
    CROP,
    CROP,
  )
}

async function liveProbability(model: Model, pixels: Float32Array): Promise<number> {
  const data = normalise(pixels, inputOf(model))
  const [output] = await model.run({ dims: [1, 3, CROP, CROP], data })
  const logits = output?.data ?? new Float32Array([0, 1])
  const peak = Math.max(...logits)
  const exponents = Array.from(logits, (logit) => Math.exp(logit - peak))
  return (exponents[0] ?? 0) / exponents.reduce((sum, value) => sum + value)
}

/** The boxes that the liveness network was trained around, largest first. */
async function livenessBoxes(
  model: Model,
  image: Image,
): Promise<readonly (Box & { readonly score: number })[]> {
  const size = Math.max(image.width / BOX_WIDTH, image.height / BOX_HEIGHT)
  const [w, h] = [BOX_WIDTH * size, BOX_HEIGHT * size]
  const map = rectangleMap({ cx: w / 2, cy: h / 2, width: w, height: h }, BOX_WIDTH, BOX_HEIGHT)
  const area = { width: BOX_WIDTH, height: BOX_HEIGHT, outside: 127 }
  const outputs = await runOn(model, image, map, area)
  const scores = outputs.find(({ dims }) => dims[2] === 2)?.data
  const boxes = outputs.find(({ dims }) => dims[2] === 4)?.data
  if (!scores || !boxes) throw new Error(`model ${model.id} has unexpected outputs`)
  const found: (Box & { score: number })[] = []
  for (let i = 0; i < scores.length / 2; i++) {
    const score = scores[2 * i + 1] ?? 0
    if (score < BOX_THRESHOLD) continue
    const at = (k: number) => (boxes[4 * i + k] ?? 0) * (k % 2 === 0 ? w : h)
    const [left, top, right, bottom] = [at(0), at(1), at(2), at(3)]
    found.push({
      score,
      cx: (left + right) / 2,
      cy: (top + bottom) / 2,
      width: right - left,
      height: bottom - top,
    })
  }
  return suppress(found, BOX_OVERLAP)
}
