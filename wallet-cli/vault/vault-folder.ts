import { join } from 'node:path'
import * as z from 'zod'
import { decodeBase64url, encodeBase64url } from '../../shared/base64url.ts'
import { isJsonObject, type Json, JsonError, parseJson } from '../../shared/json.ts'
import { WalletError } from '../error.ts'
import type { VaultKey } from './seal.ts'
import type { Vault } from './vault.ts'

/** What a folder of vaults is made with: files, the age format, and a stock. */
export interface VaultParts {
  makeFolder(folder: string): void
  isFile(path: string): boolean
  createKeyFile(path: string, passphrase: string, workFactor: number | undefined): Promise<VaultKey>
  openKeyFile(path: string, passphrase: string): Promise<VaultKey>
  /** Puts a key into a new file, or into the place of an old one. */
  writeKeyFile(
    path: string,
    key: VaultKey,
    passphrase: string,
    mode: 'new' | 'replace',
  ): Promise<void>
  writeNewFile(path: string, content: Uint8Array | string): Promise<void>
  readFile(path: string, maxBytes: number): Promise<Uint8Array>
  encrypt(plaintext: string, passphrase: string): Promise<string>
  decrypt(armored: string, passphrase: string, what: string): Promise<string>
  openStock(path: string, key: VaultKey): Promise<Vault>
}

/** The vaults on this machine, one a folder: its key under a passphrase, and its stock under the key. */
export interface Vaults {
  /** Makes a folder with a new key and an empty vault. @throws WalletError `vault_exists` */
  create(folder: string, passphrase: string, workFactor: number | undefined): Promise<Vault>
  /** @throws WalletError `vault_missing`, `passphrase_wrong`, `vault_in_use`, `vault_damaged` */
  open(folder: string, passphrase: string): Promise<Vault>
  /** Seals the key of the folder under another passphrase. Backups keep the one that they were made under. */
  changePassphrase(folder: string, passphrase: string, next: string): Promise<void>
  /** Writes key and stock to one file in the age format under the vault's passphrase. @throws WalletError `vault_exists` */
  backup(folder: string, passphrase: string, file: string): Promise<void>
  /** Makes a folder from a backup; copies that nobody has seen are retired unless `nothingShownSince`. */
  restore(
    folder: string,
    passphrase: string,
    backup: { readonly file: string; readonly nothingShownSince: boolean },
  ): Promise<Vault>
}

const KEY_FILE = 'key.age'
const STOCK = 'vault.sqlite'
const MAX_BACKUP = 256 << 20

const backupSchema = z.strictObject({
  version: z.literal(1),
  key_id: z.string(),
  key: z.string(),
  stock: z.string(),
})

/**
 * Keeps vaults in folders. The key file is what makes a folder a vault: it is written first where the stock can be made
 * again, and last where the stock comes from a backup.
 */
export function vaultFolders(parts: VaultParts): Vaults {
  const openStock = async (folder: string, key: VaultKey): Promise<Vault> => {
    if (!parts.isFile(join(folder, STOCK))) {
      throw new WalletError('vault_damaged', `${STOCK} is missing beside ${KEY_FILE}`, {
        hint: `restore a backup into another folder; if nothing was ever received, delete ${KEY_FILE}`,
      })
    }
    return parts.openStock(join(folder, STOCK), key)
  }
  return {
    create: async (folder, passphrase, workFactor) => {
      parts.makeFolder(folder)
      const key = await parts.createKeyFile(join(folder, KEY_FILE), passphrase, workFactor)
      return parts.openStock(join(folder, STOCK), key)
    },
    open: async (folder, passphrase) =>
      openStock(folder, await parts.openKeyFile(join(folder, KEY_FILE), passphrase)),
    changePassphrase: async (folder, passphrase, next) => {
      const path = join(folder, KEY_FILE)
      await parts.writeKeyFile(path, await parts.openKeyFile(path, passphrase), next, 'replace')
    },
    backup: async (folder, passphrase, file) => {
      const key = await parts.openKeyFile(join(folder, KEY_FILE), passphrase)
      const vault = await openStock(folder, key)
      try {
        const stock = Buffer.from(await vault.sealedStock()).toString('base64')
        const content = { version: 1, key_id: key.keyId, key: encodeBase64url(key.key), stock }
        await parts.writeNewFile(file, await parts.encrypt(JSON.stringify(content), passphrase))
      } finally {
        await vault.close()
      }
    },
    restore: async (folder, passphrase, { file, nothingShownSince }) => {
      const sealed = Buffer.from(await parts.readFile(file, MAX_BACKUP)).toString()
      const { key, stock } = readBackup(await parts.decrypt(sealed, passphrase, 'the backup'))
      if (parts.isFile(join(folder, KEY_FILE))) {
        throw new WalletError('vault_exists', `there is a vault in ${folder} already`, {
          hint: 'restore into another folder: --vault DIR',
        })
      }
      parts.makeFolder(folder)
      // A stock without its key is what an interrupted restore leaves, or what is left when the key file was lost.
      if (!parts.isFile(join(folder, STOCK))) await parts.writeNewFile(join(folder, STOCK), stock)
      const vault = await parts.openStock(join(folder, STOCK), key)
      if (!nothingShownSince) await vault.retireFreshCopies()
      await parts.writeKeyFile(join(folder, KEY_FILE), key, passphrase, 'new')
      return vault
    },
  }
}

function readBackup(text: string): { readonly key: VaultKey; readonly stock: Uint8Array } {
  const parsed = backupSchema.safeParse(parse(text))
  const key = parsed.success ? decodeBase64url(parsed.data.key) : undefined
  if (!parsed.success || !key) {
    throw new WalletError('vault_damaged', 'the backup does not hold a vault')
  }
  const { key_id: keyId, stock } = parsed.data
  return { key: { keyId, key }, stock: Buffer.from(stock, 'base64') }
}

function parse(text: string): Json | undefined {
  try {
    const value = parseJson(text, { maxLength: MAX_BACKUP * 2, maxDepth: 2 })
    return isJsonObject(value) ? value : undefined
  } catch (error) {
    if (error instanceof JsonError) return undefined
    throw error
  }
}
