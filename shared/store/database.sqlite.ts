import { createRequire } from 'node:module'
import type SqliteDatabase from 'better-sqlite3'
import { sha256Hex } from '../hash.ts'
import { OperatorError } from '../operator-error.ts'
import {
  countPending,
  isApplied,
  type Migrations,
  refuseNewerSchema,
  type SchemaState,
} from './migrations.ts'

/** An open SQLite database. Only files named `*.sqlite.ts` use one. */
export type Database = SqliteDatabase.Database

/** Versions before this one can corrupt a database in WAL mode (the "WAL-reset" fault, fixed in 3.51.3). */
const OLDEST_SQLITE = [3, 51, 3] as const

/**
 * From this Node on the SQLite module is better-sqlite3 13, which needs it; 12 is the last for Node 20, and what is built
 * against the headers of Node 24.19 aborts the process when a statement is collected.
 */
const NODE_OF_SQLITE_13 = 22

/** How long a writer waits for another process's transaction. */
const BUSY_TIMEOUT_MS = 5000

const OWN_TABLE = `CREATE TABLE IF NOT EXISTS migration(
  component TEXT NOT NULL, number INTEGER NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY(component, number)
) STRICT, WITHOUT ROWID`

/**
 * Opens the database at `path`, making it when absent, and brings it to the newest schema of every component. A
 * committed transaction survives power loss (WAL, `synchronous=FULL`). Each migration is one transaction, so a
 * killed start resumes where it stopped; a database that a newer program has written is refused untouched.
 * @throws OperatorError
 */
export function openDatabase(path: string, migrations: Migrations): Database {
  const db = openSqlite(path, BUSY_TIMEOUT_MS)
  try {
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    db.pragma('foreign_keys = ON')
    db.pragma('trusted_schema = OFF')
    db.pragma('secure_delete = ON')
    migrate(db, migrations)
    return db
  } catch (error) {
    db.close()
    if (error instanceof OperatorError) throw error
    throw new OperatorError('database_unusable', `cannot use the database ${path}`, {
      cause: error,
      hint: 'is it an SQLite database that this user may write, and is there space on the disk?',
    })
  }
}

/**
 * Runs `work` in one transaction that holds the write lock from its first statement, so that what it read is still
 * true when it writes. Rolls back when `work` throws. `work` must not await.
 */
export function immediate<Result>(db: Database, work: () => Result): Result {
  return db.transaction(work).immediate()
}

/**
 * Writes what was committed to the file itself and empties the write-ahead log, so that what was deleted, which the file
 * overwrites, does not stand there any more. While somebody still reads, it waits as long as for another writer.
 */
export function emptyLog(db: Database): void {
  db.pragma('wal_checkpoint(TRUNCATE)')
}

const statements = new WeakMap<Database, Map<string, SqliteDatabase.Statement>>()

/**
 * The statement of a text, compiled once for each database. It is for texts that stand in the program and for `run`,
 * `get` and `all`: a statement that is being iterated or was told to `pluck` is one's own.
 */
export function prepared<Values extends unknown[] = unknown[], Row = unknown>(
  db: Database,
  sql: string,
): SqliteDatabase.Statement<Values, Row> {
  let known = statements.get(db)
  if (known === undefined) {
    known = new Map()
    statements.set(db, known)
  }
  let statement = known.get(sql)
  if (statement === undefined) {
    statement = db.prepare(sql)
    known.set(sql, statement)
  }
  return statement as SqliteDatabase.Statement<Values, Row>
}

/** Writes without changing anything. @throws what a write throws, on a full disk or in a file that may only be read */
export function checkWritable(db: Database): void {
  immediate(db, () => db.pragma(`user_version = ${db.pragma('user_version', { simple: true })}`))
}

/**
 * Looks at the SQLite file at `path`, which is there, and changes nothing: its pages (`quick_check`) and its schema.
 * @throws OperatorError
 */
