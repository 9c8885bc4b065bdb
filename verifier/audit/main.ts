import { mkdir, open, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { systemClock } from '../../shared/clock.ts'
import { listen } from '../../shared/http/server.http.ts'
import { generateEd25519Key, openEd25519Key } from '../../shared/key/signer.software.ts'
import { guardedFetch } from '../../shared/trust/guarded-fetch.ts'
import { run } from './program.ts'
import { witnessApplication } from './witness.http.ts'
import { openWitnessState } from './witness-state.file.ts'
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
  createKey: async (path) => {
    const { signer, pkcs8 } = generateEd25519Key()
    await writeFile(path, pkcs8, { flag: 'wx', mode: 0o600 })
    return signer
  },
  openKey: async (path) => openEd25519Key(await readFile(path, 'utf8')),
  witnessState: openWitnessState,
  serveWitness: async (witness, address, listening) => {
    const server = await listen(address)
    const report = (error: unknown): void => void process.stderr.write(`${String(error)}\n`)
    server.serve(witnessApplication(witness, report))
    listening(server.url)
    await new Promise<void>((resolve) => {
      stop = resolve
    })
    await server.close()
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
