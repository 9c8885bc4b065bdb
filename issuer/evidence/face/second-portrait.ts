import type { Image } from '../image.ts'
import type { Model } from '../model.ts'
import { detectFacesIn, type FaceBox } from './detect.ts'
import { embeddingOf, embedFace, type FaceTemplate } from './embed.ts'
import { eyeDistance as eyesApart, findLandmarks } from './landmarks.ts'
import { compareFaces } from './match.ts'

const SURE_FACE = 0.5
/** How large a second portrait on a document is beside the first. */
const SMALLEST = 0.35
const LARGEST = 0.75
/** Fewer pixels between its eyes say nothing: the same face is then nearly as unlike as another. */
const LEAST_EYES = 22
/** The detector sees a face of this share of a square and more. */
const SEEN_SHARE = 0.08
const SQUARES_OVERLAP = 0.2

/** A portrait that was read, and the other faces that were seen beside it. */
interface ReadPortrait {
  readonly face: FaceBox
  readonly template: FaceTemplate
  readonly eyeDistance: number
  readonly others: readonly FaceBox[]
}

/**
 * How alike the portrait and a second, much smaller one are; `undefined` where there is none that can be read. The whole
 * picture may be too coarse to see it in, so it is looked for in parts in which the smallest that is printed and can be
 * read is seen.
 */
export async function likenessOfSecond(
  {
    detector,
    mesh,
    embeddings,
  }: { readonly detector: Model; readonly mesh: Model; readonly embeddings: readonly Model[] },
  image: Image,
  portrait: ReadPortrait,
): Promise<number | undefined> {
  const { face, template, eyeDistance } = portrait
  if (LARGEST * eyeDistance < LEAST_EYES) return undefined
  const size = (face.width * Math.max(SMALLEST, LEAST_EYES / eyeDistance)) / SEEN_SHARE
  let found = portrait.others
  for (const square of size < Math.max(image.width, image.height) ? squaresOf(image, size) : []) {
    found = [...found, ...(await detectFacesIn(detector, image, square))]
  }
  const smaller = found
    .filter((other) => other.width <= LARGEST * face.width && !overlap(face, other))
    .sort((p, q) => q.width - p.width)
  for (const box of smaller) {
    const { points, score } = await findLandmarks(mesh, image, box)
    if (score < SURE_FACE) continue
    if (eyesApart(points) < LEAST_EYES) return undefined
    const second = await embedFace(embeddings, image, points)
    const models = embeddings.map((model) => ({ id: model.id, embedding: embeddingOf(model) }))
    return compareFaces(models, template, second).fused
  }
  return undefined
}

function overlap(p: FaceBox, q: FaceBox): boolean {
  const reach = (p.width + q.width) / 2
  return Math.abs(p.cx - q.cx) < reach && Math.abs(p.cy - q.cy) < 1.2 * reach
}

/** Squares of one size that cover a picture, each overlapping the next by the largest second portrait and more. */
function squaresOf({ width, height }: Image, size: number) {
  const centres = (length: number) => {
    const count = Math.max(
      1,
      Math.ceil((length - SQUARES_OVERLAP * size) / ((1 - SQUARES_OVERLAP) * size)),
    )
    const step = count > 1 ? (length - size) / (count - 1) : 0
    return Array.from({ length: count }, (_, i) => (count > 1 ? size / 2 + i * step : length / 2))
  }
  return centres(width).flatMap((cx) => centres(height).map((cy) => ({ cx, cy, size })))
}
