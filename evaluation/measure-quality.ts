import { join } from 'node:path'
import sharp from 'sharp'
import { detectFaces } from '../issuer/evidence/face/detect.ts'
import {
  eyeCentres,
  eyeDistance,
  findLandmarks,
  type Landmarks,
  pick,
} from '../issuer/evidence/face/landmarks.ts'
import {
  measureQuality,
  type QualityFault,
  qualityFaults,
} from '../issuer/evidence/face/quality.ts'
import { decodeImage } from '../issuer/evidence/image.sharp.ts'
import { centroid, type Image, type Point } from '../issuer/evidence/image.ts'
import type { Model } from '../issuer/evidence/model.ts'
import { dataSet, type Part, readDataSet } from './dataset.ts'
import { onCanvas } from './measure-faces.ts'
import { type Rate, rate } from './statistics.ts'

/** How often a fault is named of pictures that were given it, and of the same pictures as they were. */
export interface QualityRow {
  readonly fault: QualityFault
  readonly done: string
  readonly raised: Rate
  /** Of those in which the fault was not named, how many were refused because no face was found. */
  readonly noFace: number
  readonly raisedUnaltered: Rate
}

/** With what and on what. */
export interface QualityMeasurement {
  readonly detector: Model
  readonly mesh: Model
  readonly folder: string
  readonly part: Part
}

interface Face {
  readonly bytes: Buffer
  readonly image: Image
  readonly landmarks: Landmarks
  readonly eyes: number
  readonly faults: readonly QualityFault[]
}

type Change = (face: Face, index: number) => Promise<Buffer>

const SIDE = 1600
const SURE = 0.5

/** What is done to a picture so that it has a fault. Turned heads cannot be made from pictures of straight ones. */
const CHANGES: readonly (readonly [QualityFault, string, Change])[] = [
  ['face_too_small', 'reduced to 45 pixels between the eyes', asSmall],
  ['face_too_dark', 'a fifth of the brightness', linear(0.2, 0)],
  ['face_too_bright', 'overexposed', linear(1.3, 130)],
  ['face_flat', 'a sixth of the contrast', linear(0.16, 110)],
  ['face_blurred', 'Gaussian blur, σ 8 % of the distance between the eyes', asBlurred],
  ['face_eyes_covered', 'dark glasses, drawn, 85 to 100 % opaque', drawn(glasses)],
  ['face_mouth_covered', 'a mask, drawn in four colours', drawn(mask)],
  ['face_mouth_covered', 'a hand, drawn in the colour of the skin', drawn(hand)],
]

/** Gives pictures of faces one fault at a time and looks whether it is named. */
export async function measureQualityFaults(
  measurement: QualityMeasurement,
): Promise<{ digest: string; rows: readonly QualityRow[] }> {
  const { folder, part } = measurement
  const sets = await Promise.all(
    ['lfw', 'johns', 'portraits'].map(async (name) => {
      const { items } = await readDataSet(join(folder, name), ['.jpg', '.png'])
      return items.map((item) => ({ ...item, path: `${name}/${item.path}` }))
    }),
  )
  const { digest, items } = dataSet(sets.flat())
  const faces: Face[] = []
  for (const item of items.filter((each) => each.part === part)) {
    const face = await look(measurement, await onCanvas(item.bytes))
    if (face) faces.push(face)
  }
  const rows: QualityRow[] = []
  for (const [fault, done, change] of CHANGES) {
    const some = fault === 'face_too_small' ? faces.filter(({ eyes }) => eyes >= 60) : faces
    let [raised, noFace] = [0, 0]
    for (const [index, face] of some.entries()) {
      const changed = await look(measurement, await onCanvas(await change(face, index)))
      if (!changed) noFace += 1
      else if (changed.faults.includes(fault)) raised += 1
    }
    const unaltered = some.filter(({ faults }) => faults.includes(fault)).length
    rows.push({
      fault,
      done,
      raised: rate(raised, some.length),
      noFace,
      raisedUnaltered: rate(unaltered, some.length),
    })
  }
  return { digest, rows }
}

