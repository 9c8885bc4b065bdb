import type { Dirent } from 'node:fs'
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import type { LogFolder } from './log-folder.ts'

/** A copy of a log in a folder of this machine, readable by the web server. It is made again when it is lost. */
export function openLogFolder(folder: string): LogFolder {
  return {
    paths: async () => {
      const found = await entriesIn(folder)
      return found
        .filter((entry) => entry.isFile())
        .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
        .sort()
    },
    read: async (path) => {
      try {
        return await readFile(join(folder, path))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    },
    write: async (path, bytes) => {
      const file = join(folder, path)
      await makeFolder(dirname(file))
      await writeFile(`${file}.new`, bytes)
      // Whatever the program's own files may be, these are public.
      await chmod(`${file}.new`, 0o644)
      await rename(`${file}.new`, file)
    },
    remove: (path) => rm(join(folder, path)),
  }
}

async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true })
  if (first === undefined) return
  for (let made = path; made.length >= first.length; made = dirname(made)) await chmod(made, 0o755)
}

async function entriesIn(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { recursive: true, withFileTypes: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
