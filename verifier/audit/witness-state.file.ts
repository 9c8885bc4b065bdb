import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256Hex } from '../../shared/hash.ts'
import type { WitnessState } from './witness.ts'

/** Keeps one file for each log, replaced as a whole and synced before it counts. */
export function openWitnessState(folder: string): WitnessState {
  const pathOf = (origin: string): string => join(folder, `${sha256Hex(origin)}.checkpoint`)
  return {
    read: async (origin) => {
      try {
        return await readFile(pathOf(origin), 'utf8')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    },
    write: async (origin, cosigned) => {
      await mkdir(folder, { recursive: true })
      await replaceFile(pathOf(origin), cosigned, folder)
    },
  }
}

async function replaceFile(path: string, text: string, folder: string): Promise<void> {
  const file = await open(`${path}.new`, 'w')
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
