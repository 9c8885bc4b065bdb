import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { sha256Hex } from '../shared/hash.ts'

/** Even files are for tuning, odd ones for reporting. */
export type Part = 'tuning' | 'reporting'

/** The part that a file belongs to, by the last digit of its SHA-256. */
export function partOf(sha256: string): Part {
  return Number.parseInt(sha256.at(-1) ?? '0', 16) % 2 === 0 ? 'tuning' : 'reporting'
}

/** One file of a set. */
export interface Item {
  /** From the set's folder, with forward slashes. */
  readonly path: string
  readonly sha256: string
  readonly part: Part
  readonly bytes: Buffer
}

/** Files that were measured together; its digest is over the sorted list of names and digests. */
export interface DataSet {
  readonly digest: string
  readonly items: readonly Item[]
}

/** A set of items, named by what is in it. */
export function dataSet(items: readonly Omit<Item, 'part'>[]): DataSet {
  const sorted = [...items].sort((p, q) => (p.path < q.path ? -1 : 1))
  const list = sorted.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join('')
  return {
    digest: sha256Hex(list),
    items: sorted.map((item) => ({ ...item, part: partOf(item.sha256) })),
  }
}

/** The files below a folder whose names end as given. */
export async function readDataSet(folder: string, endings: readonly string[]): Promise<DataSet> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const items: Omit<Item, 'part'>[] = []
  for (const entry of entries) {
    if (!entry.isFile() || !endings.some((ending) => entry.name.endsWith(ending))) continue
    const full = join(entry.parentPath, entry.name)
    const bytes = await readFile(full)
    const path = relative(folder, full).replaceAll('\\', '/')
    items.push({ path, sha256: sha256Hex(bytes), bytes })
  }
  return dataSet(items)
}
