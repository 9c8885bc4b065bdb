import { link, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256Hex } from '../../shared/hash.ts'
import { syncFolder, writeSynced } from '../../shared/synced-file.ts'
import type { WitnessState } from './witness.ts'

/** No two writes of this process have one temporary file. */
let writes = 0

/** The state of one log: `<SHA-256 of its origin>.<generation>`. Each is written once, and the highest counts. */
interface Generation {
  readonly number: number
  readonly text: string
}

/**
 * Keeps the last checkpoint of each log in a folder. A generation is linked into place once it is synced, which only
 * one process can do, so that two witnesses on one folder never cosign two continuations of one checkpoint.
 */
export function openWitnessState(folder: string): WitnessState {
  const pathOf = (origin: string, number: number): string =>
    join(folder, `${sha256Hex(origin)}.${number}`)
  const numbersOf = async (origin: string): Promise<number[]> => {
    const name = new RegExp(`^${sha256Hex(origin)}\\.([1-9]\\d{0,14})$`)
    const numbers = (await namesIn(folder)).flatMap((found) => name.exec(found)?.[1] ?? [])
    return numbers.map(Number).sort((a, b) => b - a)
  }
  const newest = async (origin: string): Promise<Generation | undefined> => {
    for (;;) {
      const [number] = await numbersOf(origin)
      if (number === undefined) return undefined
      // One that is gone by now was succeeded.
      const text = await readIfThere(pathOf(origin, number))
      if (text !== undefined) return { number, text }
    }
  }
  return {
    read: async (origin) => (await newest(origin))?.text,
    replace: async (origin, expected, cosigned) => {
      const before = await newest(origin)
      if (before?.text !== expected) return false
      const number = (before?.number ?? 0) + 1
      const temporary = `${pathOf(origin, number)}.${process.pid}-${writes++}.new`
      await mkdir(folder, { recursive: true })
      try {
        await writeSynced(temporary, cosigned)
        if (!(await linkUnlessThere(temporary, pathOf(origin, number)))) return false
      } finally {
        await rm(temporary, { force: true })
      }
      await syncFolder(folder)
      const numbers = await numbersOf(origin)
      // A higher one means that this generation had been there, was succeeded and removed before.
      if (numbers[0] !== number) return false
      for (const old of numbers.slice(1)) await rm(pathOf(origin, old), { force: true })
      return true
    },
  }
}

/** Makes the folder and shows that it can be read, written, linked in and synced: a witness must be able to do all. */
export async function prepareWitnessFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const [probe, linked] = [
    join(folder, `probe.${process.pid}`),
    join(folder, `linked.${process.pid}`),
  ]
  try {
    await rm(linked, { force: true })
    await writeSynced(probe, 'probe')
    await link(probe, linked)
    await syncFolder(folder)
    for (const name of await readdir(folder)) {
      if (/^[0-9a-f]{64}\.\d+$/.test(name)) await readFile(join(folder, name))
    }
  } finally {
    await rm(probe, { force: true })
    await rm(linked, { force: true })
  }
}

async function linkUnlessThere(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
