import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NumericDate } from '../../shared/clock.ts'
import type { Fetch } from '../../shared/fetch.ts'
import { generateEs256Key, openEs256Key } from '../../shared/key/signer.software.ts'
import type { PublicJwk } from '../../shared/key/signer.ts'
import { systemRandom } from '../../shared/random.ts'
import { WalletError } from '../../wallet-cli/error.ts'
import { run } from '../../wallet-cli/program.ts'
import type { Question } from '../../wallet-cli/terminal.ts'
import {
  aesGcmSeal,
  createKeyFile,
  decryptWithPassphrase,
  encryptWithPassphrase,
  openKeyFile,
  writeKeyFile,
  writeWhole,
} from '../../wallet-cli/vault/key-file.file.ts'
import { openVault } from '../../wallet-cli/vault/vault.sqlite.ts'
import type { Vault } from '../../wallet-cli/vault/vault.ts'
import { vaultFolders } from '../../wallet-cli/vault/vault-folder.ts'
import type { World } from '../../wallet-cli/world.ts'

/** What one command did. */
export interface Ran {
  readonly status: number
  readonly out: string
  readonly err: string
  /** What was asked on the terminal. */
  readonly questions: readonly string[]
}

/** A wallet on a folder of its own, driven by command lines as its program is, without a process. */
export interface TestWallet {
  readonly folder: string
  /** Seconds since 1970; tests set it. */
  now: NumericDate
  fetch: Fetch
  /** Runs a command line. With `answers`, someone sits at the terminal and gives them in order. */
  run(argv: readonly string[], answers?: readonly (string | boolean)[]): Promise<Ran>
  /** Makes the vault, believing a trust list. */
  init(list: { readonly trustList: string; readonly trustSigner: PublicJwk }): Promise<Ran>
  /** Looks into the vault between two commands. */
  look<T>(at: (vault: Vault) => Promise<T>): Promise<T>
  dispose(): void
}

const PASSPHRASE = 'specimen passphrase'
const QUICK = 4

/** A wallet without network, unless the test gives it one. */
export function testWallet({
  now = 1_800_000_000,
  fetch = noNetwork,
  asks = false,
  passphrase = PASSPHRASE,
  width = 80,
}: {
  now?: NumericDate
  fetch?: Fetch
  /** The passphrase is asked for instead of being in the environment. */
  asks?: boolean
  passphrase?: string
  width?: number
} = {}): TestWallet {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-wallet-'))
  const vaultFolder = join(folder, 'vault')
  const wallet: TestWallet = {
    folder,
    now,
    fetch,
    run: async (argv, answers) => {
      const out: string[] = []
      const err: string[] = []
      const questions: string[] = []
      const left = answers && [...answers]
      const answer = (message: string, hint: string): string | boolean => {
        if (!left)
          throw new WalletError('answer_needed', 'there is no terminal to ask on', { hint })
        questions.push(message)
        const next = left.shift()
        if (next === undefined) throw new WalletError('interrupted', 'interrupted')
        return next
      }
      const ask = async ({ message, hint, check }: Question): Promise<string> => {
        for (;;) {
          const given = String(answer(message, hint))
          if (check?.(given) === undefined) return given
        }
      }
      const world: World = {
        terminal: {
          print: (line) => void out.push(`${line}\n`),
          note: (line) => void err.push(`${line}\n`),
          tell: (line) => void err.push(`${line}\n`),
          width,
          interactive: answers !== undefined,
          ask,
          confirm: async (message, hint) => answer(message, hint) === true,
        },
        clock: () => wallet.now,
        random: systemRandom,
        network: () => wallet.fetch,
        isFile: (path) => existsSync(path),
        readFile: async (path) => readFileSync(path),
        vaults,
        passphrase: asks ? undefined : passphrase,
        nextPassphrase: undefined,
        defaultVault: vaultFolder,
      }
      const status = await run(argv, world)
      return { status, out: out.join(''), err: err.join(''), questions }
    },
    init: ({ trustList, trustSigner }) => {
      const [list, signer] = [join(folder, 'list.jwt'), join(folder, 'signer.json')]
      writeFileSync(list, trustList)
      writeFileSync(signer, JSON.stringify(trustSigner))
      return wallet.run(['init', '--trust-list', list, '--trust-signer', signer])
    },
    look: async (at) => {
      const vault = await vaults.open(vaultFolder, passphrase)
      try {
        return await at(vault)
      } finally {
        await vault.close()
      }
    },
    dispose: () => rmSync(folder, { recursive: true }),
  }
  return wallet
}

/** Folders as the program keeps them, with a key derivation that is quick and weak. */
const vaults = vaultFolders({
  makeFolder: (folder) => {
    mkdirSync(folder, { recursive: true })
  },
  isFile: existsSync,
  createKeyFile: (path, secret) => createKeyFile(path, secret, systemRandom, QUICK),
  openKeyFile,
  writeKeyFile: (path, key, secret, mode) =>
    writeKeyFile(path, key, secret, { mode, workFactor: QUICK }),
  writeNewFile: (path, content) => writeWhole(path, content, 'new'),
  readFile: async (path) => readFileSync(path),
  encrypt: (plaintext, secret) => encryptWithPassphrase(plaintext, secret, QUICK),
  decrypt: decryptWithPassphrase,
  openStock: async (path, key) =>
    openVault(path, {
      seal: aesGcmSeal(key, systemRandom),
      keys: { generate: generateEs256Key, open: openEs256Key },
      random: systemRandom,
    }),
})

const noNetwork: Fetch = async () => {
  throw new Error('this test has no network')
}
