import sharp from 'sharp'
import { demoFaces } from '../demo/specimen/faces.ts'
import { WORKER } from '../demo/specimen/holders.ts'
import { drawPassport } from '../demo/specimen/passport.ts'
import { decodeImage } from '../issuer/evidence/image.sharp.ts'
import { ensureModelFiles } from '../issuer/evidence/model.onnx.ts'
import type { Model, Tensor } from '../issuer/evidence/model.ts'
import {
  DOCUMENT_SIDE,
  openPipeline,
  openReader,
  SELFIE_SIDE,
} from '../issuer/evidence/pipeline.onnx.ts'
import {
  type EvidenceModels,
  readDocumentImage,
  readSelfieImage,
} from '../issuer/evidence/read-images.ts'
import { Problem } from '../shared/problem.ts'
import { compare, renderRows } from './ratio.ts'

/**
 * What the pipeline costs over its networks: after decoding, against the same `session.run` calls on the same tensors;
 * then how many it does a minute through its worker threads, and what it does with twice as much.
 */
const NOW = 1_790_000_000

interface Call {
  readonly model: Model
  readonly input: Tensor
}

const faces = await demoFaces()
const page = await drawPassport({ holder: WORKER, portrait: faces.portrait, font: faces.font })
const upload = await sharp(page).jpeg({ quality: 85 }).toBuffer()

await overheads()
await throughput()

async function overheads(): Promise<void> {
  const reader = await openReader(await ensureModelFiles(), { threads: 1 })
  const calls: Call[] = []
  const recording = recorded(reader.models, calls)
  const document = await decodeImage(upload, { longestSide: DOCUMENT_SIDE })
  const selfie = await decodeImage(faces.selfie, { longestSide: SELFIE_SIDE })
  await readDocumentImage(recording, document, NOW)
  const documentCalls = calls.splice(0)
  await readSelfieImage(recording.faces, selfie)
  const selfieCalls = calls.splice(0)
  const replay = async (some: readonly Call[]) => {
    for (const { model, input } of some) await model.run(input)
  }
  const times = (work: () => Promise<unknown>) => async (iterations: number) => {
    for (let i = 0; i < iterations; i++) await work()
  }
  const print = (title: string, rows: string) => console.log(`\n${title}\n\n${rows}`)
  const options = { iterations: 2, rounds: 5 }
  print(
    `A document: ${documentCalls.length} runs of networks`,
    renderRows(
      await compare(
        [
          { name: 'session.run on the same tensors', run: times(() => replay(documentCalls)) },
          {
            name: 'pipeline, decoded',
            run: times(() => readDocumentImage(reader.models, document, NOW)),
          },
          {
            name: 'decoding alone',
            run: times(() => decodeImage(upload, { longestSide: DOCUMENT_SIDE })),
          },
        ],
        options,
      ),
    ),
  )
  print(
    `A selfie: ${selfieCalls.length} runs of networks`,
    renderRows(
      await compare(
        [
          { name: 'session.run on the same tensors', run: times(() => replay(selfieCalls)) },
          {
            name: 'pipeline, decoded',
            run: times(() => readSelfieImage(reader.models.faces, selfie)),
          },
          {
            name: 'decoding alone',
            run: times(() => decodeImage(faces.selfie, { longestSide: SELFIE_SIDE })),
          },
        ],
        options,
      ),
    ),
  )
  await reader.close()
}

async function throughput(): Promise<void> {
  const pipeline = await openPipeline()
  const perMinute = async (work: () => Promise<unknown>, count: number) => {
    const started = performance.now()
    await Promise.all(Array.from({ length: count }, work))
    return (60_000 * count) / (performance.now() - started)
  }
  const callers = () => `caller-${Math.floor(performance.now() * 1000) % 4}`
  const documents = await perMinute(
    () => pipeline.readDocument(upload, NOW, { caller: callers() }),
    6,
  )
  const selfies = await perMinute(() => pipeline.readSelfie(faces.selfie, { caller: callers() }), 8)
  let refused = 0
  const started = performance.now()
  const outcomes = await Promise.all(
    Array.from({ length: 36 }, (_, i) =>
      pipeline.readSelfie(faces.selfie, { caller: `caller-${i % 4}` }).catch((error: unknown) => {
        if (error instanceof Problem && error.code === 'too_many_requests') refused += 1
        else throw error
      }),
    ),
  )
  const done = outcomes.filter((outcome) => outcome !== undefined).length
  const seconds = (performance.now() - started) / 1000
  const peak = process.resourceUsage().maxRSS / 1024
  console.log(`
Through ${pipeline.version}, two threads: ${documents.toFixed(0)} documents or ${selfies.toFixed(0)} selfies a minute;
36 selfies at once, twice what two threads and a queue of 16 take: ${done} done in ${seconds.toFixed(1)} s, ${refused} refused with a time;
peak memory ${peak.toFixed(0)} MiB`)
  await pipeline.close()
}

function recorded({ faces: f, mrz, documentEdges }: EvidenceModels, calls: Call[]): EvidenceModels {
  const record = (model: Model): Model => ({
    ...model,
    run: (input) => {
      calls.push({ model, input: { dims: input.dims, data: Float32Array.from(input.data) } })
      return model.run(input)
    },
  })
  return {
    documentEdges: record(documentEdges),
    faces: {
      detector: record(f.detector),
      mesh: record(f.mesh),
      embeddings: f.embeddings.map(record),
      ...(f.presentation
        ? {
            presentation: {
              box: record(f.presentation.box),
              liveness: record(f.presentation.liveness),
            },
          }
        : {}),
    },
    mrz: {
      textDetector: record(mrz.textDetector),
      mrzRecogniser: record(mrz.mrzRecogniser),
      textRecogniser: record(mrz.textRecogniser),
      alphabet: mrz.alphabet,
    },
  }
}
