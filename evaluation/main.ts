import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import sharp from 'sharp'
import { demoFaces } from '../demo/specimen/faces.ts'
import { detectFaces } from '../issuer/evidence/face/detect.ts'
import { decodeImage } from '../issuer/evidence/image.sharp.ts'
import { ensureModelFiles, openModel } from '../issuer/evidence/model.onnx.ts'
import type { Model } from '../issuer/evidence/model.ts'
import { modelManifest, supplyFiles } from '../issuer/evidence/model-supply.ts'
import { openReader } from '../issuer/evidence/pipeline.onnx.ts'
import { packageRoot } from '../shared/package-root.ts'
import type { Part } from './dataset.ts'
import { fusionsOf } from './fusions.ts'
import { measureBarcodes } from './measure-barcodes.ts'
import { measureCards } from './measure-cards.ts'
import { type FaceFigures, measureFaces } from './measure-faces.ts'
import { measureLiveness } from './measure-liveness.ts'
import { measurePhotographs } from './measure-photographs.ts'
import { measureQualityFaults } from './measure-quality.ts'
import { measureSigns } from './measure-signs.ts'
import { measureZones } from './measure-zones.ts'
import { type Figures, regressions, renderReport, type Tracked, trackedRates } from './report.ts'

const HELP = `npm run evaluate -- [options]

Measures every stage on named data and writes docs/accuracy.md and docs/accuracy.json.

  --only LIST      of zones, cards, signs, photographs, barcodes, faces, quality, liveness (comma
                   between)
  --row LIST       some renderings of zones (comma between)
  --clean N        clean drawings (100); --degraded N  drawings of every other kind (60)
  --cards N        cards of each kind and rendering, attacks of each kind (12)
  --part PART      reporting (default) or tuning; only reporting is written
  --manifest FILE  a manifest with other models, to see old and new side by side
  --save FILE      write the figures there and no report, for parts that run beside each other
  --merge LIST     no measuring: one report from saved figures (comma between)
  --check          write nothing; fail where a figure is worse than the committed one by more than its interval
  --dry            write nothing
  --verbose        say what was read otherwise than drawn
`
const STAGES = [
  'zones',
  'cards',
  'signs',
  'photographs',
  'barcodes',
  'faces',
  'quality',
  'liveness',
] as const

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: STAGES.join(',') },
    row: { type: 'string' },
    clean: { type: 'string', default: '100' },
    degraded: { type: 'string', default: '60' },
    cards: { type: 'string', default: '12' },
    part: { type: 'string', default: 'reporting' },
    manifest: { type: 'string', default: modelManifest },
    save: { type: 'string' },
    merge: { type: 'string' },
    check: { type: 'boolean', default: false },
    dry: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const say = (line: string) => process.stdout.write(`${line}\n`)
const elapsed = () => `${(performance.now() / 1000).toFixed(0)} s`

if (values.help) say(HELP)
else process.exitCode = await evaluate()

async function evaluate(): Promise<number> {
  const figures = values.merge
    ? await merged(values.merge.split(','))
    : await measure(new Set(values.only.split(',')))
  if (values.save) {
    await writeFile(values.save, JSON.stringify(figures))
    return 0
  }
  const report = renderReport(figures)
  const tracked = trackedRates(figures)
  const figuresFile = join(packageRoot, 'docs/accuracy.json')
  if (values.check) {
    const committed: readonly Tracked[] = JSON.parse(await readFile(figuresFile, 'utf8'))
    const worse = regressions(committed, tracked)
    for (const line of worse) say(`WORSE ${line}`)
    return worse.length > 0 ? 1 : 0
  }
  if (values.dry || values.part !== 'reporting') {
    say(report)
    return 0
  }
  await writeFile(join(packageRoot, 'docs/accuracy.md'), report)
  await writeFile(figuresFile, `${JSON.stringify(tracked, undefined, 2)}\n`)
  say(`docs/accuracy.md and docs/accuracy.json written after ${elapsed()}`)
  return 0
}

/** Whom attacks are drawn with: the faces of the demo, and where the data is there other people, each once. */
async function attackMaterial(
  folder: string,
  detector: Model,
): Promise<{ readonly font: Buffer; readonly portraits: readonly Buffer[] }> {
  const { font, portrait, otherSelfie } = await demoFaces()
  const names = existsSync(folder) ? await readdir(folder) : []
  const people = names.filter((name) => /^person-[a-z]+\.jpg$/.test(name)).sort()
  const more: Buffer[] = []
  for (const name of people)
    more.push(await likePassport(detector, await readFile(join(folder, name))))
  return { font, portraits: more.length > 0 ? [portrait, ...more] : [portrait, otherSelfie] }
}

/** A picture cut to head and shoulders, as a portrait for a document is. */
async function likePassport(detector: Model, picture: Buffer): Promise<Buffer> {
  const image = await decodeImage(picture, { longestSide: 2400 })
  const [face] = await detectFaces(detector, image)
  if (!face) throw new Error('a portrait shows no face')
  const width = Math.round(Math.min(1.75 * face.width, image.width, image.height / 1.28))
  const height = Math.floor(1.28 * width)
  const within = (start: number, size: number, limit: number) =>
    Math.round(Math.max(0, Math.min(limit - size, start)))
  const left = within(face.cx - width / 2, width, image.width)
  const top = within(face.cy - 0.5 * height, height, image.height)
  return await sharp(image.rgb, { raw: { width: image.width, height: image.height, channels: 3 } })
    .extract({ left, top, width, height })
    .jpeg({ quality: 92 })
    .toBuffer()
}

