import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { sha256Hex } from '../hash.ts'
import { OperatorError } from '../operator-error.ts'
import { Problem } from '../problem.ts'
import {
  countPending,
  isApplied,
  type Migrations,
  refuseNewerSchema,
  type SchemaState,
} from './migrations.ts'

/** Runs statements, each with `$1`, `$2`… for its values. Only files named `*.postgres.ts` use one. */
export interface Sql {
  all<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** The first row. */
  get<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row | undefined>
  /** Answers how many rows a statement changed. */
  run(text: string, values?: readonly unknown[]): Promise<number>
}

/** A PostgreSQL database; a statement outside of a transaction is one of its own. */
export interface Database extends Sql {
  /**
   * Runs `work` in one transaction, READ COMMITTED: every statement sees what was committed before it began, and what
   * must not change meanwhile is locked by `SELECT … FOR UPDATE`. Rolls back when `work` throws, and runs it again
   * when it was the victim of a deadlock or of a serialization failure, so `work` has no effect but through `tx`.
   */
  transaction<Result>(work: (tx: Sql) => Promise<Result>): Promise<Result>
  /** Runs reads that have to agree with each other on one snapshot: REPEATABLE READ, READ ONLY. */
  snapshot<Result>(work: (tx: Sql) => Promise<Result>): Promise<Result>
  close(): Promise<void>
}

/** PostgreSQL 15, as `server_version_num` says it. */
const OLDEST_SERVER = 150_000
const INT8 = 20
const POOL_SIZE = 10
const CONNECT_TIMEOUT_MS = 5000
const STATEMENT_TIMEOUT_MS = 30_000
const LOCK_TIMEOUT_MS = 10_000
const IDLE_IN_TRANSACTION_MS = 30_000
/** How often a transaction is run before its deadlock or serialization failure is the caller's. */
const MAX_ATTEMPTS = 8
const FIRST_PAUSE_MS = 4

/** Class 40: the transaction was rolled back and may be run again. */
const RUN_AGAIN = new Set(['40001', '40P01'])
/** The server went away, is full, or somebody held a lock for too long. */
const UNAVAILABLE = /^(08...|57P0[1-4]|53300|55P03|57014|ECONN.*|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_.*)$/

const OWN_TABLE = `CREATE TABLE IF NOT EXISTS migration (
  component TEXT NOT NULL, number BIGINT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (component, number)
)`

/**
 * Opens the database at `url` and brings it to the newest schema of every component. What is committed is on the disk
 * of the server (`synchronous_commit` is at least `on`). Each migration is one transaction under an advisory lock, so
 * processes that start together take turns and a killed start resumes where it stopped; a database that a newer
 * program has written is refused untouched. No message has the user or the password of `url`.
 * @throws OperatorError
 */
export async function openDatabase(url: string, migrations: Migrations): Promise<Database> {
  const database = connect(url)
  try {
    await refuseUnfit(database)
    await migrate(database, migrations)
    return database
  } catch (error) {
    await database.close()
    throw unusable(url, error)
  }
}

function unusable(url: string, error: unknown): OperatorError {
  if (error instanceof OperatorError) return error
  const cause = error instanceof Problem ? error.cause : error
  return new OperatorError('database_unusable', `cannot use the database ${place(url)}`, {
    cause,
    hint: `${messageOf(cause)}; is the server up, and may this user make tables in its first schema?`,
  })
}

/** Looks at the database at `url` and changes nothing. No message has its user or password. @throws OperatorError */
export async function examineDatabase(url: string, migrations: Migrations): Promise<SchemaState> {
  const database = connect(url)
  try {
    await refuseUnfit(database)
    const server = await database.get<{ version: number; now: number; filled: boolean }>(
      `SELECT current_setting('server_version_num')::int AS version,
         floor(extract(epoch FROM clock_timestamp()))::int8 AS now,
         to_regclass('migration') IS NOT NULL AS filled`,
    )
    const applied = server?.filled ? await newestApplied(database) : []
    return {
      engine: `PostgreSQL ${Math.floor((server?.version ?? 0) / 10_000)}`,
      pending: countPending(applied, migrations),
      damage: [],
      ...(server === undefined ? {} : { serverTime: server.now }),
    }
  } catch (error) {
    throw unusable(url, error)
  } finally {
    await database.close()
  }
}

/**
 * What tells the first schema of the database at `url` apart from every other one while its server runs, however `url`
 * names them; nothing is changed. No message has its user or password. @throws OperatorError
 */
