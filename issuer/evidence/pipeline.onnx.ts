import { readFile } from 'node:fs/promises'
import type { NumericDate } from '../../shared/clock.ts'
import { sha256Hex } from '../../shared/hash.ts'
import { canonicalJson, type Json } from '../../shared/json.ts'
import { Problem } from '../../shared/problem.ts'
import { type Collector, collectEvidence } from './collect.ts'
import { interpretDocument } from './document/document-evidence.ts'
import { readSide } from './document/read-document.ts'
import type { MrzModels } from './document/read-mrz.ts'
import { type TextAlphabet, textAlphabet } from './document/recognise.ts'
import type { ModelReference, Warning } from './evidence.ts'
import { detectFaces, type FaceBox } from './face/detect.ts'
import { embeddingOf, embedFace } from './face/embed.ts'
import { findLandmarks, type Landmarks } from './face/landmarks.ts'
import { livenessOf } from './face/liveness.ts'
import { type FaceQuality, measureQuality, qualityFaults } from './face/quality.ts'
import { decodeImage } from './image.sharp.ts'
import type { Image } from './image.ts'
import { ensureModelFiles, type ModelFiles, type ModelOptions, openModel } from './model.onnx.ts'
import type { Model } from './model.ts'
import type { DocumentReading, EvidencePipeline, SelfieReading } from './pipeline.ts'
import { openWorkerPool, type PoolLimits } from './worker-pool.ts'

/** Raised when a rule or a threshold changes what the same images give. */
const RULES = 1
const DOCUMENT_SIDE = 2400
const SELFIE_SIDE = 1600
/** A second face of less than this share of the first is a bystander. */
const BYSTANDER = 0.35

/** The networks that read a face. */
export interface FaceModels {
  readonly detector: Model
  readonly mesh: Model
  readonly embeddings: readonly Model[]
  readonly box: Model
  readonly liveness: Model
}

/** The networks of the pipeline, opened. */
export interface EvidenceModels {
  readonly faces: FaceModels
  readonly mrz: MrzModels
}

/** Reads in the thread that calls; what {@link openPipeline} gives each of its threads. */
export interface EvidenceReader {
  readonly collector: Collector
  readonly models: EvidenceModels
  readDocument(upload: Uint8Array, now: NumericDate): Promise<DocumentReading>
  readSelfie(upload: Uint8Array): Promise<SelfieReading>
  close(): Promise<void>
}

/** How a pipeline is opened. */
export interface PipelineOptions extends ModelOptions {
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
    workerData: files,
  })
  const collector = pool.ready as Collector
  return {
    version: collector.version,
    models: collector.models,
    readDocument: async (upload, now, caller = '') =>
      (await pool.run('document', { upload, data: now, caller })) as DocumentReading,
    readSelfie: async (upload, caller = '') =>
      (await pool.run('selfie', { upload, data: undefined, caller })) as SelfieReading,
    collect: (document, selfie, now) => collectEvidence(collector, { document, selfie, now }),
    close: () => pool.close(),
  }
}

/** Compiled, the thread's file; from sources, one that first teaches the thread TypeScript, which tsx does not. */
function threadScript(): URL {
  if (import.meta.url.endsWith('.js')) return new URL('./worker.onnx.js', import.meta.url)
  const source = new URL('./worker.onnx.ts', import.meta.url).href
  const tsx = import.meta.resolve('tsx/esm/api')
  const script = `import { register } from '${tsx}'; register(); await import('${source}')`
  return new URL(`data:text/javascript,${encodeURIComponent(script)}`)
}

