import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { systemClock } from '../../shared/clock.ts'
import type { JsonObject } from '../../shared/json.ts'
import { openEd25519Key } from '../../shared/key/signer.software.ts'
import { systemRandom } from '../../shared/random.ts'
import { statusListBytes } from '../../shared/status-list/bits.ts'
import { signStatusListToken } from '../../shared/status-list/token.ts'
import { openDatabase } from '../../shared/store/database.postgres.ts'
import { openVerifierStorage, verifierSchema } from '../../verifier/storage.postgres.ts'
import { balance } from '../support/balance.ts'
import { freePort } from '../support/free-port.ts'
import { answerWith, type Ecosystem, makeEcosystem } from '../support/platform.ts'
import { type PostgresServer, startPostgres } from '../support/postgres.ts'
import { type VerifierProgram, verifierProgram } from '../support/verifier-program.ts'

const WORKERS = 16
const KILLS = 8

describe('two servers of one verifier on PostgreSQL, one after another killed (slow)', function () {
  this.timeout(10 * 60_000)
  const replicas: { readonly port: number; child: ChildProcess | undefined; up: boolean }[] = []
  let ecosystem: Ecosystem
  let postgres: PostgresServer
  let database: string
  let program: VerifierProgram
  let front: Server
  let issuer: Server
  let statusUri: string

  before(async () => {
    postgres = await startPostgres()
    database = await postgres.database()
    ecosystem = await makeEcosystem(systemClock())
    program = await verifierProgram(ecosystem)
    let token = ''
    issuer = createServer((_request, response) => {
      response.setHeader('content-type', 'application/statuslist+jwt').end(token)
    })
    await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve))
    statusUri = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/status/1`
    const [iat, list] = [ecosystem.now, statusListBytes(4096, 2)]
    const times = { iat, exp: iat + 86_400, ttl: 3600 }
    const signed = { uri: statusUri, bits: 2 as const, list, ...times, ...ecosystem.issuer }
    token = await signStatusListToken(signed)
    for (let count = 0; count < 2; count++) {
      replicas.push({ port: await freePort(), child: undefined, up: false })
    }
    front = balance(replicas)
    await new Promise<void>((resolve) =>
      front.listen(Number(new URL(program.url).port), '127.0.0.1', resolve),
    )
  })
  after(async () => {
    for (const place of replicas.keys()) await kill(place)
    front.closeAllConnections()
    front.close()
    issuer.close()
    program.remove()
    await postgres.stop()
  })

  async function start(place: number): Promise<void> {
    const replica = replicas[place]
    if (replica === undefined) throw new Error('no such replica')
    const config = program.config(`verifier-${place}.json`, {
      listen: { port: replica.port },
      database,
      logMark: `mark-${place}`,
      allowPrivateNetworks: true,
      logLevel: 'silent',
    })
    replica.child = program.start(['serve', '--config', config]).child
    for (let attempt = 0; attempt < 2400; attempt++) {
      const answer = await fetch(`http://127.0.0.1:${replica.port}/healthz`).catch(() => undefined)
      if (answer?.ok) {
        replica.up = true
        return
      }
      await sleep(25)
    }
    throw new Error('a server did not come up')
  }

  async function kill(place: number): Promise<void> {
    const replica = replicas[place]
    if (replica?.child === undefined) return
    const { child } = replica
    const exit = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await exit
    replica.up = false
    replica.child = undefined
  }

  /** Asks again until there is an answer, as a platform's system would. */
  async function call(path: string, idempotencyKey?: string): Promise<JsonObject> {
    const ask = () =>
      fetch(`${program.url}${path}`, {
        headers: {
          authorization: `Bearer ${program.key}`,
          'content-type': 'application/json',
          ...(idempotencyKey === undefined ? {} : { 'idempotency-key': `"${idempotencyKey}"` }),
        },
        ...(idempotencyKey === undefined ? {} : { method: 'POST', body: '{}' }),
      })
    for (;;) {
      const response = await ask().catch(() => undefined)
      if (response?.ok) {
        const body = await response.json().catch(() => undefined)
        if (body !== undefined) return body as JsonObject
      }
      await sleep(50)
    }
  }

  it('lose no acknowledged request and no answer, double none, at 16 at a time', async () => {
    await start(0)
    await start(1)
    const made: string[] = []
    const acknowledged: string[] = []
    const told: { id: string; outcome: string }[] = []
    let working = true
    const workers = Array.from({ length: WORKERS }, async (_unused, place) => {
      const status = { status: { status_list: { idx: place + 1, uri: statusUri } } }
      const credential = await ecosystem.issue({ claims: status })
      for (let round = 0; working; round++) {
        const request = await call('/requests', `order-${place}-${round}`)
        const id = String(request.request_id)
        made.push(id)
        for (let state = ''; state !== 'answered'; ) {
          ecosystem.now = systemClock()
          const link = String(request.authorization_request)
          const answer = await answerWith(ecosystem, link, credential).catch(() => undefined)
          if (answer?.status === 200) acknowledged.push(id)
          const result = await call(`/requests/${id}`)
          state = String(result.state)
          if (state !== 'answered') continue
          const { outcome } = result.acceptance as { outcome: string }
          told.push({ id, outcome })
        }
      }
    })
    for (let count = 0; count < KILLS; count++) {
      const before = told.length
      for (let wait = 0; wait < 1200 && told.length < before + 8; wait++) await sleep(25)
      await sleep((count * 37) % 150)
      await kill(count % 2)
      await sleep(100)
      await start(count % 2)
    }
    working = false
    await Promise.all(workers)
    for (const place of replicas.keys()) await kill(place)

    const storage = await openVerifierStorage(database, { random: systemRandom })
    const db = await openDatabase(database, verifierSchema)
    try {
      const requests = await db.all<{ id: string }>('SELECT id FROM presentation_request')
      expect(new Set(made).size, 'one answer to one key').to.equal(made.length)
      expect(
        requests.map(({ id }) => id).sort(),
        'as many requests as were asked for',
      ).to.deep.equal([...made].sort())
      const answers = await db.all<{ request_id: string }>('SELECT request_id FROM answer')
      const answered = answers.map(({ request_id: id }) => id)
      expect(new Set(answered).size, 'answered once').to.equal(answered.length)
      expect(acknowledged.filter((id) => !answered.includes(id))).to.deep.equal([])
      expect(told.filter(({ outcome }) => outcome !== 'accept')).to.deep.equal([])
      expect(told.filter(({ id }) => !answered.includes(id))).to.deep.equal([])
      const leaves = await db.get<{ count: number }>('SELECT count(*) AS count FROM audit_entry')
      expect(leaves?.count, 'two entries an answer').to.equal(2 * answered.length)
      const signer = openEd25519Key(readFileSync(program.at('log.pem'), 'utf8'))
      const log = storage.openLog({ origin: `${new URL(program.url).host}/log`, signer })
      await log.publish(systemClock())
      expect(await log.check()).to.deep.equal([])
    } finally {
      await db.close()
      await storage.close()
    }
    process.stdout.write(
      `      ${made.length} requests, ${acknowledged.length} answers acknowledged, ${KILLS} servers killed\n`,
    )
    expect(told.length).to.be.above(8 * KILLS)
  })
})
