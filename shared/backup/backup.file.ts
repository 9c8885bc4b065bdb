import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve } from 'node:path'
import type { NumericDate } from '../clock.ts'
import { OperatorError } from '../operator-error.ts'
import { syncFolder, writeSynced } from '../synced-file.ts'
import type { BackupIdentity, BackupKey, BackupSource, OpenedBackup } from './backup.ts'
import { namedFiles, withMembers } from './config-files.ts'
import { type BackupFiles, type BackupManifest, parseFiles, parseManifest } from './manifest.ts'
import { openSealed, sealFile } from './sealed.file.ts'

/**
 * Makes a backup in a new folder while the program runs: a snapshot of the database, and the configuration with every
 * file that it names, all sealed. The folder is there whole, and on the disk, or not at all.
 * @throws OperatorError
 */
export async function makeBackup(
  source: BackupSource,
  options: {
    readonly to: string
    readonly key: BackupKey
    readonly now: NumericDate
    /** Writes a consistent copy of the database to a new file. */
    readonly snapshot: (database: string, into: string) => void
    readonly signedCheckpoint: (database: string) => string | undefined
  },
): Promise<BackupManifest> {
  const { to, key, now } = options
  return intoNewFolder(to, async (folder) => {
    const database = await sealDatabase(source, folder, options)
    const files = await sealText(folder, key, JSON.stringify(await filesOf(source)))
    const manifest: BackupManifest = {
      format: 'carnet-backup/1',
      program: source.program,
      madeAt: now,
      ...database,
      files,
    }
    await writeSynced(join(folder, 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
    return manifest
  })
}

/**
 * Opens a backup into a new folder: `config.json`, and every file that it names. `accept` looks at what was opened and
 * throws when it must not be used; then, and after any other failure, the folder is not there. What `accept` answers
 * is the mark of the log to go on from, which is written beside the database.
 * @throws OperatorError
 */
export async function restoreBackup(options: {
  readonly from: string
  readonly to: string
  readonly program: BackupManifest['program']
  readonly identity: BackupIdentity
  readonly accept: (opened: OpenedBackup) => Promise<string | undefined>
}): Promise<BackupManifest> {
  const { from, to, program, identity, accept } = options
  const manifest = parseManifest(await readText(join(from, 'manifest.json')))
  if (manifest.program !== program) {
    throw new OperatorError('backup_unusable', `this is a backup of ${manifest.program}`)
  }
  return intoNewFolder(to, async (folder) => {
    const text = join(folder, 'files.json')
    await openSealed(join(from, 'files.age'), text, { expected: manifest.files, identity })
    const files = parseFiles(await readText(text))
    await rm(text)
    const placed = await placeFiles(folder, files)
    const name = 'database.sqlite'
    if (manifest.database !== undefined) {
      const sealed = join(from, manifest.database.file)
      await openSealed(sealed, join(folder, name), { expected: manifest.database, identity })
    }
    const config = withMembers(files.config, {
      ...placed,
      ...(manifest.database === undefined ? {} : { database: name }),
      logMark: MARK,
    })
    await writeSynced(join(folder, 'config.json'), `${JSON.stringify(config, undefined, 2)}\n`)
    const opened: OpenedBackup = {
      manifest,
      files,
      config,
      fileOf: (member) => placed[member] && join(folder, placed[member]),
      database: manifest.database && join(folder, name),
    }
    const mark = await accept(opened)
    if (mark !== undefined) await writeSynced(join(folder, MARK), mark)
    return manifest
  })
}

/** The mark's name in a restored folder. */
const MARK = 'log.checkpoint'

/** Makes a folder under another name and gives it its own when all of it is on the disk. */
async function intoNewFolder<Result>(
  to: string,
  work: (folder: string) => Promise<Result>,
): Promise<Result> {
  const target = resolve(to)
  if (existsSync(target)) {
    throw new OperatorError('file_unwritable', `${to} is there already`, {
      hint: 'name a folder that is not there yet',
    })
  }
  const folder = `${target}.partial`
  try {
    await mkdir(folder, { recursive: false, mode: 0o700 })
  } catch (cause) {
    throw new OperatorError('file_unwritable', `cannot make ${folder}`, {
      cause,
      hint: 'remove it when no other backup or restore is under way, and make the folder above it',
    })
  }
  try {
    const result = await work(folder)
    await syncFolder(folder)
    await rename(folder, target)
    await syncFolder(dirname(target))
    return result
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

async function sealDatabase(
  { database }: BackupSource,
  folder: string,
  options: Parameters<typeof makeBackup>[1],
): Promise<Pick<BackupManifest, 'database' | 'checkpoint'>> {
  if (database === undefined) return {}
  // Beside the database, where what is in it is protected already, and where there is a place for it on the disk.
  const copy = `${database}.${basename(folder)}`
  await rm(copy, { force: true })
  try {
    options.snapshot(database, copy)
    const checkpoint = options.signedCheckpoint(copy)
    const name = 'database.age' as const
    const sealed = await sealFile(copy, join(folder, name), { key: options.key, name })
    return { database: sealed, ...(checkpoint === undefined ? {} : { checkpoint }) }
  } finally {
    await rm(copy, { force: true })
  }
}

async function sealText(folder: string, key: BackupKey, text: string) {
  const plain = join(folder, 'files.json')
  await writeSynced(plain, text, { flag: 'wx', mode: 0o600 })
  try {
    return await sealFile(plain, join(folder, 'files.age'), { key, name: 'files.age' })
  } finally {
    await rm(plain, { force: true })
  }
}

async function filesOf({ config, at, members, mark }: BackupSource): Promise<BackupFiles> {
  const files: BackupFiles['files'][number][] = []
  for (const { member, path } of namedFiles(config, members)) {
    const isFolder = (await stat(at(path)).catch(unreadable(at(path)))).isDirectory()
    const names = isFolder ? (await readdir(at(path))).filter((name) => name.endsWith('.json')) : []
    const paths = isFolder ? names.map((name) => join(at(path), name)) : [at(path)]
    for (const file of paths) {
      const content = await readFile(file).catch(unreadable(file))
      const name = isFolder ? basename(file) : `${member.replaceAll('.', '-')}${extname(file)}`
      files.push({ member, name, folder: isFolder, content: content.toString('base64') })
    }
  }
  return { config, mark: resolve(mark), files }
}

/** Writes the files and answers what each member names now. */
async function placeFiles(
  folder: string,
  { files }: BackupFiles,
): Promise<Readonly<Record<string, string>>> {
  const placed: Record<string, string> = {}
  for (const { member, name, folder: inFolder, content } of files) {
    const place = inFolder ? member.replaceAll('.', '-') : name
    if (inFolder) await mkdir(join(folder, place), { recursive: true, mode: 0o700 })
    const path = inFolder ? join(folder, place, name) : join(folder, name)
    await writeSynced(path, Buffer.from(content, 'base64'), { flag: 'wx', mode: 0o600 })
    placed[member] = place
  }
  return placed
}

async function readText(path: string): Promise<string> {
  return (await readFile(path).catch(unreadable(path))).toString('utf8')
}

function unreadable(path: string): (cause: unknown) => never {
  return (cause) => {
    throw new OperatorError('file_unreadable', `cannot read ${path}`, { cause })
  }
}
