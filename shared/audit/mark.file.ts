import { readFile } from 'node:fs/promises'
import { replaceSynced } from '../synced-file.ts'
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
    write: (checkpoint) => replaceSynced(path, checkpoint),
  }
}
