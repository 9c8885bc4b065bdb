import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { systemClock } from '../../shared/clock.ts'
import { guardedFetch } from '../../shared/trust/guarded-fetch.ts'
import { run } from './program.ts'
import type { AuditWorld } from './world.ts'

/** A list of 2^27 entries without compression, in base64url. */
const MAX_BYTES = 64 << 20
const TIMEOUT_MS = 30_000

let stop: () => void = () => undefined
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop())

const world: AuditWorld = {
  clock: systemClock,
  print: (line) => void process.stdout.write(`${line}\n`),
  note: (line) => void process.stderr.write(`${line}\n`),
  pause: (seconds) =>
    new Promise((resolve) => {
      const timer = setTimeout(() => resolve(true), seconds * 1000)
      stop = () => {
        clearTimeout(timer)
        resolve(false)
      }
    }),
  network: ({ allowLoopback }) =>
    guardedFetch({
      allowPrivate: allowLoopback,
      maxBytes: MAX_BYTES,
      timeoutMs: TIMEOUT_MS,
      maxRedirects: 3,
    }),
  readText: (path) => readFile(path, 'utf8').catch(absent),
  writeText: async (path, text) => {
    await writeSynced(`${path}.new`, Buffer.from(text))
    await rename(`${path}.new`, path)
    await syncFolder(dirname(path))
  },
  readFolder: async (path) => {
    const found = await readdir(path, { withFileTypes: true })
    const names = found.filter((entry) => entry.isFile()).map(({ name }) => name)
    return new Map(
      await Promise.all(
        names.map(async (name) => [name, await readFile(join(path, name))] as const),
      ),
    )
  },
  writeFolder: async (path, files) => {
    await mkdir(path)
    for (const [name, bytes] of files) await writeSynced(join(path, name), bytes)
  },
}

process.exitCode = await run(process.argv.slice(2), world)

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'w')
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