export async function identifyDatabase(url: string): Promise<string> {
  const database = connect(url)
  try {
    await refuseUnfit(database)
    const found = await database.get<{ identity: string }>(
      `SELECT concat_ws(' ', extract(epoch FROM pg_postmaster_start_time()),
         (SELECT oid FROM pg_database WHERE datname = current_database()),
         (SELECT oid FROM pg_namespace WHERE nspname = current_schema())) AS identity`,
    )
    if (found === undefined) throw new Error('the server does not tell what it is')
    return found.identity
  } catch (error) {
    throw unusable(url, error)
  } finally {
    await database.close()
  }
}

/** Writes without changing anything. @throws what a write throws, such as where the server has become a standby */
export async function checkWritable(db: Database): Promise<void> {
  await db.transaction((tx) => tx.get('SELECT pg_current_xact_id()'))
}

/** Undoes the transaction that it is called in, which then answers `value`. */
export function rollBackWith(value: unknown): never {
  throw new RolledBack(value)
}

class RolledBack extends Error {
  override readonly name = 'RolledBack'
  readonly value: unknown
  constructor(value: unknown) {
    super('the transaction is rolled back')
    this.value = value
  }
}

/** Takes a lock that lasts until the transaction ends, for what no single row stands for. */
export async function lockName(tx: Sql, name: string): Promise<void> {
  await tx.get(`SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '/' || $1, 0))`, [
    name,
  ])
}

function connect(given: string): Database {
  const { url, schema } = withoutSchema(given)
  const pool = new pg.Pool({
    connectionString: url,
    max: POOL_SIZE,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
    application_name: 'carnet',
    types: { getTypeParser: typeParser },
    onConnect: async (client: pg.ClientBase) => {
      if (schema !== undefined) {
        await client.query(`SELECT set_config('search_path', $1, false)`, [`"${schema}"`])
      }
      await client.query(
        `SELECT set_config('synchronous_commit', 'on', false)
         WHERE current_setting('synchronous_commit') IN ('off', 'local')`,
      )
    },
  })
  // A connection that the server ends while nobody uses it; the next statement opens another one.
  pool.on('error', () => undefined)
  return {
    ...sqlOf(pool),
    transaction: (work) => attempt(pool, 'ISOLATION LEVEL READ COMMITTED READ WRITE', work),
    snapshot: (work) => attempt(pool, 'ISOLATION LEVEL REPEATABLE READ READ ONLY', work),
    close: () => pool.end(),
  }
}

/** Every number that we store is a safe integer; PostgreSQL sends eight bytes as text. */
function typeParser(oid: number, format?: 'text' | 'binary'): (text: string) => unknown {
  return oid === INT8 ? safeInteger : pg.types.getTypeParser(oid, format as 'text')
}

function safeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError('a stored number is too large')
  return value
}

function sqlOf(runner: Pick<pg.ClientBase, 'query'>): Sql {
  const query = async (text: string, values: readonly unknown[] = []) => {
    try {
      return await runner.query(text, [...values])
    } catch (error) {
      throw unavailable(error) ?? unstorable(error) ?? error
    }
  }
  return {
    all: async (text, values) => (await query(text, values)).rows,
    get: async (text, values) => (await query(text, values)).rows[0],
    run: async (text, values) => (await query(text, values)).rowCount ?? 0,
  }
}

async function attempt<Result>(
  pool: pg.Pool,
  mode: string,
  work: (tx: Sql) => Promise<Result>,
): Promise<Result> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await once(pool, mode, work)
    } catch (error) {
      if (error instanceof RolledBack) return error.value as Result
      if (!RUN_AGAIN.has(codeOf(error)) || attempts === MAX_ATTEMPTS) throw error
      await sleep(FIRST_PAUSE_MS * 2 ** attempts)
    }
  }
}

async function once<Result>(
  pool: pg.Pool,
  mode: string,
  work: (tx: Sql) => Promise<Result>,
): Promise<Result> {
  const client = await acquire(pool)
  let broken = false
  const tx = sqlOf(client)
  try {
    await tx.run(`BEGIN ${mode}`)
    const result = await work(tx)
    await tx.run('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {
      broken = true
    })
    throw error
  } finally {
    client.release(broken)
  }
}

async function acquire(pool: pg.Pool): Promise<pg.PoolClient> {
  try {
    const client = await pool.connect()
    // An error between two statements shows at the next one; without a listener it would end the process.
    if (client.listenerCount('error') === 0) client.on('error', () => undefined)
    return client
  } catch (error) {
    throw unavailable(error) ?? error
  }
}

