import { mkdirSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../shared/clock.ts'
import { systemRandom } from '../shared/random.ts'
import { WalletError } from './error.ts'
import { run } from './program.ts'
import { processTerminal } from './terminal.clack.ts'
import type { VaultKey } from './vault/seal.ts'
import type { Vault } from './vault/vault.ts'
import { vaultFolders } from './vault/vault-folder.ts'
import type { World } from './world.ts'

/** The largest status list token that is read. */
const MAX_BYTES = 8 << 20
const TIMEOUT_MS = 20_000

process.umask(0o077)

const world: World = {
  terminal: processTerminal(),
  clock: systemClock,
  random: systemRandom,
  network: ({ allowLoopback }) => {
    const fetch = import('../shared/trust/guarded-fetch.ts').then(({ guardedFetch }) =>
      guardedFetch({
        allowPrivate: allowLoopback,
        maxBytes: MAX_BYTES,
        timeoutMs: TIMEOUT_MS,
        maxRedirects: 3,
      }),
    )
    return async (input, init) => (await fetch)(input, init)
  },
  isFile,
  readFile: readSmallFile,
  vaults: vaultFolders({
    makeFolder,
    isFile,
    createKeyFile: async (path, passphrase, workFactor) =>
      (await keyFiles()).createKeyFile(path, passphrase, systemRandom, workFactor),
    openKeyFile: async (path, passphrase) => (await keyFiles()).openKeyFile(path, passphrase),
    writeKeyFile: async (path, key, passphrase, mode) =>
      (await keyFiles()).writeKeyFile(path, key, passphrase, { mode }),
    writeNewFile: async (path, content) => (await keyFiles()).writeWhole(path, content, 'new'),
    readFile: readSmallFile,
    encrypt: async (plaintext, passphrase) =>
      (await keyFiles()).encryptWithPassphrase(plaintext, passphrase),
    decrypt: async (armored, passphrase, what) =>
      (await keyFiles()).decryptWithPassphrase(armored, passphrase, what),
    openStock,
  }),
  passphrase: process.env.CARNET_WALLET_PASSPHRASE,
  nextPassphrase: process.env.CARNET_WALLET_NEW_PASSPHRASE,
  defaultVault: process.env.CARNET_WALLET ?? join(homedir(), '.carnet-wallet'),
}

process.exitCode = await run(process.argv.slice(2), world)

/** The age format is loaded when a vault is opened, not for a line of help. */
function keyFiles(): Promise<typeof import('./vault/key-file.file.ts')> {
  return import('./vault/key-file.file.ts')
}

async function openStock(path: string, key: VaultKey): Promise<Vault> {
  const { aesGcmSeal } = await keyFiles()
  const { openVault } = await import('./vault/vault.sqlite.ts')
  const { generateEs256Key, openEs256Key } = await import('../shared/key/signer.software.ts')
  return openVault(path, {
    seal: aesGcmSeal(key, systemRandom),
    keys: { generate: generateEs256Key, open: openEs256Key },
    random: systemRandom,
  })
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new WalletError('file_unusable', `${folder} cannot be made`, { cause })
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}

async function readSmallFile(path: string, maxBytes: number): Promise<Uint8Array> {
  try {
    if (statSync(path).size > maxBytes) {
      throw new WalletError('file_unusable', `${path} is larger than it can be`)
    }
    const file = await open(path, 'r')
    try {
      return await file.readFile()
    } finally {
      await file.close()
    }
  } catch (cause) {
    if (cause instanceof WalletError) throw cause
    throw new WalletError('file_unusable', `${path} cannot be read`, { cause })
  }
}
