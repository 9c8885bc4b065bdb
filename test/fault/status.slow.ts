import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { countCalls, hasStrace, injecting, skip } from '../support/strace.ts'
import {
  checkAfterFault,
  closeFaultGround,
  compiledIssuer,
  type FaultGround,
  issuerCommand,
  jumpsWithItsClock,
  openFaultGround,
  runIssuer,
} from './after-fault.ts'

/** The slow tier: `npm run test:slow`. It runs the compiled issuer, so that a run takes half a second. */
const ROUNDS = 3

describe('faults at every place (slow)', function () {
  this.timeout(30 * 60_000)
  let ground: FaultGround

  before(function () {
    if (!existsSync(compiledIssuer)) skip(this, 'the programs are not built (npm run build)')
  })
  beforeEach(() => {
    ground = openFaultGround()
  })
  afterEach(() => closeFaultGround(ground))

  it('loses nothing in 40 kills at random moments', async () => {
    for (let kill = 0; kill < 40; kill++) {
      const killAfterMs = (kill * 37) % 300
      await runIssuer(ground, { rounds: 100_000, compiled: true, killAfterMs })
      await checkAfterFault(ground)
    }
    expect(ground.ledger.length).to.be.above(100)
  })

  for (const [what, syscall, injection] of [
    ['is killed at every fsync', 'fsync', 'signal=KILL'],
    ['is killed at every write', 'pwrite64', 'signal=KILL'],
    ['is killed at every rename', 'rename', 'signal=KILL'],
    ['gets an error from every fsync', 'fsync', 'error=EIO'],
    ['meets a full disk at every write', 'pwrite64', 'error=ENOSPC'],
  ] as const) {
    it(`loses nothing when it ${what}`, async function () {
      if (!hasStrace()) skip(this, 'strace is absent')
      const count = placesOf(syscall)
      expect(count).to.be.above(0)
      let faults = 0
      for (let when = 1; when <= count; when++) {
        const under = injecting(syscall, injection, when)
        const once = openFaultGround()
        try {
          const { code } = await runIssuer(once, { rounds: ROUNDS, compiled: true, under })
          if (code !== 0) faults++
          await checkAfterFault(once)
        } finally {
          closeFaultGround(once)
        }
      }
      process.stdout.write(`      ${faults} of ${count} runs ended by the fault\n`)
      expect(faults).to.be.at.least(count / 2)
    })
  }

  it('publishes nothing older when its clock jumps ahead and back', () => jumpsWithItsClock(ground))

  it('gives 2,000 indexes to 4 processes that are killed, none twice', async () => {
    const grounds = Array.from({ length: 4 }, () => ({
      ...ground,
      ledger: [] as FaultGround['ledger'],
    }))
    await runIssuer(ground, { rounds: 0, compiled: true })
    const taken = () =>
      grounds.flatMap(({ ledger }) => ledger.filter(({ did }) => did === 'allocate'))
    for (let kill = 0; taken().length * 2 < 2000; kill++) {
      await Promise.all(
        grounds.map((one, at) =>
          runIssuer(one, {
            rounds: 500,
            compiled: true,
            killAfterMs: 200 + (((kill * 4 + at) * 97) % 700),
          }),
        ),
      )
    }
    await checkAfterFault({ ...ground, ledger: grounds.flatMap(({ ledger }) => ledger) })
  })

  it('recovers when a full disk has room again', async function () {
    const folder = join(ground.folder, 'small')
    mkdirSync(folder)
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]).status !== 0) {
      skip(this, 'a small file system cannot be mounted here')
    }
    try {
      const small = { ...ground, folder }
      const { code } = await runIssuer(small, { rounds: 100_000, compiled: true })
      expect(code).not.to.equal(0)
      execFileSync('mount', ['-o', 'remount,size=64m', folder])
      await checkAfterFault(small)
      expect(small.ledger.length).to.be.above(10)
    } finally {
      execFileSync('umount', [folder])
    }
  })
})

/** How often the thread that makes a call most often makes it in an undisturbed run: strace counts by thread. */
function placesOf(syscall: string): number {
  const ground = openFaultGround()
  try {
    return countCalls(issuerCommand(ground, ROUNDS), syscall, join(ground.folder, 'trace'))
  } finally {
    closeFaultGround(ground)
  }
}