/** Opens the networks in this thread. */
export async function openReader(
  files: ModelFiles,
  options: Pick<ModelOptions, 'threads'> = {},
): Promise<EvidenceReader> {
  const open = (id: string) => openModel(files, id, options)
  const [detector, mesh, dlib, mobileFaceNet, box, liveness] = await Promise.all([
    open('face-detector'),
    open('face-mesh'),
    open('face-embedding-dlib'),
    open('face-embedding-mobilefacenet'),
    open('face-box-fr'),
    open('face-liveness-fr'),
  ])
  const [textDetector, mrzRecogniser, textRecogniser] = await Promise.all([
    open('text-detector'),
    open('mrz-line'),
    open('text-recogniser'),
  ])
  const alphabet = await readAlphabet(files)
  const faces: FaceModels = { detector, mesh, embeddings: [dlib, mobileFaceNet], box, liveness }
  const mrz: MrzModels = { textDetector, mrzRecogniser, textRecogniser, alphabet }
  const opened = [
    ...[detector, mesh, ...faces.embeddings, box, liveness],
    ...[textDetector, mrzRecogniser, textRecogniser],
  ]
  const models: readonly ModelReference[] = opened.map(({ id, sha256 }) => ({ id, sha256 }))
  return {
    collector: {
      version: versionOf(models),
      models,
      matchModels: faces.embeddings.map((model) => ({
        id: model.id,
        embedding: embeddingOf(model),
      })),
      livenessModels: [box.id, liveness.id],
    },
    models: { faces, mrz },
    readDocument: (upload, now) => readDocument(mrz, faces, { upload, now }),
    readSelfie: (upload) => readSelfie(faces, upload),
    close: async () => {
      await Promise.all(opened.map((model) => model.close()))
    },
  }
}

function versionOf(models: readonly ModelReference[]): string {
  const described = { rules: RULES, models: models as unknown as Json }
  return `evidence-${RULES}-${sha256Hex(canonicalJson(described)).slice(0, 12)}`
}

async function readAlphabet({ paths }: ModelFiles): Promise<TextAlphabet> {
  const path = paths['text-alphabet']
  if (!path) throw new Error('the manifest names no text-alphabet')
  return textAlphabet(await readFile(path, 'utf8'))
}

async function readDocument(
  mrzModels: MrzModels,
  faces: FaceModels,
  { upload, now }: { upload: Uint8Array; now: NumericDate },
): Promise<DocumentReading> {
  const image = await decodeImage(upload, { longestSide: DOCUMENT_SIDE })
  const reading = await readSide(mrzModels, image)
  if (!reading) {
    throw new Problem(
      'mrz_not_found',
      'show the whole page with the lines of < signs, flat, sharp and without glare',
    )
  }
  const { document, warnings } = interpretDocument(reading, now)
  const [face] = await detectFaces(faces.detector, image)
  if (!face) {
    throw new Problem('face_not_found', 'show the whole page with the portrait, without glare')
  }
  const { template, quality, landmarks } = await readFace(faces, image, face)
  assertFace(landmarks, 'show the whole page with the portrait, without glare')
  return {
    document,
    portrait: template,
    quality,
    warnings: [...warnings, ...qualityWarnings('portrait_quality_low', quality)],
  }
}

async function readSelfie(faces: FaceModels, upload: Uint8Array): Promise<SelfieReading> {
  const image = await decodeImage(upload, { longestSide: SELFIE_SIDE })
  const [face, second] = await detectFaces(faces.detector, image)
  if (!face) throw new Problem('face_not_found', 'look straight into the camera in good light')
  if (second && second.width > BYSTANDER * face.width) {
    throw new Problem('face_multiple', 'take the picture alone')
  }
  const { template, quality, landmarks } = await readFace(faces, image, face)
  assertFace(landmarks, 'look straight into the camera in good light')
  const liveness = await livenessOf(faces, image, face)
  return {
    face: template,
    quality,
    liveness,
    warnings: qualityWarnings('selfie_quality_low', quality),
  }
}

function qualityWarnings(code: Warning['code'], quality: FaceQuality): readonly Warning[] {
  const detail = qualityFaults(quality)
  return detail.length > 0 ? [{ code, feature: 'face', detail }] : []
}

async function readFace(faces: FaceModels, image: Image, face: FaceBox) {
  const landmarks = await findLandmarks(faces.mesh, image, face)
  const template = await embedFace(faces.embeddings, image, landmarks.points)
  return { landmarks, template, quality: measureQuality(image, landmarks) }
}

/** The detector proposes, the mesh confirms. */
function assertFace({ score }: Landmarks, remedy: string): void {
  if (score < 0.5) throw new Problem('face_not_found', remedy)
}
