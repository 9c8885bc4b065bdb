import { join } from 'node:path'
import sharp from 'sharp'
import { detectFaces } from '../issuer/evidence/face/detect.ts'
import { embeddingOf, embedFace, type FaceTemplate } from '../issuer/evidence/face/embed.ts'
import { eyeDistance, findLandmarks } from '../issuer/evidence/face/landmarks.ts'
import { compareFaces, type MatchModel } from '../issuer/evidence/face/match.ts'
import { decodeImage } from '../issuer/evidence/image.sharp.ts'
import type { Image } from '../issuer/evidence/image.ts'
import type { Model } from '../issuer/evidence/model.ts'
import { dataSet, type Item, type Part, readDataSet } from './dataset.ts'
import { type Rate, rate } from './statistics.ts'

/** The networks that are compared, and the sets of them whose scores are summed. */
export interface FaceMeasurement {
  readonly detector: Model
  readonly mesh: Model
  readonly embeddings: readonly Model[]
  /** Named sets of model ids. */
  readonly fusions: Readonly<Record<string, readonly string[]>>
  /** The set that the pipeline uses, and its thresholds. */
  readonly used: { readonly fusion: string; readonly accept: number; readonly review: number }
  /** Thresholds against a portrait that an issuer signed. */
  readonly signed: { readonly accept: number; readonly review: number }
  readonly folder: string
  /** Photographs of several people who are strangers to each other. */
  readonly groups: readonly string[]
  readonly part: Part
  readonly report: (line: string) => void
}

/** One network or fused set on pairs of one part. */
export interface FaceRow {
  readonly name: string
  /** Score at which at most one impostor pair in a thousand passes. */
  readonly threshold: number
  readonly falseMatch: Rate
  readonly falseNonMatch: Rate
  readonly equalError: number
}

/** Everything that is measured of faces. */
export interface FaceFigures {
  readonly digest: string
  readonly images: number
  readonly undetected: number
  readonly rows: readonly FaceRow[]
  /** The same with tuning and reporting part together, because one part alone carries few impostor pairs. */
  readonly bothParts: readonly FaceRow[]
  /** At the thresholds of the pipeline. */
  readonly operating: {
    readonly accepted: Rate
    readonly genuineAccepted: Rate
    readonly genuineLow: Rate
  }
  readonly relatives: {
    readonly pairs: number
    readonly accepted: Rate
    readonly review: Rate
    readonly highest: number
  }
  readonly strangers: {
    readonly pairs: number
    readonly accepted: Rate
    readonly review: Rate
    readonly highest: number
  }
  readonly portraits: readonly {
    readonly level: string
    readonly pairs: number
    readonly genuineAccepted: Rate
    readonly genuineLow: Rate
    readonly falseAccepted: Rate
    /** Every network and fused set on these pairs, each at its own threshold for one false match in a thousand. */
    readonly rows: readonly FaceRow[]
  }[]
}

interface Face {
  readonly person: string
  readonly group: string
  readonly part: Part
  readonly image: Image
  readonly bytes: Buffer
  readonly eyes: number
  readonly template: FaceTemplate
}

const SIDE = 1600
const CANVAS = 320

/** Compares every face with every other. */
export async function measureFaces(measurement: FaceMeasurement): Promise<FaceFigures> {
  const { folder, part, fusions, used, report } = measurement
  const sets = await Promise.all(
    ['lfw', 'johns', 'families', 'portraits'].map(async (name) => {
      const { items } = await readDataSet(join(folder, name), ['.jpg', '.png'])
      return items.map((item) => ({ ...item, path: `${name}/${item.path}` }))
    }),
  )
  const { digest, items } = dataSet(sets.flat())
  const faces: Face[] = []
  for (const item of items) {
    const face = await readFace(measurement, item)
    if (face) faces.push(face)
  }
  report(`faces: ${faces.length} of ${items.length}`)
  const models = new Map(measurement.embeddings.map((model) => [model.id, embeddingOf(model)]))
  const matchModels = (ids: readonly string[]): readonly MatchModel[] =>
    ids.flatMap((id) => {
      const embedding = models.get(id)
      return embedding ? [{ id, embedding }] : []
    })
  const inPart = faces.filter((face) => face.part === part)
  const rowsOf = (some: readonly Face[]) =>
    Object.entries(fusions).map(([name, ids]) => rowOf(name, scoresOf(some, matchModels(ids))))
  const chosen = matchModels(fusions[used.fusion] ?? [])
  const operating = scoresOf(inPart, chosen)
  const families = pairsOf(faces.filter(({ group }) => group === 'families'))
    .filter(([p, q]) => p.person !== q.person)
    .map(([p, q]) => compareFaces(chosen, p.template, q.template).fused)
  const strangers = await strangerScores(measurement, chosen)
  const within = (scores: readonly number[]) => ({
    pairs: scores.length,
    accepted: rate(scores.filter((score) => score >= used.accept).length, scores.length),
    review: rate(
      scores.filter((score) => score < used.accept && score >= used.review).length,
      scores.length,
    ),
    highest: Math.max(...scores),
  })
  return {
    digest,
    images: items.length,
    undetected: items.length - faces.length,
    rows: rowsOf(inPart),
    bothParts: rowsOf(faces),
    operating: {
      accepted: share(operating.impostor, (score) => score >= used.accept),
      genuineAccepted: share(operating.genuine, (score) => score >= used.accept),
      genuineLow: share(operating.genuine, (score) => score < used.review),
    },
    relatives: within(families),
    strangers: within(strangers),
    portraits: await measurePortraits(measurement, faces, matchModels),
  }
}

