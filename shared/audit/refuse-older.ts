import type { Ed25519Signer } from '../key/signer.ts'
import { verifyCheckpoint } from './checkpoint.ts'
import { LogMismatch } from './log.ts'
import type { CheckpointMark } from './mark.ts'
import { noteVerifier } from './note.ts'

/**
 * Refuses a log of `target` entries that does not continue what its mark remembers: a mark beyond what is stored, or of
 * another tree, was signed by a database that this one does not continue. `rootAt` is the root of its first entries.
 * @throws LogMismatch
 */
export async function refuseOlderThanMark(
  log: {
    readonly origin: string
    readonly signer: Ed25519Signer
    readonly mark?: CheckpointMark | undefined
  },
  target: number,
  rootAt: (size: number) => Buffer | Promise<Buffer>,
): Promise<void> {
  const text = await log.mark?.read()
  if (text === undefined) return
  const { size, root } = verifyCheckpoint(text, noteVerifier(log.origin, log.signer.publicJwk))
  if (size > target) {
    throw new LogMismatch(`the log holds ${target} entries and has signed ${size}`)
  }
  if (!(await rootAt(size)).equals(root)) {
    throw new LogMismatch(`the log is not the one that signed ${size} entries`)
  }
}
