import { sha256 } from '../hash.ts'
import { OperatorError } from '../operator-error.ts'

/** A stored value: a whole number, a text, bytes, or nothing. */
export type StoredValue = number | string | Uint8Array | null

/** Rows of one table, each with its values in the order of `columns`. */
export type Rows = readonly (readonly StoredValue[])[]

/** A table whose rows are copied; `columns` are in the order of their names. */
export interface CopiedTable {
  readonly name: string
  readonly columns: readonly string[]
}

/** A database that is read as it is, while nobody writes to it. */
export interface CopySource {
  /** Every table but that of the migrations, one that others refer to before those. */
  tables(): readonly CopiedTable[]
  rows(table: CopiedTable): Iterable<Rows>
  /** The largest number that was ever given to a row of this table, where the store gives them. */
  lastNumber(table: CopiedTable): number | undefined
}

/** A database that is filled in one transaction. */
export interface CopyTarget {
  /** Every table but those of this engine's own, in the order of their names. */
  tables(): Promise<readonly CopiedTable[]>
  isEmpty(table: CopiedTable): Promise<boolean>
  append(table: CopiedTable, rows: Rows): Promise<void>
  rows(table: CopiedTable): AsyncIterable<Rows>
  /** Gives larger numbers from here on, and goes on where the rows end. */
  finish(table: CopiedTable, lastNumber: number | undefined): Promise<void>
}

/** What was copied of one table, and read back. */
export interface CopyResult {
  readonly table: string
  readonly rows: number
  /** Of all rows in whatever order, hexadecimal. */
  readonly digest: string
}

/**
 * Copies every table and reads it back: as many rows, with the same values, or it throws and the caller's transaction
 * leaves nothing behind.
 * @throws OperatorError `store_not_empty`, `copy_failed`
 */
export async function copyStore(source: CopySource, target: CopyTarget): Promise<CopyResult[]> {
  const tables = source.tables()
  await requireFitting(tables, target)
  const results: CopyResult[] = []
  for (const table of tables) {
    const read = emptySum()
    for (const rows of source.rows(table)) {
      add(read, rows)
      await target.append(table, rows)
    }
    const written = emptySum()
    for await (const rows of target.rows(table)) add(written, rows)
    if (written.count !== read.count || written.sum !== read.sum) {
      throw new OperatorError('copy_failed', `${table.name} does not read back as it was written`)
    }
    await target.finish(table, source.lastNumber(table))
    results.push({ table: table.name, rows: read.count, digest: digestOf(read) })
  }
  return results
}

async function requireFitting(tables: readonly CopiedTable[], target: CopyTarget): Promise<void> {
  const names = (list: readonly CopiedTable[]): string =>
    JSON.stringify(list.map(({ name, columns }) => [name, columns]).sort())
  if (names(await target.tables()) !== names(tables)) {
    throw new OperatorError('copy_failed', 'the two databases do not have the same tables')
  }
  for (const table of tables) {
    if (await target.isEmpty(table)) continue
    throw new OperatorError(
      'store_not_empty',
      `the database to copy to has rows in ${table.name}`,
      {
        hint: 'name an empty database; nothing was changed in this one',
      },
    )
  }
}

interface Sum {
  count: number
  sum: bigint
}

const MODULUS = 1n << 256n

function emptySum(): Sum {
  return { count: 0, sum: 0n }
}

/** The sum of the rows' digests, so that the order in which a table is read does not matter. */
function add(sum: Sum, rows: Rows): void {
  for (const row of rows) {
    const text = JSON.stringify(row.map((value) => encoded(value)))
    sum.sum = (sum.sum + BigInt(`0x${sha256(text).toString('hex')}`)) % MODULUS
    sum.count += 1
  }
}

function encoded(value: StoredValue): number | string | readonly string[] | null {
  return value instanceof Uint8Array ? [Buffer.from(value).toString('base64url')] : value
}

function digestOf({ sum }: Sum): string {
  return sum.toString(16).padStart(64, '0')
}
