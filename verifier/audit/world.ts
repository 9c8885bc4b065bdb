import type { Clock } from '../../shared/clock.ts'
import type { Fetch } from '../../shared/fetch.ts'
import type { Ed25519Signer } from '../../shared/key/signer.ts'
import type { Witness, WitnessState } from './witness.ts'

/** What the tool needs of the machine it runs on. */
export interface AuditWorld {
  readonly clock: Clock
  print(line: string): void
  note(line: string): void
  /** Waits; resolves early with `false` when the program is asked to stop. */
  pause(seconds: number): Promise<boolean>
  network(options: { readonly allowLoopback: boolean }): Fetch
  /** A small text file; `undefined` when there is none. */
  readText(path: string): Promise<string | undefined>
  /** Replaces a file as a whole: after a crash there is the old one or the new one. */
  writeText(path: string, text: string): Promise<void>
  /** The files of a folder, without those of its own folders. */
  readFolder(path: string): Promise<ReadonlyMap<string, Buffer>>
  /** Makes a folder with these files. @throws Error when it exists and is not empty */
  writeFolder(path: string, files: ReadonlyMap<string, Buffer>): Promise<void>
  /** Makes a key in a file that only its owner reads. @throws Error when the file exists */
  createKey(path: string): Promise<Ed25519Signer>
  openKey(path: string): Promise<Ed25519Signer>
  /** Keeps the checkpoints of a witness in a folder. */
  witnessState(folder: string): WitnessState
  /** Serves a witness until the program is asked to stop, and tells where once it listens. */
  serveWitness(
    witness: Witness,
    address: { readonly host: string; readonly port: number },
    listening: (url: string) => void,
  ): Promise<void>
}
