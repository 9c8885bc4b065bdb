import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { IDENTITY_VCT } from '../../issuer/credential/identity.ts'
import { issuerSchema, openIssuerStorage } from '../../issuer/storage.postgres.ts'
import { makeKey } from '../../shared/api-key/api-key.ts'
import { systemClock } from '../../shared/clock.ts'
import { openEd25519Key } from '../../shared/key/signer.software.ts'
import { packageRoot } from '../../shared/package-root.ts'
import { systemRandom } from '../../shared/random.ts'
import { openDatabase } from '../../shared/store/database.postgres.ts'
import { balance } from '../support/balance.ts'
import { freePort } from '../support/free-port.ts'
import { type TestIdentity, testIdentity } from '../support/issuer.ts'
import {
  beginSession,
  newKeys,
  type Reply,
  sendJson,
  type TestWorker,
  testWallet,
  tokenFor,
} from '../support/issuer-client.ts'
import { type PostgresServer, startPostgres } from '../support/postgres.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const WORKERS = 16
const KILLS = 10

/** What a server of the issuer has answered for; no fault touches it. */
interface Ledger {
  readonly issued: string[]
  readonly revoked: string[]
}

describe('two servers of one issuer on PostgreSQL, one after another killed (slow)', function () {
  this.timeout(10 * 60_000)
  const folder = temporaryFolder()
  const identityFile = join(folder.path, 'identity.json')
  const replicas: { readonly port: number; child: ChildProcess | undefined; up: boolean }[] = []
  let postgres: PostgresServer
  let database: string
  let front: Server

  const start = async (place: number): Promise<void> => {
    const replica = replicas[place]
    if (replica === undefined) throw new Error('no such replica')
    const script = join(packageRoot, 'test/support/issuer-process.ts')
    const words = ['--import', 'tsx', script, database, identityFile, '', String(replica.port)]
    const child = spawn(process.execPath, words, {
      stdio: ['ignore', 'pipe', 'ignore'],
      cwd: packageRoot,
    })
    replica.child = child
    await once(child.stdout as NonNullable<ChildProcess['stdout']>, 'data')
    replica.up = true
  }
  const kill = async (place: number): Promise<void> => {
    const replica = replicas[place]
    if (replica?.child === undefined) return
    const exit = once(replica.child, 'exit')
    replica.child.kill('SIGKILL')
    await exit
    replica.up = false
    replica.child = undefined
  }

  before(async () => {
    postgres = await startPostgres()
    database = await postgres.database()
    const ports = await Promise.all([1, 2, 3].map(freePort))
    const [publicPort = 0, ...own] = ports
    writeFileSync(identityFile, JSON.stringify(await testIdentity(publicPort, systemClock())))
    for (const port of own) replicas.push({ port, child: undefined, up: false })
    front = balance(replicas)
    await new Promise<void>((resolve) => front.listen(publicPort, '127.0.0.1', resolve))
  })
  after(async () => {
    for (const place of replicas.keys()) await kill(place)
    front.closeAllConnections()
    front.close()
    await postgres.stop()
    folder.remove()
  })

  it('lose no acknowledged effect, double none and give no index twice, at 16 at a time', async () => {
    const identity = JSON.parse(readFileSync(identityFile, 'utf8')) as TestIdentity
    const baseUrl = `http://127.0.0.1:${identity.port}`
    const options = { baseUrl, vct: IDENTITY_VCT, random: systemRandom }
    const storage = await openIssuerStorage(database, options)
    const { text: operatorKey, id, sha256 } = makeKey('operator', systemRandom)
    await storage.keys.addKey({ id, name: 'op', role: 'operator', sha256 }, systemClock())
    await start(0)
    await start(1)

    const ledger: Ledger = { issued: [], revoked: [] }
    let working = true
    const workers = Array.from({ length: WORKERS }, async (_unused, place) => {
      for (let round = 0; working; round++) {
        const worker = await untilIssued(baseUrl)
        ledger.issued.push(worker.id)
        if ((place + round) % 2 === 0) continue
        await untilRevoked(baseUrl, worker.id, operatorKey)
        ledger.revoked.push(worker.id)
      }
    })
    for (let count = 0; count < KILLS; count++) {
      const before = ledger.issued.length
      for (let wait = 0; wait < 1200 && ledger.issued.length < before + 8; wait++) await sleep(25)
      await sleep((count * 37) % 150)
      await kill(count % 2)
      await sleep(100)
      await start(count % 2)
    }
    working = false
    await Promise.all(workers)

    const db = await openDatabase(database, issuerSchema)
    try {
      const issuances = await db.all<{
        session_id: string
        done_at: number | null
        statuses: string
      }>('SELECT session_id, done_at, statuses FROM issuance')
      const done = new Set(
        issuances.filter(({ done_at }) => done_at !== null).map(({ session_id }) => session_id),
      )
      expect(
        ledger.issued.filter((id) => !done.has(id)),
        'issued and lost',
      ).to.deep.equal([])
      const places = issuances.flatMap(({ statuses }) =>
        (JSON.parse(statuses) as { uri: string; idx: number }[]).map(
          ({ uri, idx }) => `${uri}#${idx}`,
        ),
      )
      expect(new Set(places).size, 'no index twice').to.equal(places.length)
      const revocations = await db.all<{ session_id: string }>('SELECT session_id FROM revocation')
      const revoked = new Set(revocations.map(({ session_id }) => session_id))
      expect(
        ledger.revoked.filter((id) => !revoked.has(id)),
        'revoked and lost',
      ).to.deep.equal([])
      const leaves = await db.all<{ entry: Buffer }>('SELECT entry FROM audit_entry ORDER BY idx')
      const types = leaves.map(({ entry }) => JSON.parse(entry.toString()).type as string)
      const count = (type: string): number => types.filter((each) => each === type).length
      expect(count('approval.redeemed'), 'redeemed once').to.equal(issuances.length)
      expect(count('issuance.done'), 'two copies, once').to.equal(2 * done.size)
      expect(count('status.changed'), 'two copies, once').to.equal(2 * revoked.size)
      const signer = openEd25519Key(identity.logPkcs8)
      const log = storage.openLog({ origin: `${new URL(baseUrl).host}/log`, signer })
      await log.publish(systemClock())
      expect(await log.check()).to.deep.equal([])
    } finally {
      await db.close()
      await storage.close()
    }
    process.stdout.write(
      `      ${ledger.issued.length} issued, ${ledger.revoked.length} revoked, ${KILLS} servers killed\n`,
    )
    expect(ledger.issued.length).to.be.above(8 * KILLS)
  })
})

