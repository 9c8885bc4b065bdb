import { existsSync, realpathSync } from 'node:fs'
import { OperatorError } from '../operator-error.ts'
import { parseStoreLocation } from '../store/location.ts'

/** What no two tenants may have in common: what it is called, and what it is. */
export type Own = readonly (readonly [what: string, value: string])[]

/** Refuses tenants that have something in common that has to be of one alone. @throws OperatorError */
export function refuseShared(
  tenants: readonly { readonly name: string | undefined; readonly own: Own }[],
): void {
  const owners = new Map<string, string>()
  for (const { name = '', own } of tenants) {
    for (const [what, value] of own) {
      const other = owners.get(`${what} ${value}`)
      if (other !== undefined && other !== name) {
        throw new OperatorError('config_invalid', `${other} and ${name} have the same ${what}`, {
          hint: 'a tenant has an address, a database, a mark and keys of its own',
        })
      }
      owners.set(`${what} ${value}`, name)
    }
  }
}

/**
 * What a database is, however it is written: what `identify` learns of a PostgreSQL by asking it, or where the file
 * really is. @throws OperatorError what `identify` throws
 */
export async function databaseIdentity(
  database: string,
  {
    at,
    identify,
  }: {
    readonly at: (path: string) => string
    readonly identify: (url: string) => Promise<string>
  },
): Promise<string> {
  const location = parseStoreLocation(database)
  if (location?.engine === 'postgres') return `postgres ${await identify(location.url)}`
  return `sqlite ${fileIdentity(at(location?.path ?? database))}`
}

/** Where a file really is, once it is there. */
export function fileIdentity(path: string): string {
  return existsSync(path) ? realpathSync(path) : path
}
