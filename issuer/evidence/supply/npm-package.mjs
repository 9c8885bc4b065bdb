/** Reads files of a pinned npm package: from node_modules where it is installed, otherwise from its tarball. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { filesFromTarball } from './tarball.mjs'

const run = promisify(execFile)
const PACK_TIMEOUT_MS = 300_000

/** A model or file that the manifest pins cannot be had, or is not what was pinned. */
export class SupplyError extends Error {}

/** @param {string} algorithm @param {Uint8Array} data @param {'hex' | 'base64'} encoding */
const digest = (algorithm, data, encoding) => createHash(algorithm).update(data).digest(encoding)
export const sha256 = (/** @type {Uint8Array} */ data) => digest('sha256', data, 'hex')

/** npm as the person or CI configured it: registry, proxy, credentials and cache are npm's own business. */
function npmCommand() {
  const script = process.env.npm_execpath
  if (script && basename(script) === 'npm-cli.js')
    return { file: process.execPath, first: [script], shell: false }
  return process.platform === 'win32'
    ? { file: 'npm.cmd', first: [], shell: true }
    : { file: 'npm', first: [], shell: false }
}

/** Settings of an outer `npm run -w …` or `npm ci --json` must not reach `npm pack`. */
function packEnvironment() {
  const env = { ...process.env }
  for (const key of Object.keys(env))
    if (
      /^npm_config_(workspaces?|include_workspace_root|json|dry_run|global|location|prefix|local_prefix)$/i.test(
        key,
      )
    )
      delete env[key]
  return env
}

/** With --json npm writes its error as JSON to standard output. @param {{ stdout?: string, stderr?: string, message: string }} failure */
function npmReason({ stdout = '', stderr = '', message }) {
  try {
    return JSON.parse(stdout).error.summary
  } catch {
    return (stderr || message).slice(0, 400)
  }
}

/** @param {string} spec NAME@VERSION @param {string} integrity sha512-… @param {string} root where .npmrc is */
async function fetchTarball(spec, integrity, root) {
  const folder = await mkdtemp(join(tmpdir(), 'carnet-pack-'))
  try {
    const { file, first, shell } = npmCommand()
    const options = [
      'pack',
      spec,
      '--pack-destination',
      folder,
      '--json',
      '--silent',
      '--prefer-offline',
      '--ignore-scripts',
      '--workspaces=false',
      '--fetch-retries=1',
      '--fetch-retry-mintimeout=1000',
    ]
    const { stdout } = await run(file, [...first, ...options], {
      cwd: root,
      env: packEnvironment(),
      shell,
      timeout: PACK_TIMEOUT_MS,
      maxBuffer: 64 << 20,
    }).catch((cause) => {
      throw new SupplyError(`npm pack ${spec} failed: ${npmReason(cause)}`, { cause })
    })
    const packed = JSON.parse(stdout)
    const [{ filename }] = Array.isArray(packed) ? packed : Object.values(packed)
    const tarball = await readFile(join(folder, basename(filename)))
    const actual = `sha512-${digest('sha512', tarball, 'base64')}`
    if (actual !== integrity)
      throw new SupplyError(`${spec}: integrity is ${actual}, pinned is ${integrity}`)
    return tarball
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** @param {string} root @param {string} name @returns {AsyncGenerator<string>} folders where Node would look */
async function* installFolders(root, name) {
  for (let folder = root; ; folder = dirname(folder)) {
    yield join(folder, 'node_modules', name)
    if (folder === dirname(folder)) return
  }
}

/** @param {string} root @param {string} spec @param {string[]} paths @returns {Promise<Map<string, Buffer> | undefined>} */
async function installedFiles(root, spec, paths) {
  const at = spec.lastIndexOf('@')
  const [name, version] = [spec.slice(0, at), spec.slice(at + 1)]
  for await (const folder of installFolders(root, name)) {
    const manifest = await readFile(join(folder, 'package.json'), 'utf8').catch(() => undefined)
    if (!manifest) continue
    if (JSON.parse(manifest).version !== version) return undefined
    return new Map(
      await Promise.all(
        paths.map(
          async (path) => /** @type {const} */ ([path, await readFile(join(folder, path))]),
        ),
      ),
    )
  }
  return undefined
}

/**
 * @param {{ spec: string, integrity: string, files: Record<string, string>, root: string }} request files: path to sha256
 * @returns {Promise<Map<string, Buffer>>} every file asked for, each with the digest asked for
 */
export async function packageFiles({ spec, integrity, files, root }) {
  const paths = Object.keys(files)
  const found =
    (await installedFiles(root, spec, paths)) ??
    filesFromTarball(await fetchTarball(spec, integrity, root), paths)
  for (const path of paths) {
    const body = found.get(path)
    if (!body) throw new SupplyError(`${spec} has no ${path}`)
    const actual = sha256(body)
    if (actual !== files[path])
      throw new SupplyError(`${spec} ${path}: sha256 is ${actual}, pinned is ${files[path]}`)
  }
  return found
}
