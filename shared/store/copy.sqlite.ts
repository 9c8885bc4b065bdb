import { existsSync } from 'node:fs'
import { OperatorError } from '../operator-error.ts'
import type { CopySource, Rows, StoredValue } from './copy.ts'
import { openDatabase } from './database.sqlite.ts'
import type { Migrations } from './migrations.ts'

const BATCH = 500

/**
 * Runs `work` on the database at `path`, after bringing it to the newest schema. Whoever else writes to it meanwhile
 * waits and is told that it is busy.
 * @throws OperatorError
 */
export async function readingSqlite<Result>(
  path: string,
  migrations: Migrations,
  work: (source: CopySource) => Promise<Result>,
): Promise<Result> {
  if (!existsSync(path)) {
    throw new OperatorError('file_unreadable', `there is no database ${path}`)
  }
  const db = openDatabase(path, migrations)
  try {
    db.exec('BEGIN IMMEDIATE')
    const references = (name: string): string[] =>
      db
        .prepare(`SELECT DISTINCT "table" FROM pragma_foreign_key_list(?)`)
        .pluck()
        .all(name) as string[]
    return await work({
      tables: () => {
        const names = db
          .prepare(
            `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
               AND name <> 'migration' ORDER BY name`,
          )
          .pluck()
          .all() as string[]
        return referredFirst(names, references).map((name) => ({
          name,
          columns: db
            .prepare('SELECT name FROM pragma_table_info(?) ORDER BY name')
            .pluck()
            .all(name) as string[],
        }))
      },
      rows: ({ name, columns }) =>
        batches(
          db
            .prepare(`SELECT ${columns.map(quoted).join(', ')} FROM ${quoted(name)}`)
            .raw()
            .iterate() as Iterable<StoredValue[]>,
        ),
      lastNumber: ({ name }) => {
        const numbers = db.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'`)
        if (numbers.get() === undefined) return undefined
        return db.prepare('SELECT seq FROM sqlite_sequence WHERE name = ?').pluck().get(name) as
          | number
          | undefined
      },
    })
  } finally {
    if (db.inTransaction) db.exec('ROLLBACK')
    db.close()
  }
}

function* batches(rows: Iterable<StoredValue[]>): Generator<Rows> {
  let batch: StoredValue[][] = []
  for (const row of rows) {
    batch.push(row)
    if (batch.length < BATCH) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

function referredFirst(
  names: readonly string[],
  references: (name: string) => readonly string[],
): string[] {
  const ordered: string[] = []
  const visit = (name: string): void => {
    if (ordered.includes(name)) return
    for (const other of references(name)) if (other !== name) visit(other)
    ordered.push(name)
  }
  for (const name of names) visit(name)
  return ordered
}

function quoted(name: string): string {
  return `"${name}"`
}
