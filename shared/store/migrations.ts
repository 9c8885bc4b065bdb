import type { NumericDate } from '../clock.ts'
import { OperatorError } from '../operator-error.ts'

/** The SQL of each component in order. An applied text never changes; a new one is added at the end. */
export type Migrations = Readonly<Record<string, readonly string[]>>

/**
 * Refuses a database that a newer program has written; `applied` has the last number of each component in it.
 * @throws OperatorError `database_newer`
 */
export function refuseNewerSchema(
  applied: readonly { readonly component: string; readonly number: number }[],
  migrations: Migrations,
): void {
  for (const { component, number } of applied) {
    const known = migrations[component]?.length ?? 0
    if (number > known) {
      throw new OperatorError(
        'database_newer',
        `the database has schema ${component}/${number}, this program knows ${component}/${known}`,
        { hint: 'a newer version has used this database: run that one, or restore a backup' },
      )
    }
  }
}

/**
 * Whether a migration was applied, given the digest that the database has of it.
 * @throws OperatorError `database_changed` when another text was applied under its number
 */
export function isApplied(
  { component, number, sha256 }: { component: string; number: number; sha256: string },
  applied: string | undefined,
): boolean {
  if (applied !== undefined && applied !== sha256) {
    throw new OperatorError(
      'database_changed',
      `schema ${component}/${number} in the database is not the one of this program`,
    )
  }
  return applied === sha256
}

/** What stands in a database, before anything is done to it. */
export interface SchemaState {
  /** Such as `PostgreSQL 17` or `SQLite 3.53.2`. */
  readonly engine: string
  /** How many migrations of this program were not applied yet. */
  readonly pending: number
  /** What the engine's own check of its pages found; empty where it found nothing or has none. */
  readonly damage: readonly string[]
  /** The server's clock where there is a server. */
  readonly serverTime?: NumericDate
}

/**
 * How many of `migrations` were not applied, given the numbers that were.
 * @throws OperatorError `database_newer`
 */
export function countPending(
  applied: readonly { readonly component: string; readonly number: number }[],
  migrations: Migrations,
): number {
  refuseNewerSchema(applied, migrations)
  const done = new Map(applied.map(({ component, number }) => [component, number]))
  return Object.entries(migrations).reduce(
    (sum, [component, texts]) => sum + texts.length - (done.get(component) ?? 0),
    0,
  )
}
