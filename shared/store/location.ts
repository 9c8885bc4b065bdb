import { z } from 'zod'

/** Where a program keeps what it must not forget. */
export type StoreLocation =
  | { readonly engine: 'sqlite'; readonly path: string }
  | { readonly engine: 'postgres'; readonly url: string }

/**
 * Reads `sqlite:PATH`, `postgres://…` or a plain path, which is SQLite's. `undefined` for anything else that has a
 * scheme, so that a misspelt one makes no file.
 */
export function parseStoreLocation(text: string): StoreLocation | undefined {
  if (/^postgres(ql)?:\/\/./.test(text)) return { engine: 'postgres', url: text }
  const path = text.replace(/^sqlite:/, '')
  if (path === '' || /^[a-z][a-z0-9+.-]+:/.test(path)) return undefined
  return { engine: 'sqlite', path }
}

/** The member of a configuration that names the store; the text itself may hold a password and is in no message. */
export const storeLocation: z.ZodType<string> = z
  .string()
  .refine(
    (text) => parseStoreLocation(text) !== undefined,
    'is neither a path, sqlite:PATH nor postgres://HOST/DATABASE',
  )

/**
 * Where the mark of a log goes when nothing is said: beside the SQLite file, or `NAME.checkpoint` for PostgreSQL, with
 * the schema in it that the address names.
 */
export function defaultMark(database: string, name: string): string {
  const location = parseStoreLocation(database)
  if (location?.engine === 'sqlite') return `${location.path}.checkpoint`
  const schema = URL.canParse(database) ? new URL(database).searchParams.get('schema') : null
  return `${name}${schema === null ? '' : `-${schema}`}.checkpoint`
}
