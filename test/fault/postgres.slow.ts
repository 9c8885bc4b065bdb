import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { type PostgresServer, postgresDatabase, startPostgres } from '../support/postgres.ts'
import {
  checkAfterFault,
  closeFaultGround,
  compiledIssuer,
  type FaultGround,
  jumpsWithItsClock,
  openFaultGround,
  runIssuer,
} from './after-fault.ts'
import { killedAtEveryStep } from './issuer-killed.ts'

killedAtEveryStep('PostgreSQL', postgresDatabase)

/** The slow tier, on a server that really syncs; it runs the compiled issuer, so that a run takes half a second. */
describe('faults on PostgreSQL (slow)', function () {
  this.timeout(20 * 60_000)
  let server: PostgresServer
  let ground: FaultGround

  before(async () => {
    if (!existsSync(compiledIssuer)) throw new Error('the programs are not built (npm run build)')
    server = await startPostgres()
  })
  after(() => server.stop())
  beforeEach(async () => {
    ground = openFaultGround(undefined, await server.database())
  })
  afterEach(() => closeFaultGround(ground))

  it('loses nothing in 40 kills of the issuer at random moments', async () => {
    for (let kill = 0; kill < 40; kill++) {
      const killAfterMs = (kill * 37) % 300
      await runIssuer(ground, { rounds: 100_000, compiled: true, killAfterMs })
      await checkAfterFault(ground)
    }
    expect(ground.ledger.length).to.be.above(100)
  })

  it('publishes nothing older when its clock jumps ahead and back', () => jumpsWithItsClock(ground))

  it('gives 2,000 indexes to 4 processes that are killed, none twice', async () => {
    const grounds = Array.from({ length: 4 }, () => ({
      ...ground,
      ledger: [] as FaultGround['ledger'],
    }))
    await runIssuer(ground, { rounds: 0, compiled: true })
    const taken = () =>
      grounds.flatMap(({ ledger }) => ledger.filter(({ did }) => did === 'allocate'))
    let kills = 0
    while (taken().length * 2 < 2000) {
      await Promise.all(
        grounds.map(async (one, at) => {
          // Long enough to wait for the lease of one that was killed while it published.
          const killAfterMs = 1000 + (((kills * 4 + at) * 397) % 2000)
          await runIssuer(one, { rounds: 100_000, compiled: true, killAfterMs })
        }),
      )
      kills += 1
    }
    await checkAfterFault({ ...ground, ledger: grounds.flatMap(({ ledger }) => ledger) })
    process.stdout.write(`      ${taken().length * 2} indexes, ${kills * 4} processes killed\n`)
  })

  it('loses nothing when the server crashes under 2 issuers and recovers', async () => {
    const grounds = [ground, { ...ground, ledger: [] as FaultGround['ledger'] }]
    const all = () => grounds.flatMap(({ ledger }) => ledger)
    for (let crash = 0; crash < 8; crash++) {
      const before = all().length
      const runs = grounds.map((one) => runIssuer(one, { rounds: 100_000, compiled: true }))
      for (let wait = 0; wait < 400 && all().length < before + 20; wait++) await sleep(25)
      await sleep((crash * 53) % 200)
      await server.crash()
      for (const { code } of await Promise.all(runs))
        expect(code, 'ended by the crash').not.to.equal(0)
      await server.start()
      await checkAfterFault({ ...ground, ledger: all() })
    }
    expect(all().length).to.be.above(150)
  })
})
