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

/** What names a database, however it is written: without its user and password, or where the file really is. */
export function databaseIdentity(database: string, at: (path: string) => string): string {
  const location = parseStoreLocation(database)
  if (location?.engine === 'postgres') {
    const { host, pathname, searchParams } = new URL(location.url)
    const schema = searchParams.get('schema') ?? searchParams.get('options') ?? ''
    return `postgres ${host}${pathname} ${schema}`
  }
  return `sqlite ${fileIdentity(at(location?.path ?? database))}`
}

/** Where a file really is, once it is there. */
export function fileIdentity(path: string): string {
  return existsSync(path) ? realpathSync(path) : path
}
