import { join } from 'node:path'
import sharp from 'sharp'
import { type Collector, clipWarnings, judgeClip } from '../issuer/evidence/collect.ts'
import type { WarningCode } from '../issuer/evidence/evidence.ts'
import type { FrameReading } from '../issuer/evidence/face/clip.ts'
import { detectFaces } from '../issuer/evidence/face/detect.ts'
import { livenessOf } from '../issuer/evidence/face/liveness.ts'
import { decodeImage } from '../issuer/evidence/image.sharp.ts'
import type { Model } from '../issuer/evidence/model.ts'
import { type FaceModels, readFrameImage } from '../issuer/evidence/read-images.ts'
import { dataSet, type Item, readDataSet } from './dataset.ts'
import { type Rate, rate } from './statistics.ts'

/** Passive liveness of one kind of picture: how many pass, how many are below review. */
export interface LivenessRow {
  readonly kind: 'bona fide' | 'attack' | 'synthetic attack'
  readonly name: string
  readonly scores: number
  readonly passed: Rate
  readonly belowReview: Rate
}

/** What is measured and with what. */
export interface LivenessMeasurement {
  readonly faces: FaceModels
  readonly collector: Collector
  /** Stills of one recording session. */
  readonly session: readonly Buffer[]
  readonly detector: Model
  readonly box: Model
  readonly liveness: Model
  readonly data: string
  readonly threshold: number
  readonly review: number
}

const SIDE = 1600

/** Scores bona fide pictures, real attacks by class, and recaptures that are made here and called synthetic. */
export async function measureLiveness(
  measurement: LivenessMeasurement,
): Promise<{ digest: string; rows: readonly LivenessRow[]; clips: readonly ClipRow[] }> {
  const { data } = measurement
  const portraits = (await readDataSet(join(data, 'faces/portraits'), ['.jpg'])).items
  const attacks = (await readDataSet(join(data, 'pad'), ['.jpg'])).items
  const documents = (await readDataSet(join(data, 'mrz'), ['.jpg', '.png'])).items
  const { digest } = dataSet([...portraits, ...attacks, ...documents])
  const named = (items: readonly Item[], part: string) =>
    items.filter(({ path }) => path.includes(part)).map(({ bytes }) => bytes)
  const bona = portraits.map(({ bytes }) => bytes)
  const kinds: readonly [LivenessRow['kind'], string, readonly Buffer[]][] = [
    ['bona fide', 'portraits and a selfie', [...bona, ...named(attacks, 'T1')]],
    ['attack', 'print', named(attacks, 'F1')],
    ['attack', 'screen', named(attacks, 'F2')],
    ['attack', 'portrait printed in a document', documents.map(({ bytes }) => bytes)],
    ['synthetic attack', 'screen: moiré, bezel, cast', await Promise.all(bona.map(asScreen))],
    ['synthetic attack', 'print: halftone, paper, pale', await Promise.all(bona.map(asPrint))],
  ]
  const rows: LivenessRow[] = []
  for (const [kind, name, pictures] of kinds) {
    const scores: number[] = []
    for (const picture of pictures) {
      const score = await scoreOf(measurement, picture)
      if (score !== undefined) scores.push(score)
    }
    const passed = scores.filter((score) => score >= measurement.threshold).length
    const below = scores.filter((score) => score < measurement.review).length
    rows.push({
      kind,
      name,
      scores: scores.length,
      passed: rate(passed, scores.length),
      belowReview: rate(below, scores.length),
    })
  }
  return { digest, rows, clips: await measureClips(measurement, bona) }
}

/** Clips of one class: how many get the warning that is meant for it, and how many any. */
export interface ClipRow {
  readonly name: string
  readonly done: string
  readonly code: WarningCode | undefined
  readonly warned: Rate
  readonly any: Rate
}

const FRAMES = 5

