import { type Box, type Image, type Point, rectangleMap } from '../image.ts'
import type { Model } from '../model.ts'
import { runOn } from '../preprocessing.ts'

/** A face in image pixels, with the eyes as the detector saw them, the person's right eye first. */
export interface FaceBox extends Box {
  readonly score: number
  readonly eyes: readonly [Point, Point]
}

const SIZE = 256
const FIRST_GRID = 512
const THRESHOLD = 0.5
const OVERLAP = 0.3
const ANCHORS: readonly Point[] = [
  ...grid({ cells: 16, perCell: 2 }),
  ...grid({ cells: 8, perCell: 6 }),
]

function grid({ cells, perCell }: { cells: number; perCell: number }): Point[] {
  return Array.from({ length: cells * cells * perCell }, (_, i): Point => {
    const cell = Math.floor(i / perCell)
    const centre = (index: number) => ((index + 0.5) / cells) * SIZE
    return [centre(cell % cells), centre(Math.floor(cell / cells))]
  })
}

/** The faces in the image, largest first. Looks at the whole image, then, finding none, at overlapping parts of it. */
export async function detectFaces(model: Model, image: Image): Promise<readonly FaceBox[]> {
  const { width, height } = image
  const size = Math.max(width, height)
  const whole = await detectFacesIn(model, image, { cx: width / 2, cy: height / 2, size })
  if (whole.length > 0) return whole
  const part = size / 2
  const found: FaceBox[] = []
  for (let cy = part / 2; cy < height; cy += part / 2) {
    for (let cx = part / 2; cx < width; cx += part / 2) {
      found.push(...(await detectFacesIn(model, image, { cx, cy, size: part })))
    }
  }
  return suppress(found, OVERLAP)
}

/** The faces in one square of the image, largest first. */
export async function detectFacesIn(
  model: Model,
  image: Image,
  { cx, cy, size }: { cx: number; cy: number; size: number },
): Promise<readonly FaceBox[]> {
  const map = rectangleMap({ cx, cy, width: size, height: size }, SIZE, SIZE)
  const outputs = await runOn(model, image, map, { width: SIZE, height: SIZE })
  const table = (rows: number, columns: number): Float32Array => {
    const found = outputs.find(({ dims }) => dims[1] === rows && dims[2] === columns)
    if (!found) throw new Error(`model ${model.id} has no ${rows} × ${columns} output`)
    return found.data
  }
  const scale = size / SIZE
  const secondGrid = ANCHORS.length - FIRST_GRID
  const scores = [table(FIRST_GRID, 1), table(secondGrid, 1)] as const
  const boxes = [table(FIRST_GRID, 16), table(secondGrid, 16)] as const
  const faces: FaceBox[] = []
  for (const [i, [anchorX, anchorY]] of ANCHORS.entries()) {
    const grid = i < FIRST_GRID ? 0 : 1
    const row = i < FIRST_GRID ? i : i - FIRST_GRID
    const score = 1 / (1 + Math.exp(-(scores[grid][row] ?? 0)))
    if (score < THRESHOLD) continue
    const values = boxes[grid].subarray(16 * row, 16 * row + 16)
    const at = (k: number) => values[k] ?? 0
    const point = (k: number): Point => [
      (at(k) + anchorX) * scale + cx - size / 2,
      (at(k + 1) + anchorY) * scale + cy - size / 2,
    ]
    const [x, y] = point(0)
    faces.push({
      score,
      cx: x,
      cy: y,
      width: at(2) * scale,
      height: at(3) * scale,
      eyes: [point(4), point(6)],
    })
  }
  return suppress(faces, OVERLAP)
}

/** Of boxes that overlap more than `limit`, the one with the best score; the rest largest first. */
export function suppress<B extends Box & { readonly score: number }>(
  boxes: readonly B[],
  limit: number,
): readonly B[] {
  const kept: B[] = []
  for (const box of [...boxes].sort((p, q) => q.score - p.score)) {
    if (kept.every((other) => overlap(box, other) < limit)) kept.push(box)
  }
  return kept.sort((p, q) => q.width - p.width)
}

function overlap(p: Box, q: Box): number {
  const common =
    extent([p.cx, p.width], [q.cx, q.width]) * extent([p.cy, p.height], [q.cy, q.height])
  return common / (p.width * p.height + q.width * q.height - common)
}

function extent([p, pSize]: Point, [q, qSize]: Point): number {
  const low = Math.max(p - pSize / 2, q - qSize / 2)
  return Math.max(0, Math.min(p + pSize / 2, q + qSize / 2) - low)
}
