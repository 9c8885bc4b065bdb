import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statfsSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { type PostgresServer, schemaIn, startPostgres } from '../support/postgres.ts'
import {
  attach,
  countCalls,
  hasStrace,
  injecting,
  mostByThread,
  skip,
  spreadOf,
} from '../support/strace.ts'
import {
  checkAfterFault,
  closeFaultGround,
  compiledIssuer,
  type FaultGround,
  issuerCommand,
  openFaultGround,
  runIssuer,
} from './after-fault.ts'

const ROUNDS = 3
/** Bytes that a full disk has left at first: less than a segment of the log, a few pages of the data. */
const ROOM = 2 ** 18

/** The slow tier: faults at chosen places, of the issuer and of a server that really syncs. */
describe('faults at places on PostgreSQL (slow)', function () {
  this.timeout(60 * 60_000)
  let server: PostgresServer
  let database: string

  before(async function () {
    if (!existsSync(compiledIssuer)) throw new Error('the programs are not built (npm run build)')
    if (!hasStrace()) skip(this, 'strace is absent')
    server = await startPostgres()
    database = await server.database()
  })
  after(() => server?.stop())

  const onGround = async <Result>(work: (ground: FaultGround) => Promise<Result>) => {
    const ground = openFaultGround(undefined, await schemaIn(database))
    try {
      return await work(ground)
    } finally {
      closeFaultGround(ground)
    }
  }

  // A statement with values is one writev, one without (BEGIN, COMMIT) and the acknowledgement a write; the mark is the
  // one file, written, synced and renamed by threads of its own.
  for (const [what, syscall, injection] of [
    ['is killed at a statement', 'writev', 'signal=KILL'],
    ['is killed at BEGIN, COMMIT or an acknowledgement', 'write', 'signal=KILL'],
    ['is killed at an fsync of its mark', 'fsync', 'signal=KILL'],
    ['is killed at a rename of its mark', 'rename', 'signal=KILL'],
    ['gets an error from an fsync of its mark', 'fsync', 'error=EIO'],
    ['loses its connection at a statement', 'writev', 'error=EPIPE'],
  ] as const) {
    it(`loses nothing when the issuer ${what}`, async () => {
      const count = await onGround(async (ground) =>
        countCalls(issuerCommand(ground, ROUNDS), syscall, join(ground.folder, 'trace')),
      )
      expect(count).to.be.above(0)
      const places = spreadOf(count, 20)
      let faults = 0
      for (const when of places) {
        await onGround(async (ground) => {
          const under = injecting(syscall, injection, when)
          const { code } = await runIssuer(ground, { rounds: ROUNDS, compiled: true, under })
          if (code !== 0) faults += 1
          await checkAfterFault(ground)
        })
      }
      process.stdout.write(`      ${faults} of ${places.length} runs ended by the fault\n`)
      expect(faults).to.be.above(places.length / 2)
    })
  }

  for (const [what, syscall, injection] of [
    ['is killed at an fdatasync of its log', 'fdatasync', 'signal=KILL'],
    ['gets an error from an fdatasync of its log', 'fdatasync', 'error=EIO'],
    ['is killed at a write', 'pwrite64', 'signal=KILL'],
    ['meets a full disk at a write', 'pwrite64', 'error=ENOSPC'],
    ['is killed before it answers', 'sendto', 'signal=KILL'],
  ] as const) {
    it(`loses nothing when a process of the server ${what}`, async () => {
      const trace = ['-e', `trace=${syscall}`]
      const count = await onGround(async (ground) => {
        const file = join(ground.folder, 'trace')
        const tracer = await attach(server.pid(), ['-o', file, ...trace])
        const { code } = await runIssuer(ground, { rounds: ROUNDS, compiled: true })
        await tracer.detach()
        expect(code).to.equal(0)
        return mostByThread(readFileSync(file, 'utf8'), [syscall])
      })
      expect(count).to.be.above(0)
      const places = spreadOf(count, 10)
      let faults = 0
      for (const when of places) {
        await onGround(async (ground) => {
          const inject = `inject=${syscall}:${injection}:when=${when}`
          const words = ['-o', '/dev/null', ...trace, '-e', inject]
          const tracer = await attach(server.pid(), words)
          const { code } = await runIssuer(ground, { rounds: ROUNDS, compiled: true })
          await tracer.detach()
          if (code !== 0) faults += 1
          await server.crash()
          await server.start()
          await checkAfterFault(ground)
        })
      }
      process.stdout.write(`      ${faults} of ${places.length} runs ended by the fault\n`)
      expect(faults).to.be.above(places.length / 2)
    })
  }
})

describe('a full disk under PostgreSQL (slow)', function () {
  this.timeout(20 * 60_000)

  for (const [what, filled] of [
    ['its write-ahead log', 'wal'],
    ['its data', 'data'],
  ] as const) {
    it(`loses nothing when there is no room for ${what}, and goes on when there is`, async function () {
      const folder = mkdtempSync(join(tmpdir(), 'carnet-full-'))
      chmodSync(folder, 0o755) // the server may run as somebody else
      const small = join(folder, filled)
      mkdirSync(small)
      const mount = (...words: string[]) => spawnSync('mount', [...words, small]).status === 0
      if (!mount('-t', 'tmpfs', '-o', 'size=256m', 'tmpfs')) {
        rmSync(folder, { recursive: true })
        skip(this, 'a small file system cannot be mounted here')
      }
      let server: PostgresServer | undefined
      let ground: FaultGround | undefined
      try {
        server = await startPostgres([], { [filled]: small })
        ground = openFaultGround(undefined, await server.database())
        expect((await runIssuer(ground, { rounds: 1, compiled: true })).code).to.equal(0)
        const { bsize, blocks, bfree } = statfsSync(small)
        const size = (blocks - bfree) * bsize + ROOM
        expect(mount('-o', `remount,size=${size}`)).to.equal(true)
        for (let fault = 0; fault < 3; fault++) {
          const { code } = await runIssuer(ground, { rounds: 100_000, compiled: true })
          expect(code, 'ended by the full disk').not.to.equal(0)
          await sleep(50)
        }
        expect(statfsSync(small).bavail * bsize, 'room that is left').to.be.at.most(ROOM)
        expect(mount('-o', 'remount,size=256m')).to.equal(true)
        await server.crash()
        await server.start()
        await checkAfterFault(ground)
        const before = ground.ledger.length
        expect(before).to.be.above(20)
        expect((await runIssuer(ground, { rounds: 3, compiled: true })).code).to.equal(0)
        expect(ground.ledger.length).to.be.above(before)
        await checkAfterFault(ground)
      } finally {
        if (ground !== undefined) closeFaultGround(ground)
        await server?.stop()
        execFileSync('umount', [small])
        rmSync(folder, { recursive: true })
      }
    })
  }
})
