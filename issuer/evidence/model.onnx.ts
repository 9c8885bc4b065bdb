import { readFile } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { InferenceSession, Tensor as OnnxTensor } from 'onnxruntime-node'
import { sha256Hex } from '../../shared/hash.ts'
import { packageRoot } from '../../shared/package-root.ts'
import { type ModelDeclaration, type ModelUse, parseManifest } from './manifest.ts'
import type { Model, Tensor } from './model.ts'
import { modelManifest, supplyFiles } from './model-supply.ts'

/** Where models come from and what is said while they do. */
export interface ModelOptions {
  /** A manifest other than the package's own, from the package root or absolute. */
  readonly manifest?: string
  /** Told what is fetched and converted when the cache does not hold it yet. */
  readonly report?: (line: string) => void
  /** Threads that one run may use. */
  readonly threads?: number
}

/** Model files that are present and whose digests are those of the manifest. */
export interface ModelFiles {
  readonly use: ModelUse
  readonly declarations: Readonly<Record<string, ModelDeclaration>>
  readonly paths: Readonly<Record<string, string>>
}

/** Makes sure of every file of the manifest, fetching and converting what is missing. */
export async function ensureModelFiles(options: ModelOptions = {}): Promise<ModelFiles> {
  const { manifest = modelManifest, report } = options
  const file = isAbsolute(manifest) ? manifest : join(packageRoot, manifest)
  const { use, models } = parseManifest(JSON.parse(await readFile(file, 'utf8')))
  const paths = await supplyFiles(manifest, report ? { report } : {})
  return { use, declarations: models, paths }
}

/** Opens one model. The bytes that run are the bytes whose digest was checked; a file that differs throws. */
export async function openModel(
  { declarations, paths }: ModelFiles,
  id: string,
  { threads = 2 }: Pick<ModelOptions, 'threads'> = {},
): Promise<Model> {
  const declaration = declarations[id]
  const path = paths[id]
  if (!declaration || !path) throw new Error(`the manifest names no model ${id}`)
  const bytes = await readFile(path)
  const sha256 = sha256Hex(bytes)
  if (sha256 !== declaration.sha256) {
    throw new Error(`model ${id}: SHA-256 is ${sha256}, the manifest pins ${declaration.sha256}`)
  }
  const session = await InferenceSession.create(bytes, {
    logSeverityLevel: 3,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  })
  const inputName = session.inputNames[0] ?? ''
  return {
    id,
    sha256,
    declaration,
    run: async ({ dims, data }: Tensor) => {
      const results = await session.run({ [inputName]: new OnnxTensor('float32', data, dims) })
      return session.outputNames.map((name) => {
        const output = results[name]
        if (!(output?.data instanceof Float32Array)) {
          throw new Error(`model ${id}: output ${name} is not float32`)
        }
        return { dims: output.dims, data: output.data }
      })
    },
    close: () => session.release(),
  }
}