async function look(
  { detector, mesh }: QualityMeasurement,
  bytes: Buffer,
): Promise<Face | undefined> {
  const image = await decodeImage(bytes, { longestSide: SIDE })
  const [box] = await detectFaces(detector, image)
  if (!box) return undefined
  const landmarks = await findLandmarks(mesh, image, box)
  if (landmarks.score < SURE) return undefined
  const faults = qualityFaults(measureQuality(image, landmarks))
  return { bytes, image, landmarks, eyes: eyeDistance(landmarks.points), faults }
}

async function asSmall({ bytes, image, eyes }: Face): Promise<Buffer> {
  return await sharp(bytes)
    .resize(Math.round((image.width * 45) / eyes))
    .png()
    .toBuffer()
}

function linear(factor: number, offset: number): Change {
  return async ({ bytes }) => await sharp(bytes).linear(factor, offset).png().toBuffer()
}

async function asBlurred({ bytes, eyes }: Face): Promise<Buffer> {
  return await sharp(bytes)
    .blur(Math.max(0.5, 0.08 * eyes))
    .png()
    .toBuffer()
}

function drawn(draw: (face: Face, index: number) => string): Change {
  return async (face, index) => {
    const { width, height } = face.image
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${draw(face, index)}</svg>`
    return await sharp(face.bytes)
      .composite([{ input: Buffer.from(svg) }])
      .jpeg({ quality: 85 })
      .toBuffer()
  }
}

const coordinates = (points: readonly Point[]) =>
  points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')

function glasses({ landmarks, eyes }: Face, index: number): string {
  const colour = ['#080808', '#1a1410', '#101820', '#2a2a2a'][index % 4]
  const opacity = [1, 0.92, 0.85][index % 3]
  const centres = eyeCentres(landmarks.points)
  const lens = ([x, y]: Point) =>
    `<ellipse cx="${x}" cy="${y + 0.05 * eyes}" rx="${0.36 * eyes}" ry="${0.3 * eyes}" fill="${colour}" fill-opacity="${opacity}"/>`
  const bridge = `<polyline points="${coordinates(centres)}" stroke="${colour}" stroke-width="${0.07 * eyes}"/>`
  return centres.map(lens).join('') + bridge
}

/** From the bridge of the nose around cheeks and chin. */
const MASK_OUTLINE = [195, 117, 123, 147, 213, 136, 150, 152, 379, 365, 433, 376, 352, 346]

function mask({ landmarks, eyes }: Face, index: number): string {
  const colour = ['#9cc4dc', '#f0f0ee', '#202024', '#3a5a4a'][index % 4]
  const outline = pick(landmarks.points, MASK_OUTLINE)
  const folds = [1, 2, 3].map((fold) => {
    const ends = pick(landmarks.points, [117, 346]).map(
      ([x, y]): Point => [x, y + 0.2 * fold * eyes],
    )
    return `<polyline points="${coordinates(ends)}" stroke="#000" stroke-opacity="0.15" stroke-width="${0.02 * eyes}"/>`
  })
  return `<polygon points="${coordinates(outline)}" fill="${colour}"/>${folds.join('')}`
}

function hand({ landmarks, eyes, image }: Face): string {
  const [x, y] = centroid(pick(landmarks.points, [13, 14]))
  const [skin = [0, 0]] = pick(landmarks.points, [151])
  const at = 3 * (Math.round(skin[1]) * image.width + Math.round(skin[0]))
  const colour = [0, 1, 2].map((k) => Math.round((image.rgb[at + k] ?? 128) * 0.93)).join(',')
  const finger = (row: number) =>
    `<rect x="${x - 0.75 * eyes}" y="${y - 0.45 * eyes + row * 0.26 * eyes}" width="${1.5 * eyes}" height="${0.25 * eyes}" rx="${0.12 * eyes}" fill="rgb(${colour})" stroke="#402018" stroke-opacity="0.35" stroke-width="${0.02 * eyes}"/>`
  return [0, 1, 2, 3].map(finger).join('')
}
