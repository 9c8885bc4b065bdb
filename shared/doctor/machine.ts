import { existsSync, statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** What an examination asks the machine it runs on. */
export interface Machine {
  /** Such as `20.19.0`. */
  readonly nodeVersion: string
  /** Bytes that this user may still write where `path` is or would be; `undefined` where nobody can tell. */
  freeBytes(path: string): number | undefined
  /** Whether others than the owner may read a file; `undefined` when there is no file. */
  isReadByOthers(path: string): boolean | undefined
  exists(path: string): boolean
}

export const thisMachine: Machine = {
  nodeVersion: process.versions.node,
  freeBytes: (path) => {
    const folder = existsSync(path) ? path : dirname(path)
    try {
      const { bavail, bsize } = statfsSync(folder)
      return bavail * bsize
    } catch {
      return undefined
    }
  },
  isReadByOthers: (path) => (existsSync(path) ? (statSync(path).mode & 0o077) !== 0 : undefined),
  exists: existsSync,
}