async function measureClips(
  { faces, collector, session }: LivenessMeasurement,
  portraits: readonly Buffer[],
): Promise<readonly ClipRow[]> {
  const read = async (bytes: Buffer): Promise<FrameReading | undefined> => {
    const image = await decodeImage(bytes, { longestSide: 1280 })
    return await readFrameImage(faces, image).catch(() => undefined)
  }
  const readAll = async (some: readonly Buffer[]): Promise<readonly FrameReading[]> => {
    const frames: FrameReading[] = []
    for (const bytes of some) {
      const frame = await read(bytes)
      if (frame) frames.push(frame)
    }
    return frames
  }
  const own = await readAll(session)
  const choose = (start: number, count = FRAMES) =>
    Array.from({ length: count }, (_, i) => own[(start + i) % own.length]).flatMap((frame) =>
      frame ? [frame] : [],
    )
  const starts = own.map((_, start) => start)
  const moved: (readonly FrameReading[])[] = []
  for (const portrait of portraits) {
    const frames = await readAll(
      await Promise.all([0, 1, 2, 3, 4].map((i) => asMoved(portrait, i))),
    )
    if (frames.length >= 3) moved.push(frames)
  }
  const strangers = moved.flatMap(([first]) => (first ? [first] : []))
  const classes: readonly (readonly [
    Omit<ClipRow, 'warned' | 'any'>,
    readonly (readonly FrameReading[])[],
  ])[] = [
    [
      { name: 'bona fide', done: 'stills of one session', code: undefined },
      starts.map((start) => choose(start)),
    ],
    [
      {
        name: 'synthetic: a loop is injected',
        done: 'three frames, then the first two again',
        code: 'clip_frames_repeated',
      },
      starts.map((start) => [...choose(start, 3), ...choose(start, 2)]),
    ],
    [
      {
        name: 'synthetic: another face is spliced in',
        done: 'one frame of a stranger',
        code: 'clip_person_differs',
      },
      strangers.map((stranger, i) => [...choose(i, 4), stranger]),
    ],
    [
      {
        name: 'synthetic: a photograph is moved',
        done: 'one portrait, turned, stretched and sheared by up to 8 %',
        code: 'clip_without_motion',
      },
      moved,
    ],
  ]
  return classes.map(([row, clips]) => {
    const codes = clips.map((frames) => clipCodes(collector, frames))
    const { code } = row
    const warned = codes.filter((each) => code !== undefined && each.includes(code)).length
    const any = codes.filter((each) => each.length > 0).length
    return { ...row, warned: rate(warned, codes.length), any: rate(any, codes.length) }
  })
}

function clipCodes(collector: Collector, frames: readonly FrameReading[]): readonly WarningCode[] {
  const [first] = frames
  if (!first) return []
  return clipWarnings(judgeClip(collector, first.face, frames)).map(({ code }) => code)
}

async function asMoved(portrait: Buffer, index: number): Promise<Buffer> {
  const map: [number, number, number, number] = [
    1 + 0.05 * Math.sin(index),
    0.06 * Math.sin(2 * index + 1),
    0.06 * Math.cos(3 * index),
    1 + 0.08 * Math.cos(1.3 * index),
  ]
  return await sharp(portrait).affine(map, { background: '#888' }).jpeg({ quality: 85 }).toBuffer()
}

async function scoreOf(
  { detector, box, liveness }: LivenessMeasurement,
  bytes: Buffer,
): Promise<number | undefined> {
  const image = await decodeImage(bytes, { longestSide: SIDE }).catch(() => undefined)
  const [face] = image ? await detectFaces(detector, image) : []
  return image && face ? await livenessOf({ box, liveness }, image, face) : undefined
}

async function asScreen(bytes: Buffer): Promise<Buffer> {
  const width = 700
  const shown = await sharp(bytes)
    .resize({ width })
    .modulate({ brightness: 1.08, saturation: 1.15 })
    .tint({ r: 235, g: 240, b: 255 })
    .png()
    .toBuffer()
  const { height = 0 } = await sharp(shown).metadata()
  const stripes = Array.from(
    { length: Math.ceil(height / 3.1) },
    (_, i) => `<rect y="${(i * 3.1).toFixed(1)}" width="100%" height="1.3"/>`,
  )
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><g fill="#000" fill-opacity=".22" transform="rotate(1.7)">${stripes.join('')}</g></svg>`
  return await sharp(shown)
    .composite([{ input: Buffer.from(svg) }])
    .extend({ top: 60, bottom: 60, left: 40, right: 40, background: '#101012' })
    .extend({ top: 80, bottom: 80, left: 120, right: 120, background: '#8a8378' })
    .blur(0.7)
    .jpeg({ quality: 80 })
    .toBuffer()
}

async function asPrint(bytes: Buffer): Promise<Buffer> {
  const width = 640
  const printed = await sharp(bytes)
    .resize({ width })
    .modulate({ saturation: 0.65 })
    .linear(0.7, 50)
    .png()
    .toBuffer()
  const { height = 0 } = await sharp(printed).metadata()
  const dots: string[] = []
  for (let y = 0; y < height; y += 4) {
    for (let x = (y / 4) % 2 === 0 ? 0 : 2; x < width; x += 4) {
      dots.push(`M${x} ${y}h1.6v1.6h-1.6z`)
    }
  }
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><path fill="#fff" fill-opacity=".25" d="${dots.join('')}"/></svg>`
  return await sharp(printed)
    .composite([{ input: Buffer.from(svg) }])
    .extend({ top: 30, bottom: 30, left: 30, right: 30, background: '#f4f1ea' })
    .extend({ top: 90, bottom: 90, left: 140, right: 140, background: '#6d655b' })
    .blur(0.8)
    .jpeg({ quality: 80 })
    .toBuffer()
}
