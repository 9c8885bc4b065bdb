/**
 * What the house around the work costs: a request through everything that a server does first, beside a bare Express route
 * and raw node:http; and the transaction of an issuance, beside a write that waits for the disk:
 * `node --import tsx bench/kernel.ts [requests] [issuances] [postgres://…]`. The database must be empty; without one, SQLite alone.
 */
import {
  closeSync,
  fdatasyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { Agent, createServer, get, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import express from 'express'
import { z } from 'zod'
import { IDENTITY_VCT } from '../issuer/credential/identity.ts'
import { readWorkflow } from '../issuer/decision/read-workflow.ts'
import type { Evidence } from '../issuer/evidence/evidence.ts'
import { screen } from '../issuer/screening/screen.ts'
import { DEFAULT_CADENCE, type Publisher, publishStatusLists } from '../issuer/status/publish.ts'
import * as onPostgres from '../issuer/storage.postgres.ts'
import * as onSqlite from '../issuer/storage.sqlite.ts'
import type { IssuerStorage } from '../issuer/storage.ts'
import type { IssuerStore } from '../issuer/store.ts'
import { endpoint, routerOf } from '../shared/http/endpoint.http.ts'
import { openApplication } from '../shared/http/server.http.ts'
import { generateEd25519Key, generateEs256Key } from '../shared/key/signer.software.ts'
import { openLog } from '../shared/log.ts'
import { openMetrics } from '../shared/observe/metrics.ts'
import { systemRandom } from '../shared/random.ts'
import { signStatusListToken } from '../shared/status-list/token.ts'
import * as postgres from '../shared/store/database.postgres.ts'
import * as sqlite from '../shared/store/database.sqlite.ts'
import { type BenchCase, compare, renderRows } from './ratio.ts'

const requests = Number(process.argv[2] ?? 300)
const issuances = Number(process.argv[3] ?? 20)
const url = process.argv[4]
const now = Math.floor(Date.now() / 1000)
const COPIES = 2

const workflow = readWorkflow(
  readFileSync(
    new URL('../issuer/decision/workflows/identity-passport.1.json', import.meta.url),
    'utf8',
  ),
)
const measured = { value: 0.9, threshold: 0.6, review: 0.4, models: ['bench'] }
const field = (value: string) => ({ value, source: 'mrz', confidence: 0.99 }) as const
const evidence: Evidence = {
  pipeline: 'bench/1',
  collectedAt: now,
  models: [{ id: 'bench', sha256: '00'.repeat(32) }],
  document: {
    ...{ type: 'TD3', reading: 'ok', repaired: false },
    fields: {
      family_name: field('SPECIMEN'),
      given_name: field('ANNA'),
      birthdate: field('1990-02-28'),
      nationality: field('UTO'),
      issuing_country: field('UTO'),
      document_number: field('L898902C3'),
      date_of_expiry: field('2049-01-01'),
    },
    checkDigits: [{ field: 'composite', valid: true }],
  },
  faceMatch: { ...measured, assurance: 'measured' },
  liveness: { ...measured, assurance: 'not_assured' },
  ...{ warnings: [], notAssured: [] },
}
const outcome = 'approve' as const
/** As if a person had approved it: who looks at what is not what is measured. */
const facts = {
  evidence,
  screening: screen(evidence, [], { threshold: 0.8, now }),
  decision: { outcome, codes: [], workflow: workflow.reference, decidedAt: now },
}
const options = { baseUrl: 'https://issuer.example', vct: IDENTITY_VCT, random: systemRandom }

await serveRequests()
const folder = mkdtempSync(join(tmpdir(), 'carnet-kernel-'))
try {
  await issueOnSqlite()
  if (url !== undefined) await issueOnPostgres(url)
} finally {
  rmSync(folder, { recursive: true })
}

/** One kept-alive client in the same process, whose cost is in every case. */
async function serveRequests(): Promise<void> {
  const body = { id: 'thing', items: [1, 2, 3] }
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const raw = createServer((_request, response) => {
    response.setHeader('Content-Type', 'application/json')
    response.end(JSON.stringify(body))
  }).listen(0, '127.0.0.1')
  const bare = createServer(
    express().get('/things/:id', (_request, response) => {
      response.json(body)
    }),
  ).listen(0, '127.0.0.1')
  const whole = createServer().listen(0, '127.0.0.1')
  const servers = [raw, bare, whole]
  for (const server of servers) {
    if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
  }
  const nowhere = { write: () => undefined }
  const app = openApplication({
    log: openLog({ name: 'bench', level: 'info', destination: nowhere }),
    random: systemRandom,
    origins: [`http://127.0.0.1:${portOf(whole)}`],
    checkHealth: () => undefined,
    observation: {
      observeRequest: openMetrics().observeRequest,
      readiness: async () => ({ isReady: true, status: 'ready', checks: {} }),
    },
  })
  app.use(
    routerOf([
      endpoint({
        method: 'get',
        path: '/things/{id}',
        operationId: 'readThing',
        tag: 'bench',
        summary: 'Read a thing',
        params: z.object({ id: z.string().max(64) }),
        responses: {
          200: {
            description: 'The thing',
            schema: z.strictObject({ id: z.string(), items: z.array(z.int()) }),
          },
        },
        handle: () => ({ status: 200, body }),
      }),
    ]),
  )
  whole.on('request', app)
  const ask = (server: Server) => async (iterations: number) => {
    for (let n = 0; n < iterations; n++) await fetchOnce(agent, portOf(server))
  }
  const rows = await compare(
    [
      { name: 'raw node:http', run: ask(raw) },
      { name: 'a bare Express route', run: ask(bare) },
      { name: 'Carnet: openApplication and an endpoint', run: ask(whole) },
    ],
    { iterations: requests },
  )
  console.log(`A request, ${requests} a turn, processor time\n\n${renderRows(rows)}\n`)
  for (const server of servers) server.close().closeAllConnections()
  agent.destroy()
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

function fetchOnce(agent: Agent, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    get({ agent, host: '127.0.0.1', port, path: '/things/thing' }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`))
      response.resume().once('end', resolve)
    }).once('error', reject)
  })
}

/** What a database appends to its log for a small transaction, and the wait for the disk. */
function plainWrite(): { readonly floor: BenchCase; close(): void } {
  const file = openSync(join(folder, 'plain'), 'a')
  const page = Buffer.alloc(4096, 1)
  const run = (iterations: number): void => {
    for (let n = 0; n < iterations; n++) {
      writeSync(file, page)
      fdatasyncSync(file)
    }
  }
  return { floor: { name: 'append 4096 bytes, fdatasync', run }, close: () => closeSync(file) }
}

async function issueOnSqlite(): Promise<void> {
  const db = sqlite.openDatabase(join(folder, 'issuer.sqlite'), onSqlite.issuerSchema)
  db.exec('CREATE TABLE plain (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT')
  const insert = db.prepare("INSERT INTO plain (text) VALUES ('row')")
  const storage = onSqlite.issuerStorageOn(db, options)
  await prepareLists(storage)
  await report('SQLite', storage.store, async () => {
    insert.run()
  })
  db.close()
}

async function issueOnPostgres(at: string): Promise<void> {
  const storage = await onPostgres.openIssuerStorage(at, options)
  const db = await postgres.openDatabase(at, onPostgres.issuerSchema)
  await db.run(
    'CREATE TABLE plain (id BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY, text TEXT NOT NULL)',
  )
  await prepareLists(storage)
  await report('PostgreSQL', storage.store, async () => {
    await db.run("INSERT INTO plain (text) VALUES ('row')")
  })
  await db.close()
  await storage.close()
}

/** Time that passes: one after the other, and eight callers at a time. */
async function report(
  engine: string,
  store: IssuerStore,
  insert: () => Promise<void>,
): Promise<void> {
  const AT_A_TIME = 8
  const rounds = 7
  const approved: string[] = []
  for (let n = 0; n < 2 * issuances * (rounds + 1); n++) approved.push(await approve(store, n))
  const plain = plainWrite()
  const rows = await compare(
    [
      plain.floor,
      { name: `${engine}: one row in a bare table`, run: inTurn(insert) },
      {
        name: 'Carnet: the transaction of an issuance',
        run: inTurn(() => intend(store, approved)),
      },
      {
        name: `Carnet: the same, ${AT_A_TIME} callers at a time`,
        run: async (iterations) => {
          const share = iterations / AT_A_TIME
          const turn = inTurn(() => intend(store, approved))
          await Promise.all(
            Array.from({ length: AT_A_TIME }, (_, at) =>
              turn(Math.floor((at + 1) * share) - Math.floor(at * share)),
            ),
          )
        },
      },
    ],
    { iterations: issuances, rounds, passing: true },
  )
  plain.close()
  console.log(`An issuance of ${COPIES} copies, ${issuances} a turn, time that passes\n`)
  console.log(`${renderRows(rows)}\n`)
}

function inTurn(work: () => Promise<void>): (iterations: number) => Promise<void> {
  return async (iterations) => {
    for (let n = 0; n < iterations; n++) await work()
  }
}

async function prepareLists(storage: IssuerStorage): Promise<void> {
  const { statusStore: store } = storage
  const log = storage.openLog({ origin: 'issuer.example/log', signer: generateEd25519Key().signer })
  const { signer } = generateEs256Key()
  let list: Uint8Array = new Uint8Array()
  const publisher: Publisher = {
    ...{ store, log, cadence: DEFAULT_CADENCE },
    signToken: async (claims) => {
      list = claims.list
      return signStatusListToken({ ...claims, signer, x5c: [] })
    },
    verifyToken: async () => list,
  }
  const work = async (): Promise<void> => {
    await store.keepOpen({ name: 'month', size: 2 ** 20, lanes: 4 }, now)
    await publishStatusLists(publisher, now)
  }
  await storage.publication.during(work)
}

async function approve(store: IssuerStore, n: number): Promise<string> {
  const id = `session-${n}`
  const session = { id, tokenSha256: id, expiresAt: now + 3600, workflow, maxOpen: 2 ** 30 }
  await store.openSession(session, now)
  if (!(await store.recordDecision(id, facts))) throw new Error('the decision was not recorded')
  return id
}

async function intend(store: IssuerStore, approved: string[]): Promise<void> {
  const sessionId = approved.pop() ?? ''
  const keys = Array.from({ length: COPIES }, (_, at) => `${sessionId}/${at}`)
  const proofs = keys.map((id) => ({ id, expiresAt: now + 600 }))
  const times = { issuedAt: now, expiresAt: now + 14 * 86_400 }
  const names = { issuanceId: `i-${sessionId}`, notificationSha256: `n-${sessionId}` }
  const request = { sessionId, keys, proofs, seed: systemRandom(32), ...times, ...names }
  const outcome = await store.recordIntent(request, now)
  if (typeof outcome === 'string') throw new Error(`refused: ${outcome}`)
}
