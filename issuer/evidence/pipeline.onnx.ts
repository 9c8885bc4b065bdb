import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { NumericDate } from '../../shared/clock.ts'
import { sha256Hex } from '../../shared/hash.ts'
import { canonicalJson, type Json } from '../../shared/json.ts'
import { type Collector, collectEvidence, matchPortrait } from './collect.ts'
import type { MrzModels } from './document/read-mrz.ts'
import { type TextAlphabet, textAlphabet } from './document/recognise.ts'
import type { ModelReference } from './evidence.ts'
import type { FrameReading } from './face/clip.ts'
import { embeddingOf } from './face/embed.ts'
import { decodeImage } from './image.sharp.ts'
import type { ModelUse } from './manifest.ts'
import { ensureModelFiles, type ModelFiles, type ModelOptions, openModel } from './model.onnx.ts'
import type {
  DocumentBackReading,
  DocumentReading,
  EvidencePipeline,
  PortraitReading,
  SelfieReading,
} from './pipeline.ts'
import {
  type EvidenceModels,
  type FaceModels,
  readBackImage,
  readDocumentImage,
  readFrameImage,
  readPortraitImage,
  readSelfieImage,
} from './read-images.ts'
import { openWorkerPool, type PoolLimits } from './worker-pool.ts'

/** Raised when a rule or a threshold changes what the same images give. */
const RULES = 5
/** Longest side of what is read, in pixels. */
export const DOCUMENT_SIDE = 2400
export const SELFIE_SIDE = 1600
const FRAME_SIDE = 1280
const SMALLEST_PORTRAIT = 120
/** Reads in the thread that calls; what {@link openPipeline} gives each of its threads. */
export interface EvidenceReader {
  readonly collector: Collector
  readonly models: EvidenceModels
  readDocument(upload: Uint8Array, now: NumericDate): Promise<DocumentReading>
  readDocumentBack(upload: Uint8Array, now: NumericDate): Promise<DocumentBackReading>
  readSelfie(upload: Uint8Array): Promise<SelfieReading>
  readFrame(upload: Uint8Array): Promise<FrameReading>
  readPortrait(upload: Uint8Array): Promise<PortraitReading>
  close(): Promise<void>
}

/** How the networks are opened. */
export interface ReaderOptions extends Pick<ModelOptions, 'threads'> {
  /** Whether networks whose origin and training are undocumented may run. Without them liveness is not assured. */
  readonly undocumented?: boolean
}

/** How a pipeline is opened. */
export interface PipelineOptions extends ModelOptions, ReaderOptions {
  readonly limits?: Partial<PoolLimits>
}

const LIMITS: PoolLimits = { workers: 2, queueLength: 16, timeoutSeconds: 30 }

/**
 * Opens the pipeline: makes sure of the model files (the first start fetches and converts them, and says so through
 * `report`), checks every digest and opens every network in each worker thread. Throws where one is missing or differs.
 */
export async function openPipeline(options: PipelineOptions = {}): Promise<EvidencePipeline> {
  const files = await ensureModelFiles(options)
  const pool = await openWorkerPool(threadScript(), {
    limits: { ...LIMITS, ...options.limits },
    workerData: { files, undocumented: options.undocumented ?? true },
  })
  const collector = pool.ready as Collector
  return {
    version: collector.version,
    models: collector.models,
    searchModel: searchModelOf(collector),
    readDocument: async (upload, now, turn) =>
      (await pool.run('document', { upload, data: now, ...turn })) as DocumentReading,
    readDocumentBack: async (upload, now, turn) =>
      (await pool.run('document_back', { upload, data: now, ...turn })) as DocumentBackReading,
    readSelfie: async (upload, turn) =>
      (await pool.run('selfie', { upload, data: undefined, ...turn })) as SelfieReading,
    readFrame: async (upload, turn) =>
      (await pool.run('frame', { upload, data: undefined, ...turn })) as FrameReading,
    readPortrait: async (upload, turn) =>
      (await pool.run('portrait', { upload, data: undefined, ...turn })) as PortraitReading,
    matchPortrait: (portrait, selfie) => matchPortrait(collector, portrait.face, selfie.face),
    collect: (document, selfie, now, back) =>
      collectEvidence(collector, { document, back, selfie, now }),
    close: () => pool.close(),
  }
}

function searchModelOf({ models, matchModels }: Collector): ModelReference | undefined {
  const wanted = matchModels.find(({ embedding }) => embedding.metric === 'cosine')
  return models.find(({ id }) => id === wanted?.id)
}