const share = (scores: readonly number[], test: (score: number) => boolean) =>
  rate(scores.filter(test).length, scores.length)

async function readFace(
  { detector, mesh, embeddings }: FaceMeasurement,
  item: Pick<Item, 'path' | 'part' | 'bytes'>,
): Promise<Face | undefined> {
  const image = await decodeImage(await onCanvas(item.bytes), { longestSide: SIDE })
  const [box] = await detectFaces(detector, image)
  if (!box) return undefined
  const { points } = await findLandmarks(mesh, image, box)
  return {
    person: personOf(item.path),
    group: item.path.split('/')[0] ?? '',
    part: item.part,
    image,
    bytes: item.bytes,
    eyes: eyeDistance(points),
    template: await embedFace(embeddings, image, points),
  }
}

/** A crop that is smaller than what is accepted is laid on a grey ground; its pixels stay as they are. */
export async function onCanvas(bytes: Buffer): Promise<Buffer> {
  const { width = 0, height = 0 } = await sharp(bytes).metadata()
  if (Math.min(width, height) >= CANVAS) return bytes
  const [x, y] = [Math.max(0, CANVAS - width), Math.max(0, CANVAS - height)]
  return await sharp(bytes)
    .extend({
      left: x >> 1,
      right: x - (x >> 1),
      top: y >> 1,
      bottom: y - (y >> 1),
      background: '#808080',
    })
    .png()
    .toBuffer()
}

/** Sets name people by folder or file; the portraits name some, and of the others no pair is made. */
function personOf(path: string): string {
  const [group = '', ...rest] = path.split('/')
  if (rest.length > 1) return `${group}/${rest[0]}`
  return `${group}/${(rest[0] ?? '').replace(/[-_]?\d*\.\w+$/, '')}`
}

function pairsOf(faces: readonly Face[]): readonly (readonly [Face, Face])[] {
  return faces.flatMap((p, i) => faces.slice(i + 1).map((q): readonly [Face, Face] => [p, q]))
}

/** Of the portraits nobody says who is who: they are strangers to the other sets, and nothing to each other. */
function isKnown([p, q]: readonly [Face, Face]): boolean {
  return p.group !== 'portraits' || q.group !== 'portraits'
}

interface Scores {
  readonly genuine: readonly number[]
  readonly impostor: readonly number[]
}

function scoresOf(faces: readonly Face[], models: readonly MatchModel[]): Scores {
  const genuine: number[] = []
  const impostor: number[] = []
  for (const [p, q] of pairsOf(faces).filter(isKnown)) {
    const { fused } = compareFaces(models, p.template, q.template)
    if (p.person === q.person) genuine.push(fused)
    else impostor.push(fused)
  }
  return { genuine, impostor }
}

function rowOf(name: string, { genuine, impostor }: Scores): FaceRow {
  const falling = [...impostor].sort((p, q) => q - p)
  const allowed = Math.floor(impostor.length / 1000)
  const threshold = falling[allowed] ?? Number.NEGATIVE_INFINITY
  const thresholds = [...genuine, ...impostor]
  const errors = thresholds.map((t) => {
    const miss = genuine.filter((score) => score < t).length / genuine.length
    const pass = impostor.filter((score) => score >= t).length / impostor.length
    return { gap: Math.abs(miss - pass), error: (miss + pass) / 2 }
  })
  const equal = errors.reduce((best, each) => (each.gap < best.gap ? each : best), {
    gap: 2,
    error: 1,
  })
  return {
    name,
    threshold,
    falseMatch: share(impostor, (score) => score > threshold),
    falseNonMatch: share(genuine, (score) => score <= threshold),
    equalError: equal.error,
  }
}

