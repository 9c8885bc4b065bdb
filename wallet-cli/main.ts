import { existsSync, mkdirSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../shared/clock.ts'
import { systemRandom } from '../shared/random.ts'
import { WalletError } from './error.ts'
import { run } from './program.ts'
import { processTerminal } from './terminal.clack.ts'
import type { Vault } from './vault/vault.ts'
import type { World } from './world.ts'

const KEY_FILE = 'key.age'
const STOCK = 'vault.sqlite'
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
  isFile: (path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false,
  readFile: readSmallFile,
  vaults: {
    create: async (folder, passphrase, workFactor) => {
      const { createKeyFile } = await import('./vault/key-file.file.ts')
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      const key = await createKeyFile(join(folder, KEY_FILE), passphrase, systemRandom, workFactor)
      return openStock(folder, key)
    },
    open: async (folder, passphrase) => {
      const { openKeyFile } = await import('./vault/key-file.file.ts')
      const key = await openKeyFile(join(folder, KEY_FILE), passphrase)
      if (!existsSync(join(folder, STOCK))) {
        throw new WalletError('vault_damaged', `${STOCK} is missing beside ${KEY_FILE}`, {
          hint: `restore a backup; a vault that was never used can be made again after deleting ${KEY_FILE}`,
        })
      }
      return openStock(folder, key)
    },
  },
  passphrase: process.env.CARNET_WALLET_PASSPHRASE,
  defaultVault: process.env.CARNET_WALLET ?? join(homedir(), '.carnet-wallet'),
}

process.exitCode = await run(process.argv.slice(2), world)
if (world.terminal.interactive) process.exit() // the terminal that questions were asked on keeps the process alive

async function openStock(
  folder: string,
  key: { readonly keyId: string; readonly key: Uint8Array },
): Promise<Vault> {
  const { aesGcmSeal } = await import('./vault/key-file.file.ts')
  const { openVault } = await import('./vault/vault.sqlite.ts')
  const { generateEs256Key, openEs256Key } = await import('../shared/key/signer.software.ts')
  return openVault(join(folder, STOCK), {
    seal: aesGcmSeal(key, systemRandom),
    keys: { generate: generateEs256Key, open: openEs256Key },
    random: systemRandom,
  })
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
