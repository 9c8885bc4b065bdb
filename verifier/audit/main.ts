import { systemClock } from '../../shared/clock.ts'
import { listen } from '../../shared/http/server.http.ts'
import { generateEd25519Key, openEd25519Key } from '../../shared/key/signer.software.ts'
import { guardedFetch } from '../../shared/trust/guarded-fetch.ts'
import { run } from './program.ts'
import { witnessApplication } from './witness.http.ts'
import { openAuditFiles } from './world.file.ts'
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
  ...openAuditFiles({ generate: generateEd25519Key, open: openEd25519Key }),
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
