import type { CopiedTable, CopyTarget, Rows, StoredValue } from './copy.ts'
import { openDatabase, type Sql } from './database.postgres.ts'
import type { Migrations } from './migrations.ts'

/** Tables that this engine alone has: what they hold follows from the others, or lasts for seconds. */
const OWN = ['migration', 'lease', 'audit_head']
const BATCH = 500

/**
 * Runs `work` on the empty tables of the database at `url` in one transaction, which nobody else comes into: when it
 * throws, or the process is killed, nothing of it is there.
 * @throws OperatorError
 */
export async function fillingPostgres<Result>(
  url: string,
  migrations: Migrations,
  work: (target: CopyTarget) => Promise<Result>,
): Promise<Result> {
  const db = await openDatabase(url, migrations)
  try {
    return await db.transaction(async (tx) => {
      await tx.run("SELECT set_config('statement_timeout', '0', true)")
      const tables = await tablesOf(tx)
      for (const { name } of tables) await tx.run(`LOCK TABLE ${quoted(name)}`)
      return work({
        tables: async () => tables,
        isEmpty: async ({ name }) =>
          (await tx.get(`SELECT 1 FROM ${quoted(name)} LIMIT 1`)) === undefined,
        append: (table, rows) => append(tx, table, rows),
        rows: (table) => rowsOf(tx, table),
        finish: (table, lastNumber) => finish(tx, table, lastNumber),
      })
    })
  } finally {
    await db.close()
  }
}

async function tablesOf(tx: Sql): Promise<CopiedTable[]> {
  const rows = await tx.all<{ table_name: string; column_name: string }>(
    `SELECT table_name, column_name FROM information_schema.columns
     WHERE table_schema = current_schema() AND table_name <> ALL ($1)
     ORDER BY table_name COLLATE "C", column_name COLLATE "C"`,
    [OWN],
  )
  const columns = new Map<string, string[]>()
  for (const { table_name: name, column_name: column } of rows) {
    columns.set(name, [...(columns.get(name) ?? []), column])
  }
  return [...columns].map(([name, names]) => ({ name, columns: names }))
}

async function append(tx: Sql, { name, columns }: CopiedTable, rows: Rows): Promise<void> {
  const places = rows.map(
    (_row, at) =>
      `(${columns.map((_column, place) => `$${at * columns.length + place + 1}`).join(', ')})`,
  )
  await tx.run(
    `INSERT INTO ${quoted(name)} (${columns.map(quoted).join(', ')}) VALUES ${places.join(', ')}`,
    rows.flat(),
  )
}

async function* rowsOf(tx: Sql, { name, columns }: CopiedTable): AsyncGenerator<Rows> {
  await tx.run(
    `DECLARE copied NO SCROLL CURSOR FOR SELECT ${columns.map(quoted).join(', ')} FROM ${quoted(name)}`,
  )
  for (;;) {
    const rows = await tx.all<Record<string, StoredValue>>(`FETCH ${BATCH} FROM copied`)
    if (rows.length === 0) break
    yield rows.map((row) => columns.map((column) => row[column] ?? null))
  }
  await tx.run('CLOSE copied')
}

async function finish(
  tx: Sql,
  { name }: CopiedTable,
  lastNumber: number | undefined,
): Promise<void> {
  if (name === 'audit_entry') {
    await tx.run('UPDATE audit_head SET size = (SELECT count(*) FROM audit_entry)')
  }
  const identity = await tx.get<{ column_name: string }>(
    `SELECT column_name FROM information_schema.columns
     WHERE table_schema = current_schema() AND table_name = $1 AND is_identity = 'YES'`,
    [name],
  )
  if (identity === undefined) return
  const column = identity.column_name
  await tx.run(
    `SELECT setval(pg_get_serial_sequence($1, $2), greatest(last, $3::bigint), true)
     FROM (SELECT max(${quoted(column)}) AS last FROM ${quoted(name)}) AS given
     WHERE greatest(last, $3::bigint) >= 1`,
    [name, column, lastNumber ?? null],
  )
}

function quoted(name: string): string {
  return `"${name}"`
}
