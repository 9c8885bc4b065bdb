import type { Narrator } from './narrator.ts'
import type { Server } from './program.ts'
import type { DemoFaces } from './specimen/faces.ts'

/** A platform of the demo: its verifier, and the key with which its systems call it. */
export interface Platform {
  readonly name: string
  readonly url: string
  readonly config: string
  readonly key: string
}

/** Where everything of one demo lives. Folders and addresses are known before anything starts. */
export interface World {
  readonly narrator: Narrator
  /** A temporary folder; every file of the demo is below it. */
  readonly folder: string
  readonly faces: DemoFaces
  readonly issuer: {
    readonly url: string
    readonly config: string
    readonly operatorKey: string
    readonly reviewerKey: string
    /** Verifier key of the issuer's log, in the form of C2SP signed-note. */
    readonly logKey: string
  }
  readonly driver: Platform
  readonly courier: Platform
  readonly trust: { readonly list: string; readonly signer: string }
  readonly wallet: { readonly folder: string; readonly passphrase: string }
  /** Running servers by name, so that whatever happens they are stopped. */
  readonly servers: Map<'issuer' | 'driver' | 'courier', Server>
}

/** The story did not go as it is told. */
export class DemoError extends Error {
  override readonly name = 'DemoError'
}

/** @throws DemoError when `actual` is not what the story says */
export function expectThat(what: string, actual: unknown, expected: unknown): void {
  if (actual !== expected) {
    throw new DemoError(`${what} is ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`)
  }
}
