import { join } from 'node:path'
import type { Express } from 'express'
import pg from 'pg'
import { sha256Hex } from '../../shared/hash.ts'
import { type HttpServer, listen } from '../../shared/http/server.http.ts'
import { openTenantMetrics } from '../../shared/observe/metrics.ts'
import { systemRandom } from '../../shared/random.ts'
import { openSqlite } from '../../shared/store/database.sqlite.ts'
import { hostTenants, type TenantApplication } from '../../shared/tenant/host.http.ts'
import { fixturePipeline } from './evidence.ts'
import { openIssuer, type TestIssuer, testIdentity } from './issuer.ts'
import { silentLog } from './log.ts'
import { type Ecosystem, type Platform, startPlatform } from './platform.ts'
import { postgresDatabase } from './postgres.ts'
import { temporaryFolder } from './temporary-folder.ts'

export type Engine = 'SQLite' | 'PostgreSQL'

/** Two issuers in one program and two verifiers in another, each pair behind one listener, told apart by their address. */
export interface TenantWorld {
  readonly issuers: readonly [TestIssuer, TestIssuer]
  readonly pipeline: ReturnType<typeof fixturePipeline>
  readonly verifiers: readonly [Platform, Platform]
  /** Digests of every row that the four keep, by `server.table`; not when a key was last used. */
  contents(): Promise<Readonly<Record<string, string>>>
  close(): Promise<void>
}

const HOSTS = ['127.0.0.1', 'localhost'] as const

/**
 * Opens them; with `shared`, wrongly, the second of each pair on the database of the first, which a program refuses to
 * start with.
 */
export async function openTenantWorld(
  ecosystem: Ecosystem,
  { engine, shared = false }: { readonly engine: Engine; readonly shared?: boolean },
): Promise<TenantWorld> {
  const folder = temporaryFolder()
  const database = (name: string): Promise<string> | string =>
    engine === 'SQLite' ? join(folder.path, `${name}.db`) : postgresDatabase()
  const [issuer, verifier] = [await database('issuer-a'), await database('verifier-a')]
  const others = shared
    ? ([issuer, verifier] as const)
    : ([await database('issuer-b'), await database('verifier-b')] as const)
  const pipeline = fixturePipeline()
  const front = await listen({ host: '127.0.0.1', port: 0 })
  const port = Number(new URL(front.url).port)
  const open = async (path: string, host: string): Promise<TestIssuer> => {
    const identity = await testIdentity(port, Math.floor(Date.now() / 1000), host)
    return openIssuer(pipeline, { path, identity, listenPort: 0 })
  }
  const issuers = [await open(issuer, HOSTS[0]), await open(others[0], HOSTS[1])] as const
  serve(front, issuers)
  const verifierFront = await listen({ host: '127.0.0.1', port: 0 })
  const start = (path: string, name: string, host: string): Promise<Platform> =>
    startPlatform(ecosystem, {
      ...{ name, database: path },
      baseUrl: verifierFront.url.replace(HOSTS[0], host),
    })
  const verifiers = [
    await start(verifier, 'driver', HOSTS[0]),
    await start(others[1], 'courier', HOSTS[1]),
  ] as const
  serve(verifierFront, verifiers)
  const places = { issuer, verifier, 'other issuer': others[0], 'other verifier': others[1] }
  return {
    issuers,
    pipeline,
    verifiers,
    contents: async () => {
      const all: Record<string, string> = {}
      for (const [server, place] of Object.entries(places)) {
        for (const [table, rows] of Object.entries(await rowsOf(place))) {
          all[`${server}.${table}`] = `${rows.length} ${sha256Hex(rows.sort().join('\n'))}`
        }
      }
      return all
    },
    close: async () => {
      await Promise.all([front.close(), verifierFront.close()])
      for (const each of issuers) await each.close()
      for (const each of verifiers) await each.stop()
      folder.remove()
    },
  }
}

/** Both behind one listener, as the programs do it. */
function serve(
  front: HttpServer,
  tenants: readonly [
    { readonly url: string; readonly app: Express },
    { readonly url: string; readonly app: Express },
  ],
): void {
  const readiness = async () => ({ status: 'ready', checks: {} }) as const
  const served = tenants.map(
    ({ url, app }, index): TenantApplication => ({
      ...{ name: ['a', 'b'][index], baseUrl: url, listener: app, readiness },
      checkHealth: () => undefined,
    }),
  ) as [TenantApplication, ...TenantApplication[]]
  const deps = { metrics: openTenantMetrics(), log: silentLog, random: systemRandom }
  front.serve(hostTenants(served, deps).listener)
}

/** Every row of every table, as text. That a key was used is noted once a minute and is no row of another tenant's. */
async function rowsOf(place: string): Promise<Readonly<Record<string, string[]>>> {
  const text = (row: object): string => {
    const { last_used_at: _noted, ...rest } = row as Record<string, unknown>
    return JSON.stringify(rest, (_key, value) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
    )
  }
  if (place.startsWith('postgres://')) {
    const client = new pg.Client({ connectionString: place })
    await client.connect()
    try {
      const { rows: tables } = await client.query<{ tablename: string }>(
        'SELECT tablename FROM pg_tables WHERE schemaname = current_schema()',
      )
      const found: Record<string, string[]> = {}
      for (const { tablename } of tables) {
        // A lease is held and let go by whoever publishes.
        if (tablename === 'lease') continue
        found[tablename] = (await client.query(`SELECT * FROM "${tablename}"`)).rows.map(text)
      }
      return found
    } finally {
      await client.end()
    }
  }
  const db = openSqlite(place, 5000)
  const tables = db
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .pluck()
    .all() as string[]
  const rows = tables.map((table) => {
    const all = db.prepare(`SELECT * FROM "${table}"`).all() as object[]
    return [table, all.map(text)] as const
  })
  db.close()
  return Object.fromEntries(rows)
}
