import type { Clock } from '../../shared/clock.ts'
import { listen } from '../../shared/http/server.http.ts'
import { generateEd25519Key, openEd25519Key } from '../../shared/key/signer.software.ts'
import { witnessApplication } from '../../verifier/audit/witness.http.ts'
import { openAuditFiles } from '../../verifier/audit/world.file.ts'
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
    ...openAuditFiles({ generate: generateEd25519Key, open: openEd25519Key }),
    serveWitness: async (witness, address, listening) => {
      const report = (error: unknown): void => print(String(error))
      const server = await listen(address)
      server.serve(witnessApplication(witness, report))
      listening(server.url)
      try {
        await whileServing(server.url)
      } finally {
        await server.close()
      }
    },
  }
}