/** Compiled, the thread's file; from sources, one that first teaches the thread TypeScript, which tsx does not. */
function threadScript(): URL {
  if (import.meta.url.endsWith('.js')) return new URL('./worker.onnx.js', import.meta.url)
  const source = new URL('./worker.onnx.ts', import.meta.url).href
  const tsx = new URL(
    'dist/esm/api/index.mjs',
    pathToFileURL(createRequire(import.meta.url).resolve('tsx/package.json')),
  ).href
  const script = `import { register } from '${tsx}'; register(); await import('${source}')`
  return new URL(`data:text/javascript,${encodeURIComponent(script)}`)
}

/** Opens the networks in this thread. */
export async function openReader(
  files: ModelFiles,
  { undocumented = true, ...options }: ReaderOptions = {},
): Promise<EvidenceReader> {
  const { use, declarations } = files
  const open = (id: string) => openModel(files, id, options)
  const isDocumented = (id: string) => declarations[id]?.documented === true
  const wanted = (id: string) => undocumented || isDocumented(id)
  const embeddingIds = use.embeddings.filter(wanted)
  if (embeddingIds.length !== use.embeddings.length) {
    throw new Error('the manifest compares faces with networks of undocumented origin')
  }
  const hasPresentation = wanted(use.livenessBox) && wanted(use.liveness)
  const [detector, mesh, documentEdges, textDetector, mrzRecogniser, textRecogniser] =
    await Promise.all([
      open('face-detector'),
      open('face-mesh'),
      open('document-edges'),
      open('text-detector'),
      open('mrz-line'),
      open('text-recogniser'),
    ])
  const embeddings = await Promise.all(embeddingIds.map(open))
  const presentation = hasPresentation
    ? { box: await open(use.livenessBox), liveness: await open(use.liveness) }
    : undefined
  const alphabet = await readAlphabet(files)
  const faces: FaceModels = {
    detector,
    mesh,
    embeddings,
    ...(presentation ? { presentation } : {}),
  }
  const mrz: MrzModels = { textDetector, mrzRecogniser, textRecogniser, alphabet }
  const opened = [
    ...[detector, mesh, ...embeddings],
    ...(presentation ? [presentation.box, presentation.liveness] : []),
    ...[documentEdges, textDetector, mrzRecogniser, textRecogniser],
  ]
  const models: readonly ModelReference[] = opened.map(({ id, sha256 }) => ({ id, sha256 }))
  return {
    collector: {
      version: versionOf(models, use),
      models,
      matchModels: embeddings.map((model) => ({ id: model.id, embedding: embeddingOf(model) })),
      faceMatch: use.faceMatch,
      portraitMatch: use.portraitMatch,
      livenessModels: presentation ? [presentation.box.id, presentation.liveness.id] : [],
      liveness: presentation ? use.livenessLimits : { ...use.livenessLimits, review: 0 },
    },
    models: { faces, mrz, documentEdges },
    readDocument: async (upload, now) => {
      const image = await decodeImage(upload, { longestSide: DOCUMENT_SIDE })
      return await readDocumentImage({ faces, mrz, documentEdges }, image, now)
    },
    readDocumentBack: async (upload, now) => {
      const image = await decodeImage(upload, { longestSide: DOCUMENT_SIDE })
      return await readBackImage({ faces, mrz, documentEdges }, image, now)
    },
    readSelfie: async (upload) => {
      const image = await decodeImage(upload, { longestSide: SELFIE_SIDE })
      return await readSelfieImage(faces, image)
    },
    readFrame: async (upload) => {
      const image = await decodeImage(upload, { longestSide: FRAME_SIDE })
      return await readFrameImage(faces, image)
    },
    readPortrait: async (upload) => {
      const bounds = { longestSide: SELFIE_SIDE, smallestSide: SMALLEST_PORTRAIT }
      return await readPortraitImage(faces, await decodeImage(upload, bounds))
    },
    close: async () => {
      await Promise.all(opened.map((model) => model.close()))
    },
  }
}

function versionOf(models: readonly ModelReference[], use: ModelUse): string {
  const described = { rules: RULES, models, use } as unknown as Json
  return `evidence-${RULES}-${sha256Hex(canonicalJson(described)).slice(0, 12)}`
}

async function readAlphabet({ paths }: ModelFiles): Promise<TextAlphabet> {
  const path = paths['text-alphabet']
  if (!path) throw new Error('the manifest names no text-alphabet')
  return textAlphabet(await readFile(path, 'utf8'))
}
