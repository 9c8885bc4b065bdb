import { parentPort, workerData } from 'node:worker_threads'
import type { NumericDate } from '../../shared/clock.ts'
import { Problem } from '../../shared/problem.ts'
import type { ModelFiles } from './model.onnx.ts'
import { type EvidenceReader, openReader } from './pipeline.onnx.ts'
import type { ThreadAnswer, ThreadReady, ThreadRequest } from './worker-pool.ts'

interface WorkerData {
  readonly files: ModelFiles
  readonly undocumented: boolean
}

/** One thread of the pool: opens the networks, then reads one upload at a time. */
const port = parentPort
if (port) {
  const say = (message: ThreadReady | ThreadAnswer) => port.postMessage(message)
  try {
    const { files, undocumented } = workerData as WorkerData
    const reader = await openReader(files, { threads: 1, undocumented })
    say({ ready: reader.collector })
    port.on('message', (request: ThreadRequest) => {
      answer(reader, request).then(say, (error: Error) =>
        say({ id: request.id, defect: error.message }),
      )
    })
  } catch (error) {
    say({ failed: error instanceof Error ? error.message : 'a model could not be opened' })
  }
}

async function answer(
  reader: EvidenceReader,
  { id, task, upload, data }: ThreadRequest,
): Promise<ThreadAnswer> {
  try {
    const result = await work(reader, { task, upload, data })
    return { id, result }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return { id, problem: { code: error.code, detail: error.message } }
  }
}

function work(
  reader: EvidenceReader,
  { task, upload, data }: Omit<ThreadRequest, 'id'>,
): Promise<unknown> {
  switch (task) {
    case 'document':
      return reader.readDocument(upload, data as NumericDate)
    case 'document_back':
      return reader.readDocumentBack(upload, data as NumericDate)
    case 'frame':
      return reader.readFrame(upload)
    case 'portrait':
      return reader.readPortrait(upload)
    default:
      return reader.readSelfie(upload)
  }
}