/** What passes by itself is the caller's to try again: 503, not a defect. */
function unavailable(error: unknown): Problem | undefined {
  const isLost =
    UNAVAILABLE.test(codeOf(error)) ||
    /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered)/.test(
      messageOf(error),
    )
  return isLost
    ? new Problem('busy', 'the store cannot be reached, try again soon', { cause: error })
    : undefined
}

/** PostgreSQL has no text with a NUL in it. */
function unstorable(error: unknown): Problem | undefined {
  return codeOf(error) === '22021'
    ? new Problem('request_invalid', 'a text has a character that cannot be stored', {
        cause: error,
      })
    : undefined
}

function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : ''
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : ''
}

/** Host, port and database of a connection string, without its user and password. */
/** The schema that `?schema=` names, which the driver does not know, and the rest. @throws OperatorError */
function withoutSchema(text: string): { readonly url: string; readonly schema?: string } {
  if (!URL.canParse(text)) return { url: text }
  const url = new URL(text)
  const schema = url.searchParams.get('schema')
  if (schema === null) return { url: text }
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) {
    throw new OperatorError('config_invalid', `the database ${place(text)} has no such schema`, {
      hint: 'schema= takes a name of lower-case letters, digits and _',
    })
  }
  url.searchParams.delete('schema')
  return { url: url.href, schema }
}

function place(url: string): string {
  try {
    const { host, pathname, searchParams } = new URL(url)
    const schema = searchParams.get('schema')
    return `postgres://${host}${pathname}${schema === null ? '' : `?schema=${schema}`}`
  } catch {
    return 'postgres://…'
  }
}

async function refuseUnfit(database: Database): Promise<void> {
  const server = await database.get<{
    version: number
    encoding: string
    standby: boolean
    placed: boolean
  }>(
    `SELECT current_setting('server_version_num')::int AS version,
       current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS standby,
       current_schema() IS NOT NULL AS placed`,
  )
  if (server === undefined) throw new Error('the server does not tell its version')
  const { version, encoding, standby, placed } = server
  if (version < OLDEST_SERVER) {
    throw new OperatorError(
      'postgres_too_old',
      `PostgreSQL ${Math.floor(version / 10_000)} is older than ${OLDEST_SERVER / 10_000}`,
      { hint: 'use a PostgreSQL that is still maintained' },
    )
  }
  if (!placed) {
    throw new OperatorError('database_unusable', 'the database has no such schema', {
      hint: 'CREATE SCHEMA name AUTHORIZATION user; makes it',
    })
  }
  if (encoding !== 'UTF8' || standby) {
    throw new OperatorError(
      'database_unusable',
      standby ? 'the server is a standby, which takes no writes' : 'the database is not in UTF8',
      { hint: 'name the primary server and a database that was made with ENCODING UTF8' },
    )
  }
}

async function migrate(database: Database, migrations: Migrations): Promise<void> {
  await database.transaction(async (tx) => {
    await lockMigrations(tx)
    await tx.run(OWN_TABLE)
  })
  refuseNewerSchema(await newestApplied(database), migrations)
  for (const [component, texts] of Object.entries(migrations)) {
    for (const [index, sql] of texts.entries()) {
      await database.transaction((tx) => applyOnce(tx, { component, number: index + 1, sql }))
    }
  }
}

/** Another process may be at a migration that takes long, so that no bound on time holds here. */
async function lockMigrations(tx: Sql): Promise<void> {
  await tx.run(
    `SELECT set_config('lock_timeout', '0', true), set_config('statement_timeout', '0', true)`,
  )
  await lockName(tx, 'migration')
}

function newestApplied(database: Database): Promise<{ component: string; number: number }[]> {
  return database.all('SELECT component, max(number) AS number FROM migration GROUP BY component')
}

async function applyOnce(
  tx: Sql,
  { component, number, sql }: { component: string; number: number; sql: string },
): Promise<void> {
  await lockMigrations(tx)
  const sha256 = sha256Hex(sql)
  const applied = await tx.get<{ sha256: string }>(
    'SELECT sha256 FROM migration WHERE component = $1 AND number = $2',
    [component, number],
  )
  if (isApplied({ component, number, sha256 }, applied?.sha256)) return
  await tx.run(sql)
  await tx.run('INSERT INTO migration VALUES ($1, $2, $3)', [component, number, sha256])
}