/** Saved figures of one pipeline; rows of drawings are put together. */
async function merged(files: readonly string[]): Promise<Figures> {
  const parts: Figures[] = []
  for (const file of files) parts.push(JSON.parse(await readFile(file, 'utf8')))
  const pipelines = new Set(parts.map(({ pipeline }) => pipeline))
  if (pipelines.size !== 1) throw new Error('the figures are of different pipelines')
  const zones = parts.flatMap((part) => part.zones ?? [])
  return Object.assign({}, ...parts, zones.length > 0 ? { zones } : {})
}

async function measure(stages: ReadonlySet<string>): Promise<Figures> {
  const part = values.part as Part
  const files = await ensureModelFiles({ manifest: values.manifest, report: say })
  const reader = await openReader(files, { threads: 1 })
  const { collector, models } = reader
  const report = values.verbose ? { report: say } : {}
  const figures: { -readonly [K in keyof Figures]: Figures[K] } = {
    pipeline: collector.version,
    models: collector.models,
  }
  if (stages.has('zones')) {
    const specimens = await supplyFiles('demo/specimen/manifest.json')
    const font = await readFile(specimens['font-ocr-b'] ?? '')
    const count = (name: string) => Number(name === 'clean' ? values.clean : values.degraded)
    figures.zones = await measureZones({
      models: { ...models.mrz, documentEdges: models.documentEdges },
      font,
      part,
      count,
      only: values.row,
      ...report,
    })
    say(`zones after ${elapsed()}`)
  }
  const data = join(packageRoot, '../shared/data')
  const hasData = existsSync(data)
  if (stages.has('cards')) {
    const { font, portrait } = await demoFaces()
    const count = Number(values.cards)
    figures.cards = await measureCards({ models, font, portrait, part, count, ...report })
    say(`cards after ${elapsed()}`)
  }
  if (stages.has('signs')) {
    figures.signs = await measureSigns({
      models,
      part,
      count: Number(values.cards),
      ...(await attackMaterial(join(data, 'faces/portraits'), models.faces.detector)),
      ...(hasData ? { photographs: join(data, 'mrz') } : {}),
      ...report,
    })
    say(`signs after ${elapsed()}`)
  }
  if (!hasData) {
    say('SKIPPED: ../shared/data is absent, only drawings were measured')
    return figures
  }
  if (stages.has('photographs')) {
    figures.photographs = await measurePhotographs(
      { ...models.mrz, documentEdges: models.documentEdges },
      {
        folder: join(data, 'mrz'),
        example: join(packageRoot, '../shared/examples/model-supply'),
        paths: files.paths,
      },
    )
    if (values.verbose) for (const line of figures.photographs.perFile) say(line)
    say(`photographs after ${elapsed()}`)
  }
  if (stages.has('barcodes')) {
    figures.barcodes = await measureBarcodes(join(data, 'pdf417'))
    say(`barcodes after ${elapsed()}`)
  }
  if (stages.has('faces')) {
    figures.faces = await faceFigures(join(data, 'faces'), part)
    say(`faces after ${elapsed()}`)
  }
  if (stages.has('quality')) {
    const { detector, mesh } = models.faces
    const folder = join(data, 'faces')
    figures.quality = await measureQualityFaults({ detector, mesh, folder, part })
    say(`quality after ${elapsed()}`)
  }
  if (stages.has('liveness')) {
    const { detector, presentation } = models.faces
    if (!presentation) throw new Error('the manifest uses no liveness network')
    const { box, liveness } = presentation
    const bounds = { threshold: collector.liveness.threshold, review: collector.liveness.review }
    const stills = await supplyFiles('demo/specimen/manifest.json')
    const ofSession = Object.entries(stills).filter(([name]) => name.startsWith('person-a-'))
    figures.liveness = await measureLiveness({
      faces: models.faces,
      collector,
      session: await Promise.all(ofSession.map(([, path]) => readFile(path))),
      detector,
      box,
      liveness,
      data,
      ...bounds,
    })
    say(`liveness after ${elapsed()}`)
  }
  return figures

  async function faceFigures(folder: string, of: Part): Promise<FaceFigures> {
    const { ids, fusions, used } = await fusionsOf(files)
    const embeddings = await Promise.all(ids.map((id) => openModel(files, id, { threads: 1 })))
    const groups = [1, 2, 3, 4, 5, 6]
      .map((i) => join(packageRoot, `node_modules/@vladmandic/face-api/demo/sample${i}.jpg`))
      .filter((path) => existsSync(path))
    return await measureFaces({
      detector: models.faces.detector,
      mesh: models.faces.mesh,
      embeddings,
      fusions,
      used: {
        fusion: used,
        accept: collector.faceMatch.threshold,
        review: collector.faceMatch.review,
      },
      signed: {
        accept: collector.portraitMatch.threshold,
        review: collector.portraitMatch.review,
      },
      folder,
      groups,
      part: of,
      report: say,
    })
  }
}