export function examineDatabase(path: string, migrations: Migrations): SchemaState {
  const db = openSqlite(path, BUSY_TIMEOUT_MS)
  try {
    const engine = `SQLite ${db.prepare('SELECT sqlite_version()').pluck().get()}`
    const found = db.prepare('PRAGMA quick_check(8)').pluck().all() as string[]
    const damage = found.filter((line) => line !== 'ok')
    if (damage.length > 0) return { engine, pending: 0, damage }
    const isEmpty =
      db.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'migration'`).get() === undefined
    return { engine, pending: countPending(isEmpty ? [] : newestApplied(db), migrations), damage }
  } catch (cause) {
    if (cause instanceof OperatorError) throw cause
    throw new OperatorError('database_unusable', `cannot use the database ${path}`, {
      cause,
      hint: 'is it an SQLite database that this user may write?',
    })
  } finally {
    db.close()
  }
}

/**
 * Opens an SQLite file as it is, with an SQLite that is new enough; what it holds and how it is kept is the caller's.
 * @throws OperatorError
 */
export function openSqlite(path: string, busyTimeoutMs: number): Database {
  refuseOldSqlite()
  return connect(path, busyTimeoutMs)
}

const load = createRequire(import.meta.url)

function loadSqlite(): typeof SqliteDatabase {
  const major = Number(process.versions.node.split('.')[0])
  return major >= NODE_OF_SQLITE_13 ? load('better-sqlite3-13') : load('better-sqlite3')
}

function connect(path: string, busyTimeoutMs: number): Database {
  try {
    const Sqlite = loadSqlite()
    return new Sqlite(path, { timeout: busyTimeoutMs })
  } catch (error) {
    throw isMissingModule(error)
      ? new OperatorError(
          'native_module_missing',
          `better-sqlite3 is missing or was built for another Node than ${process.versions.node}`,
          {
            cause: error,
            hint: 'install a C++ compiler, make and python3, then run with this Node: npm ci',
          },
        )
      : new OperatorError('database_unusable', `cannot open the database ${path}`, {
          cause: error,
          hint: 'does its folder exist, and may this user write there?',
        })
  }
}

/** Asks a database in memory, because a statement on a file reads that file first. */
function refuseOldSqlite(): void {
  const memory = connect(':memory:', 0)
  const version = memory.prepare('SELECT sqlite_version()').pluck().get() as string
  memory.close()
  if (isOlder(version)) {
    throw new OperatorError(
      'sqlite_too_old',
      `SQLite ${version} is older than ${OLDEST_SQLITE.join('.')}, which can lose data`,
      { hint: 'run npm ci again so that the locked better-sqlite3 is built' },
    )
  }
}

/** True for the errors of the `bindings` package and of the dynamic loader. */
function isMissingModule(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException
  return (
    code === 'MODULE_NOT_FOUND' ||
    code === 'ERR_DLOPEN_FAILED' ||
    /bindings file/.test(message ?? '')
  )
}

/** Compares a version such as `3.53.2` with the oldest one that is safe. */
export function isOlder(version: string): boolean {
  const parts = version.split('.').map(Number)
  for (const [index, oldest] of OLDEST_SQLITE.entries()) {
    const part = parts[index] ?? 0
    if (part !== oldest) return part < oldest
  }
  return false
}

function migrate(db: Database, migrations: Migrations): void {
  db.exec(OWN_TABLE)
  refuseNewerSchema(newestApplied(db), migrations)
  for (const [component, texts] of Object.entries(migrations)) {
    for (const [index, sql] of texts.entries()) applyOnce(db, component, index + 1, sql)
  }
}

function newestApplied(db: Database): { component: string; number: number }[] {
  return db
    .prepare('SELECT component, max(number) AS number FROM migration GROUP BY component')
    .all() as { component: string; number: number }[]
}

/** Two processes that start together both come here; the write lock lets one apply and the other see it. */
function applyOnce(db: Database, component: string, number: number, sql: string): void {
  const sha256 = sha256Hex(sql)
  immediate(db, () => {
    const applied = db
      .prepare('SELECT sha256 FROM migration WHERE component = ? AND number = ?')
      .pluck()
      .get(component, number) as string | undefined
    if (isApplied({ component, number, sha256 }, applied)) return
    db.exec(sql)
    db.prepare('INSERT INTO migration VALUES (?, ?, ?)').run(component, number, sha256)
  })
}