/** Goes on as a person would, whatever is not answered, until the copies are there. */
async function untilIssued(baseUrl: string): Promise<TestWorker> {
  const worker = await untilApproved(baseUrl)
  const keys = newKeys(2)
  const wallet = testWallet(baseUrl)
  let token: string | undefined
  for (;;) {
    token ??= await tokenFor(worker, wallet).catch(() => undefined)
    if (token === undefined) {
      await sleep(50)
      continue
    }
    const reply = await wallet.credential(token, keys).catch(() => undefined)
    if (reply?.status === 200) return worker
    if (reply?.status === 401) token = undefined
    await sleep(50)
  }
}

/** Images live in the server that took them: when that one was killed, they are sent again. */
async function untilApproved(baseUrl: string): Promise<TestWorker> {
  for (;;) {
    const worker = await beginSession(baseUrl).catch(() => undefined)
    if (worker?.id === undefined) {
      await sleep(50)
      continue
    }
    for (let attempt = 0; attempt < 40; attempt++) {
      const replies = [worker.upload('document'), worker.upload('selfie')]
      await Promise.all(replies.map((reply) => reply.catch(() => undefined)))
      const submitted = await worker.submit().catch(() => undefined)
      if (submitted?.body?.state === 'approved') return worker
      await sleep(50)
    }
  }
}

async function untilRevoked(baseUrl: string, id: string, key: string): Promise<void> {
  const isDone = ({ status, body }: Reply): boolean =>
    status === 202 || body?.code === 'status_final'
  for (;;) {
    const order = { reason_class: 'holder_request' }
    const reply = await sendJson(`${baseUrl}/sessions/${id}/revocation`, order, key).catch(
      () => undefined,
    )
    if (reply !== undefined && isDone(reply)) return
    await sleep(50)
  }
}
