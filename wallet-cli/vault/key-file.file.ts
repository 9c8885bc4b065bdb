import { createCipheriv, createDecipheriv } from 'node:crypto'
import { type FileHandle, link, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { armor, Decrypter, Encrypter } from 'age-encryption'
import * as z from 'zod'
import { decodeBase64url, encodeBase64url } from '../../shared/base64url.ts'
import { parseJson } from '../../shared/json.ts'
import type { Random } from '../../shared/random.ts'
import { syncFolder, writeSynced } from '../../shared/synced-file.ts'
import { WalletError } from '../error.ts'
import type { Seal, VaultKey } from './seal.ts'

const KEY_LENGTH = 32
const NONCE_LENGTH = 12
const TAG_LENGTH = 16
const MAX_FILE = 1 << 16
/** scrypt with N = 2^18 takes a second or two; the age format refuses nothing above, so we do. */
const WORK_FACTOR = 18
const MAX_WORK_FACTOR = 22

const keyFileSchema = z.strictObject({
  version: z.literal(1),
  key_id: z.string().regex(/^[A-Za-z0-9_-]{11}$/),
  key: z.string(),
})

/**
 * Makes a vault key and writes it to `path` in the age format under the passphrase: armored, readable by its owner
 * only, whole or not at all, and never over a file that is there. age-encryption.org/v1.
 * @throws WalletError `vault_exists`
 */
export async function createKeyFile(
  path: string,
  passphrase: string,
  random: Random,
  workFactor: number = WORK_FACTOR,
): Promise<VaultKey> {
  const made = { keyId: encodeBase64url(random(8)), key: random(KEY_LENGTH) }
  await writeKeyFile(path, made, passphrase, { mode: 'new', workFactor })
  return made
}

/**
 * Opens the vault key. Work factors above 2^22 are refused before any work is done.
 * @throws WalletError `vault_missing`, `passphrase_wrong`, `vault_damaged`
 */
export async function openKeyFile(path: string, passphrase: string): Promise<VaultKey> {
  const text = await readKeyFile(path)
  const plaintext = await decryptWithPassphrase(text, passphrase, 'the key file')
  const parsed = keyFileSchema.safeParse(parseKeyText(plaintext))
  const key = parsed.success ? decodeBase64url(parsed.data.key) : undefined
  if (!parsed.success || key?.length !== KEY_LENGTH) {
    throw new WalletError('vault_damaged', 'the key file does not hold a vault key')
  }
  return { keyId: parsed.data.key_id, key }
}

/** Encrypts text under a passphrase in the armored age format. */
export async function encryptWithPassphrase(
  plaintext: string,
  passphrase: string,
  workFactor: number = WORK_FACTOR,
): Promise<string> {
  const encrypter = new Encrypter()
  encrypter.setPassphrase(passphrase)
  encrypter.setScryptWorkFactor(workFactor)
  return armor.encode(await encrypter.encrypt(plaintext))
}

/**
 * Decrypts what {@link encryptWithPassphrase} made, or `age -p`.
 * @throws WalletError `passphrase_wrong`, `vault_damaged`; `what` names the file in the message
 */
export async function decryptWithPassphrase(
  armored: string,
  passphrase: string,
  what: string,
): Promise<string> {
  let file: Uint8Array
  try {
    file = armor.decode(armored)
  } catch (cause) {
    throw new WalletError('vault_damaged', `${what} is not an age file`, { cause })
  }
  const workFactor = scryptWorkFactor(file)
  if (workFactor === undefined) {
    throw new WalletError('vault_damaged', `${what} is not sealed with a passphrase`)
  }
  if (workFactor > MAX_WORK_FACTOR) {
    throw new WalletError('vault_damaged', `${what} asks for more work than any wallet writes`)
  }
  const decrypter = new Decrypter()
  decrypter.addPassphrase(passphrase)
  let fileKeyFound = false
  try {
    await decrypter.decryptHeader(file)
    fileKeyFound = true
    return await decrypter.decrypt(file, 'text')
  } catch (cause) {
    if (fileKeyFound)
      throw new WalletError('vault_damaged', `${what} was changed or cut`, { cause })
    throw new WalletError('passphrase_wrong', 'the passphrase does not open this vault', { cause })
  }
}

/** Rows sealed by AES-256-GCM: nonce, ciphertext, tag; the context and the key id are authenticated. NIST SP 800-38D. */
export function aesGcmSeal({ keyId, key }: VaultKey, random: Random): Seal {
  const aad = (context: string) => Buffer.from(`carnet-wallet/1|${context}|${keyId}`)
  return {
    keyId,
    seal: (plaintext, context) => {
      const nonce = random(NONCE_LENGTH)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad(context))
      return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
    },
    open: (sealed, context) => {
      try {
        const nonce = sealed.subarray(0, NONCE_LENGTH)
        const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_LENGTH })
          .setAAD(aad(context))
          .setAuthTag(sealed.subarray(-TAG_LENGTH))
        const body = sealed.subarray(NONCE_LENGTH, -TAG_LENGTH)
        return Buffer.concat([decipher.update(body), decipher.final()])
      } catch (cause) {
        throw new WalletError(
          'vault_damaged',
          'a row of the vault was changed or belongs elsewhere',
          {
            cause,
            hint: 'restore the vault from a backup',
          },
        )
      }
    },
  }
}

