import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Clock } from '../../shared/clock.ts'
import { generateEd25519Key, openEd25519Key } from '../../shared/key/signer.software.ts'
import { witnessApplication } from '../../verifier/audit/witness.http.ts'
import { openWitnessState } from '../../verifier/audit/witness-state.file.ts'
import type { AuditWorld } from '../../verifier/audit/world.ts'

/** A machine for carnet-audit with a clock set by hand; `whileServing` runs as long as a witness is served. */
export function testWorld(options: {
  readonly clock: Clock
  print(line: string): void
  whileServing?(url: string): Promise<void>
}): AuditWorld {
  const { clock, print, whileServing = async () => undefined } = options
  return {
    clock,
    print,
    note: print,
    pause: async () => false,
    network: () => (input, init) => fetch(input, init),
    readText: async (path) => {
      try {
        return readFileSync(path, 'utf8')
      } catch {
        return undefined
      }
    },
    writeText: async (path, text) => writeFileSync(path, text),
    readFolder: async (path) =>
      new Map(readdirSync(path).map((name) => [name, readFileSync(join(path, name))])),
    writeFolder: async (path, files) => {
      mkdirSync(path)
      for (const [name, bytes] of files) writeFileSync(join(path, name), bytes)
    },
    createKey: async (path) => {
      const { signer, pkcs8 } = generateEd25519Key()
      writeFileSync(path, pkcs8, { flag: 'wx' })
      return signer
    },
    openKey: async (path) => openEd25519Key(readFileSync(path, 'utf8')),
    witnessState: openWitnessState,
    serveWitness: async (witness, _address, listening) => {
      const report = (error: unknown): void => print(String(error))
      const server = createServer(witnessApplication(witness, report)).listen(0, '127.0.0.1')
      await new Promise((resolve) => server.once('listening', resolve))
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      listening(url)
      try {
        await whileServing(url)
      } finally {
        server.closeAllConnections()
        server.close()
      }
    },
  }
}
