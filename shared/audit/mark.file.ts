import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { CheckpointMark } from './mark.ts'

/** Keeps the mark in a file, replaced as a whole: after a crash it is the old one or the new one. */
export function openMarkFile(path: string): CheckpointMark {
  return {
    read: async () => {
      try {
        return await readFile(path, 'utf8')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    },
    write: async (checkpoint) => {
      const next = `${path}.new`
      await withFile(next, 'w', async (file) => {
        await file.writeFile(checkpoint)
        await file.sync()
      })
      await rename(next, path)
      await withFile(dirname(path), 'r', (folder) => folder.sync())
    },
  }
}

async function withFile(
  path: string,
  flags: string,
  work: (file: Awaited<ReturnType<typeof open>>) => Promise<void>,
): Promise<void> {
  const file = await open(path, flags)
  try {
    await work(file)
  } finally {
    await file.close()
  }
}
