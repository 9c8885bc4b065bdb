/**
 * Fills the model cache: `npm run models`, the package's postinstall, and the first start of whatever needs a model.
 * The postinstall is a courtesy (nothing to fetch later) and may fail; a start may not.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureModels } from './model-store.mjs'

const root = findRoot(dirname(fileURLToPath(import.meta.url)))

/** What the programs need; what only the demo and the tests need. */
export const MODEL_MANIFEST = 'issuer/evidence/supply/manifest.json'
const SPECIMEN_MANIFEST = 'demo/specimen/manifest.json'

/** @param {string} folder @returns {string} */
function findRoot(folder) {
  return existsSync(join(folder, 'package.json')) ? folder : findRoot(dirname(folder))
}

/**
 * Paths by name of everything that a manifest lists, present and with the pinned digest.
 * `CARNET_MODELS` names the cache folder; `.models` in the package root where it is not set.
 * @param {string} path of the manifest, absolute or from the package root
 * @param {{ report?: (line: string) => void, cache?: string }} [options]
 * @returns {Promise<Record<string, string>>}
 */
export async function fetchManifest(path, { report, cache } = {}) {
  const manifest = JSON.parse(await readFile(isAbsolute(path) ? path : join(root, path), 'utf8'))
  const folder = cache ?? process.env.CARNET_MODELS ?? join(root, '.models')
  return ensureModels(manifest, { root, cache: folder, ...(report ? { report } : {}) })
}

/** Fetches all there is. @param {(line: string) => void} [report] @returns {Promise<number>} how many files are ready */
export async function fetchModels(report = console.log) {
  const sets = []
  for (const path of [MODEL_MANIFEST, SPECIMEN_MANIFEST])
    sets.push(await fetchManifest(path, { report }))
  return sets.reduce((count, set) => count + Object.keys(set).length, 0)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const started = performance.now()
  try {
    const count = await fetchModels()
    console.log(`${count} files ready in ${Math.round(performance.now() - started)} ms`)
  } catch (error) {
    console.error(`models: ${/** @type {Error} */ (error).message}`)
    process.exitCode = 1
  }
}