/** Strangers of one photograph share light, camera and often age: the hardest impostors there are. */
async function strangerScores(
  { detector, mesh, embeddings, groups }: FaceMeasurement,
  models: readonly MatchModel[],
): Promise<readonly number[]> {
  const scores: number[] = []
  for (const path of groups) {
    const image = await decodeImage(await sharp(path).toBuffer(), { longestSide: SIDE })
    const templates: FaceTemplate[] = []
    for (const box of await detectFaces(detector, image)) {
      const { points, score } = await findLandmarks(mesh, image, box)
      if (score >= 0.5) templates.push(await embedFace(embeddings, image, points))
    }
    for (const [i, p] of templates.entries()) {
      for (const q of templates.slice(i + 1)) scores.push(compareFaces(models, p, q).fused)
    }
  }
  return scores
}

const LEVELS = [
  { level: 'signed by an issuer', eyes: 60, saturation: 1, lines: 0, quality: 70 },
  { level: 'light', eyes: 60, saturation: 0.9, lines: 0.04, quality: 75 },
  { level: 'medium', eyes: 45, saturation: 0.4, lines: 0.08, quality: 60 },
  { level: 'heavy', eyes: 32, saturation: 0, lines: 0.12, quality: 45 },
] as const

/** Every selfie against every portrait as a document would show it: smaller, paler, behind security printing, in JPEG. */
async function measurePortraits(
  measurement: FaceMeasurement,
  faces: readonly Face[],
  modelsOf: (ids: readonly string[]) => readonly MatchModel[],
): Promise<FaceFigures['portraits']> {
  const { part, fusions } = measurement
  const probes = faces.filter((face) => face.part === part)
  const rows: FaceFigures['portraits'][number][] = []
  for (const level of LEVELS) {
    const used = level.level === 'signed by an issuer' ? measurement.signed : measurement.used
    const sets = Object.entries(fusions).map(([name, ids]) => ({
      name,
      models: modelsOf(ids),
      genuine: [] as number[],
      impostor: [] as number[],
    }))
    for (const face of probes.filter(({ eyes }) => eyes >= 40)) {
      const bytes = await degradedPortrait(face, level)
      const portrait = await readFace(measurement, { path: face.person, part, bytes })
      if (!portrait) continue
      for (const probe of probes) {
        if (probe === face || !isKnown([probe, face])) continue
        for (const { models, genuine, impostor } of sets) {
          const { fused } = compareFaces(models, portrait.template, probe.template)
          if (probe.person === face.person) genuine.push(fused)
          else impostor.push(fused)
        }
      }
    }
    const { genuine = [], impostor = [] } =
      sets.find(({ name }) => name === measurement.used.fusion) ?? {}
    rows.push({
      level: level.level,
      pairs: genuine.length,
      genuineAccepted: share(genuine, (score) => score >= used.accept),
      genuineLow: share(genuine, (score) => score < used.review),
      falseAccepted: share(impostor, (score) => score >= used.accept),
      rows: sets.map(({ name, ...scores }) => rowOf(name, scores)),
    })
  }
  return rows
}

async function degradedPortrait(
  { bytes, eyes }: Face,
  { eyes: wanted, saturation, lines, quality }: (typeof LEVELS)[number],
): Promise<Buffer> {
  const { width = 0 } = await sharp(bytes).metadata()
  const scale = Math.min(1, wanted / eyes)
  const small = await sharp(bytes)
    .resize(Math.max(32, Math.round(width * scale)))
    .modulate({ saturation })
    .png()
    .toBuffer()
  const { width: w = 0, height: h = 0 } = await sharp(small).metadata()
  const waves = Array.from({ length: Math.ceil(h / 4) + 2 }, (_, row) => {
    const points = Array.from({ length: Math.ceil(w / 3) + 1 }, (_, x) => {
      const y = row * 4 + 2.5 * Math.sin(x / 4 + row * 0.7)
      return `${x * 3},${y.toFixed(1)}`
    })
    return `<polyline points="${points.join(' ')}"/>`
  })
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}"><g fill="none" stroke="#2a6a80" stroke-width="1" stroke-opacity="${lines * 3}">${waves.join('')}</g></svg>`
  return await sharp(small)
    .composite([{ input: Buffer.from(svg) }])
    .removeAlpha()
    .jpeg({ quality })
    .toBuffer()
}
