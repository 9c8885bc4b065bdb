import type { Image, Point } from '../image.ts'
import type { Model } from '../model.ts'
import { findQuad, findSegments } from './find-edges.ts'
import { readTextCrop, type TextAlphabet } from './recognise.ts'
import { type FlatImage, flatten, type Quad } from './rectify.ts'
import { findTextLines, type TextBox } from './text-lines.ts'

/** The networks that lay a document flat and read its printed text. */
export interface CardModels {
  readonly documentEdges: Model
  readonly textDetector: Model
  readonly textRecogniser: Model
  readonly alphabet: TextAlphabet
}

/** A document laid flat and upright, and its lines of text. */
export interface UprightCard extends FlatImage {
  readonly boxes: readonly TextBox[]
}

/** Edges that enclose less are those of a portrait or a field, not of the document. */
const LEAST_SHARE = 0.3
const SAMPLED_LINES = 6
const LINE_ASPECT = 2.5

/**
 * The corners of a document in a picture, where its edges are seen and enclose enough of the picture to be those of the
 * document.
 */
async function findDocument(model: Model, image: Image): Promise<Quad | undefined> {
  const quad = findQuad(await findSegments(model, image), image)
  return quad && shareOf(quad, image) >= LEAST_SHARE ? quad : undefined
}

/** Lays a document flat by its edges, or where they are not seen by the direction of its text, and turns it upright. */
export async function uprightCard(models: CardModels, image: Image): Promise<UprightCard> {
  let quad = (await findDocument(models.documentEdges, image)) ?? wholeOf(image)
  let flat = flatten(image, quad)
  let boxes = await findTextLines(models.textDetector, flat.image)
  const angle = angleOfText(boxes)
  if (Math.abs(Math.sin(angle)) > Math.SQRT1_2) {
    quad = turned(quad, 3)
    flat = flatten(image, quad)
    boxes = await findTextLines(models.textDetector, flat.image)
  } else if (Math.abs(angle) > 0.05) {
    quad = tilted(flat, angle)
    flat = flatten(image, quad)
    boxes = await findTextLines(models.textDetector, flat.image)
  }
  if (await isUpsideDown(models, flat.image, boxes)) {
    const { width, height } = flat.image
    flat = flatten(image, turned(quad, 2))
    boxes = boxes.map((box) => ({ ...box, cx: width - box.cx, cy: height - box.cy }))
  }
  return { ...flat, boxes: boxes.map(levelled) }
}

function shareOf(quad: Quad, { width, height }: Image): number {
  const cross = ([ax, ay]: Point, [bx, by]: Point) => ax * by - ay * bx
  const twice = quad.reduce((sum, point, i) => sum + cross(point, quad[(i + 1) % 4] ?? point), 0)
  return Math.abs(twice) / 2 / (width * height)
}

function wholeOf({ width, height }: Image): Quad {
  return [
    [0, 0],
    [width, 0],
    [width, height],
    [0, height],
  ]
}

function turned(quad: Quad, corners: number): Quad {
  const at = (i: number): Point => quad[(i + corners) % 4] ?? [0, 0]
  return [at(0), at(1), at(2), at(3)]
}

/** The picture's own rectangle along another direction, large enough to hold all of it. */
function tilted({ image, origin }: FlatImage, angle: number): Quad {
  const { width, height } = image
  const [cos, sin] = [Math.abs(Math.cos(angle)), Math.abs(Math.sin(angle))]
  const [w, h] = [(width * cos + height * sin) / 2, (width * sin + height * cos) / 2]
  const corner = (x: number, y: number): Point =>
    origin([
      width / 2 + x * Math.cos(angle) - y * Math.sin(angle),
      height / 2 + x * Math.sin(angle) + y * Math.cos(angle),
    ])
  return [corner(-w, -h), corner(w, -h), corner(w, h), corner(-w, h)]
}

/** The median direction of the lines that are clearly longer than high; 0 where there is none. */
function angleOfText(boxes: readonly TextBox[]): number {
  const angles = boxes
    .filter(({ width, height }) => width > LINE_ASPECT * height)
    .map(({ angle }) => Math.atan2(Math.sin(2 * angle), Math.cos(2 * angle)) / 2)
  const upright = angles.filter((angle) => Math.abs(angle) <= Math.PI / 4)
  const most = upright.length * 2 >= angles.length ? upright : angles.map(Math.abs)
  return [...most].sort((p, q) => p - q)[most.length >> 1] ?? 0
}

/** A recogniser is surer of text that stands upright. */
async function isUpsideDown(
  { textRecogniser, alphabet }: CardModels,
  image: Image,
  boxes: readonly TextBox[],
): Promise<boolean> {
  const longest = boxes
    .filter(({ width, height }) => width > LINE_ASPECT * height)
    .sort((p, q) => q.width - p.width)
    .slice(0, SAMPLED_LINES)
  let [upright, over] = [0, 0]
  for (const box of longest.map(levelled)) {
    const turnedBox = { ...box, angle: box.angle + Math.PI }
    upright += (await readTextCrop(textRecogniser, alphabet, image, box)).confidence
    over += (await readTextCrop(textRecogniser, alphabet, image, turnedBox)).confidence
  }
  return over > upright
}

/** Text on a flat card lies along its rows: a box that seems to stand is a single letter. */
function levelled(box: TextBox): TextBox {
  const angle = Math.atan2(Math.sin(2 * box.angle), Math.cos(2 * box.angle)) / 2
  if (Math.abs(angle) < 0.3 && box.width > LINE_ASPECT * box.height) return { ...box, angle }
  if (Math.abs(angle) < Math.PI / 4) return { ...box, angle: 0 }
  return { ...box, width: box.height, height: box.width, angle: 0 }
}
