import { access, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Ed25519Signer } from '../../shared/key/signer.ts'
import { OperatorError } from '../../shared/operator-error.ts'
import { replaceSynced, syncFolder, writeSynced } from '../../shared/synced-file.ts'
import { openWitnessState, prepareWitnessFolder } from './witness-state.file.ts'
import type { AuditFiles } from './world.ts'

/** Files of this machine. What the system refuses is told as the operator's to mend; keys are made and read by `keys`. */
export function openAuditFiles(keys: {
  generate(): { readonly signer: Ed25519Signer; readonly pkcs8: string }
  open(pkcs8: string): Ed25519Signer
}): AuditFiles {
  return {
    readText: (path) =>
      reading(path, 'its folder has to exist and be open to this user', () => readIfThere(path)),
    writeText: (path, text) =>
      writing(path, 'its folder has to be writable', () => replaceSynced(path, text)),
    readFolder: (path) =>
      reading(path, 'name the folder that carnet-audit export wrote', async () => {
        const found = await readdir(path, { withFileTypes: true })
        const names = found.filter((entry) => entry.isFile()).map(({ name }) => name)
        return new Map(
          await Promise.all(
            names.map(async (name) => [name, await readFile(join(path, name))] as const),
          ),
        )
      }),
    writeFolder: (path, files) =>
      writing(path, 'name a folder that does not exist yet in one that does', async () => {
        await mkdir(path)
        for (const [name, bytes] of files) await writeSynced(join(path, name), bytes)
        await syncFolder(path)
        await syncFolder(dirname(path))
      }),
    createKey: (path) =>
      writing(path, 'name a file that does not exist yet in a folder that does', async () => {
        const { signer, pkcs8 } = keys.generate()
        await writeFile(path, pkcs8, { flag: 'wx', mode: 0o600 })
        return signer
      }),
    witnessState: (folder) =>
      writing(folder, 'name a folder for --state that this user may write to', async () => {
        await prepareWitnessFolder(folder)
        return openWitnessState(folder)
      }),
    openKey: async (path) => {
      const hint = 'name the file that carnet-audit witness-key wrote'
      const pkcs8 = await reading(path, hint, () => readFile(path, 'utf8'))
      try {
        return keys.open(pkcs8)
      } catch (cause) {
        throw new OperatorError('key_invalid', `${path} holds no Ed25519 key`, { cause, hint })
      }
    },
  }
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file or folder'],
  ['EEXIST', 'it exists already'],
  ['ENOTDIR', 'it is no folder, or not in one'],
  ['EISDIR', 'a folder is in its place'],
  ['EACCES', 'this user is not allowed to'],
  ['EPERM', 'this user is not allowed to'],
  ['EROFS', 'the disk is read-only'],
  ['ENOSPC', 'the disk is full'],
])

async function reading<Result>(path: string, hint: string, act: () => Promise<Result>) {
  return act().catch((cause) => {
    const message = `cannot read ${path}: ${reasonOf(cause)}`
    throw new OperatorError('file_unreadable', message, { cause, hint })
  })
}

async function writing<Result>(path: string, hint: string, act: () => Promise<Result>) {
  return act().catch((cause) => {
    const message = `cannot write ${path}: ${reasonOf(cause)}`
    throw new OperatorError('file_unwritable', message, { cause, hint })
  })
}

/** @throws what did not come from the system, unchanged: it is a defect */
function reasonOf(error: NodeJS.ErrnoException): string {
  if (typeof error.code !== 'string') throw error
  return REASONS.get(error.code) ?? error.code
}

/** A file that is absent from a folder that is not may be written later. */
async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    await access(dirname(path))
    return undefined
  }
}