function parseKeyText(text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}

/** The log2 of N in the one stanza of a passphrase file. age-encryption.org/v1 "The scrypt recipient type". */
function scryptWorkFactor(file: Uint8Array): number | undefined {
  const head = Buffer.from(file.subarray(0, 200)).toString('latin1')
  const digits = /^age-encryption\.org\/v1\n-> scrypt [A-Za-z0-9+/]{22} ([1-9][0-9]?)\n/.exec(head)
  return digits?.[1] === undefined ? undefined : Number(digits[1])
}

async function readKeyFile(path: string): Promise<string> {
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new WalletError('file_unusable', 'the key file cannot be read', { cause })
    }
    throw new WalletError('vault_missing', 'there is no vault here yet', {
      hint: 'make one with: carnet-wallet init',
    })
  }
  try {
    if ((await file.stat()).size > MAX_FILE) {
      throw new WalletError('vault_damaged', 'the key file is too large')
    }
    return await readFile(file, 'utf8')
  } finally {
    await file.close()
  }
}

/**
 * Writes a key to its file: a new one is never put over a file that is there, and one that replaces another is the old
 * or the new, never half of either.
 * @throws WalletError `vault_exists`
 */
export async function writeKeyFile(
  path: string,
  { keyId, key }: VaultKey,
  passphrase: string,
  { mode, workFactor = WORK_FACTOR }: { mode: 'new' | 'replace'; workFactor?: number | undefined },
): Promise<void> {
  const content = { version: 1, key_id: keyId, key: encodeBase64url(key) }
  const sealed = await encryptWithPassphrase(JSON.stringify(content), passphrase, workFactor)
  await writeWhole(path, sealed, mode)
}

/**
 * Writes a file for its owner only, whole or not at all: a temporary file, synced, then linked or renamed into place,
 * then the folder synced.
 * @throws WalletError `vault_exists` when the file is there and must be new, `file_unusable`
 */
export async function writeWhole(
  path: string,
  content: string | Uint8Array,
  mode: 'new' | 'replace',
): Promise<void> {
  const temporary = `${path}.${process.pid}.new`
  try {
    await rm(temporary, { force: true })
    await writeSynced(temporary, content, { flag: 'wx', mode: 0o600 })
    if (mode === 'replace') await rename(temporary, path)
    else await link(temporary, path)
    await syncFolder(dirname(path))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new WalletError('vault_exists', `${path} is there already`, { cause })
    }
    throw new WalletError('file_unusable', `${path} cannot be written`, {
      cause,
      hint: 'does its folder exist, may this user write there, and is there space on the disk?',
    })
  } finally {
    await rm(temporary, { force: true })
  }
}
