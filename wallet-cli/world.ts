import type { Clock } from '../shared/clock.ts'
import type { Fetch } from '../shared/fetch.ts'
import type { Random } from '../shared/random.ts'
import type { Terminal } from './terminal.ts'
import type { Vaults } from './vault/vault-folder.ts'

/** Everything outside that a command touches, chosen once in `main.ts`. */
export interface World {
  readonly terminal: Terminal
  readonly clock: Clock
  readonly random: Random
  /** The network; the loopback interface is reachable only when it is allowed, for development. */
  network(options: { readonly allowLoopback: boolean }): Fetch
  isFile(path: string): boolean
  /** Reads a file of at most `maxBytes`. @throws WalletError `file_unusable` */
  readFile(path: string, maxBytes: number): Promise<Uint8Array>
  readonly vaults: Vaults
  /** The passphrase from the environment, when it is there. */
  readonly passphrase: string | undefined
  /** The one to change it to, likewise. */
  readonly nextPassphrase: string | undefined
  /** The folder that holds the vault unless `--vault` names another. */
  readonly defaultVault: string
}

/** The options that every command takes. */
export interface CommonOptions {
  readonly vault: string
  readonly allowLoopback: boolean
}
