import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { packageRoot } from '../../shared/package-root.ts'
import { hasStrace, injecting, mostByThread, STRACE, skip, spreadOf } from '../support/strace.ts'
import {
  checkWitness,
  closeWitnessGround,
  driveWitness,
  openWitnessGround,
  startWitness,
  type WitnessGround,
} from './witness-ground.ts'

const REQUESTS = 3

describe('a witness at every fault (slow)', function () {
  this.timeout(30 * 60_000)
  let ground: WitnessGround
  before(function () {
    if (!existsSync(join(packageRoot, 'dist/verifier/audit/main.js'))) {
      skip(this, 'the programs are not built (npm run build)')
    }
  })
  beforeEach(async () => {
    ground = await openWitnessGround()
  })
  afterEach(() => closeWitnessGround(ground))

  it('forgets nothing in 20 kills at random moments', async () => {
    for (let kill = 0; kill < 20; kill++) {
      const running = await startWitness(ground, { compiled: true })
      setTimeout(() => running.child.kill('SIGKILL'), (kill * 7) % 40)
      await driveWitness(ground, running.url ?? '', 1)
      running.child.kill('SIGKILL')
      await running.ended
      await checkWitness(ground, { compiled: true })
    }
    expect(ground.cosigned.length).to.be.above(10)
  })

  for (const [what, syscall, injection] of [
    ['is killed at every fsync', 'fsync', 'signal=KILL'],
    ['is killed at every link', 'link', 'signal=KILL'],
    ['is killed at every unlink', 'unlink', 'signal=KILL'],
    ['is killed at every write to a file', 'pwrite64,write', 'signal=KILL'],
    ['gets an error from every fsync', 'fsync', 'error=EIO'],
    ['meets a full disk at every link', 'link', 'error=ENOSPC'],
  ] as const) {
    it(`forgets nothing and cosigns one root when it ${what}`, async function () {
      if (!hasStrace()) skip(this, 'strace is absent')
      const count = await countCalls(syscall)
      expect(count).to.be.above(0)
      let faults = 0
      // Most writes are to pipes and sockets: every place up to twenty, and beyond that a spread of them.
      const places = spreadOf(count, 20)
      for (const when of places) {
        const once = await openWitnessGround()
        const under = injecting(syscall, injection, when)
        try {
          const running = await startWitness(once, { compiled: true, under })
          if (running.url !== undefined) await driveWitness(once, running.url, REQUESTS)
          running.child.kill('SIGTERM')
          if (once.cosigned.length < REQUESTS) faults++
          if (running.child.pid !== undefined) killTree(running.child.pid)
          await running.ended
          await checkWitness(once, { compiled: true })
        } finally {
          closeWitnessGround(once)
        }
      }
      process.stdout.write(`      ${faults} of ${places.length} runs met the fault\n`)
      expect(faults).to.be.above(0)
    })
  }

  it('goes on when a full disk has room again', async function () {
    const state = join(ground.folder, 'small')
    mkdirSync(state)
    if (
      spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4k,nr_inodes=6', 'tmpfs', state]).status !== 0
    ) {
      skip(this, 'a small file system cannot be mounted here')
    }
    try {
      const full = await startWitness(ground, { compiled: true, state })
      if (full.url !== undefined) await driveWitness(ground, full.url, 40)
      full.child.kill('SIGKILL')
      await full.ended
      execFileSync('mount', ['-o', 'remount,size=1m,nr_inodes=100', state])
      const seen = ground.cosigned.length
      const again = await startWitness(ground, { compiled: true, state })
      expect(await driveWitness(ground, again.url ?? '', 2)).to.be.at.least(seen)
      again.child.kill('SIGKILL')
      await again.ended
    } finally {
      execFileSync('umount', [state])
    }
  })

  async function countCalls(syscall: string): Promise<number> {
    const once = await openWitnessGround()
    const file = join(once.folder, 'trace')
    try {
      const under = [...STRACE, '-o', file, '-e', `trace=${syscall}`]
      const running = await startWitness(once, { compiled: true, under })
      await driveWitness(once, running.url ?? '', REQUESTS)
      if (running.child.pid !== undefined) killTree(running.child.pid)
      await running.ended
      return mostByThread(readFileSync(file, 'utf8'), syscall.split(','))
    } finally {
      closeWitnessGround(once)
    }
  }
})

/** strace does not pass SIGKILL on, so what it traces is ended first. */
function killTree(pid: number): void {
  const children = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)]).stdout.toString()
  for (const child of children.split('\n').map(Number).filter(Boolean)) {
    try {
      process.kill(child, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
}
