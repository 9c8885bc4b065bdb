import type { Clock } from '../../shared/clock.ts'
import type { Fetch } from '../../shared/fetch.ts'
import type { Ed25519Signer } from '../../shared/key/signer.ts'
import type { Witness, WitnessState } from './witness.ts'

/** What the tool needs of the machine it runs on. */
export interface AuditWorld extends AuditFiles {
  readonly clock: Clock
  print(line: string): void
  note(line: string): void
  /** Waits; resolves early with `false` when the program is asked to stop. */
  pause(seconds: number): Promise<boolean>
  network(options: { readonly allowLoopback: boolean }): Fetch
  /**
   * Serves a witness until the program is asked to stop, and tells where once it listens.
   * @throws OperatorError `port_in_use`, `address_unusable`
   */
  serveWitness(
    witness: Witness,
    address: { readonly host: string; readonly port: number },
    listening: (url: string) => void,
  ): Promise<void>
}

/** The files it reads and writes. @throws OperatorError `file_unreadable`, `file_unwritable` for what the system refuses */
export interface AuditFiles {
  /** A small text file; `undefined` when its folder has none. */
  readText(path: string): Promise<string | undefined>
  /** Replaces a file as a whole: after a crash there is the old one or the new one. */
  writeText(path: string, text: string): Promise<void>
  /** The files of a folder, without those of its own folders. */
  readFolder(path: string): Promise<ReadonlyMap<string, Buffer>>
  /** Makes a folder with these files; one that exists is refused. */
  writeFolder(path: string, files: ReadonlyMap<string, Buffer>): Promise<void>
  /** Makes a key in a file that only its owner reads; a file that exists is refused. */
  createKey(path: string): Promise<Ed25519Signer>
  /** Keeps the checkpoints of a witness in a folder, which is made where there is none and can be used. */
  witnessState(folder: string): Promise<WitnessState>
  /** Opens what `createKey` made. @throws OperatorError `key_invalid` for anything else */
  openKey(path: string): Promise<Ed25519Signer>
}
