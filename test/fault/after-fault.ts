import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { publishStatusLists } from '../../issuer/status/publish.ts'
import type { StatusStore } from '../../issuer/status/status.ts'
import { parseCheckpoint } from '../../shared/audit/checkpoint.ts'
import type { AuditLog } from '../../shared/audit/log.ts'
import { isConsistent } from '../../shared/audit/merkle.ts'
import { sha256Base64url } from '../../shared/hash.ts'
import { generateEd25519Key } from '../../shared/key/signer.software.ts'
import { packageRoot } from '../../shared/package-root.ts'
import type { StatusReference } from '../../shared/status-list/reference.ts'
import { listOf, unsignedTokens, valueAt } from '../support/status.ts'
import { type Ground, openGround } from './ground.ts'
import type { Acknowledged } from './issuer-process.ts'

/** A folder, a log key, and the ledger of what was acknowledged, which no fault touches. */
export interface FaultGround {
  readonly folder: string
  readonly key: string
  readonly ledger: Acknowledged[]
  /** Where the database is, unless it is an SQLite file in the folder. */
  readonly url?: string
}

export function openFaultGround(parent: string = tmpdir(), url?: string): FaultGround {
  const folder = mkdtempSync(join(parent, 'carnet-fault-'))
  const key = Buffer.from(generateEd25519Key().pkcs8).toString('base64')
  return { folder, key, ledger: [], ...(url === undefined ? {} : { url }) }
}

export function closeFaultGround({ folder }: FaultGround): void {
  rmSync(folder, { recursive: true, force: true })
}

/** How a run of the issuer is started. */
export interface RunOptions {
  readonly rounds: number
  /** Words before `node`, such as strace and what it injects. */
  readonly under?: readonly string[]
  /** Uses the compiled program, which starts faster. */
  readonly compiled?: boolean
  /** Its clock jumps ahead by so many seconds, and back again three rounds later. */
  readonly clockJump?: number
  /** Kills the process this long after its first acknowledged effect. */
  readonly killAfterMs?: number
}

export const compiledIssuer: string = join(packageRoot, 'dist/test/fault/issuer-process.js')

/** The words that run the issuer. */
export function issuerCommand(
  { folder, key, url }: FaultGround,
  rounds: number,
  compiled = true,
): string[] {
  const program = compiled
    ? [compiledIssuer]
    : ['--import', 'tsx', join(packageRoot, 'test/fault/issuer-process.ts')]
  const database = url === undefined ? [] : [url]
  return [process.execPath, ...program, folder, key, String(rounds), ...database]
}

/** Runs the issuer until it ends or is killed, and enters what it acknowledged in the ledger. */
export async function runIssuer(
  ground: FaultGround,
  { rounds, under = [], compiled = false, clockJump = 0, killAfterMs }: RunOptions,
): Promise<{ readonly code: number | null; readonly signal: string | null }> {
  const { ledger } = ground
  const [command = '', ...words] = [...under, ...issuerCommand(ground, rounds, compiled)]
  const child = spawn(command, words, {
    cwd: packageRoot,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, CARNET_FAULT_CLOCK_JUMP: String(clockJump) },
  })
  const lines = readLines(child, (line) => {
    ledger.push(JSON.parse(line) as Acknowledged)
    if (killAfterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfterMs).unref()
  })
  const ended = await new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  await lines
  return ended
}

/** Whole lines only: a killed process may leave half of one, which it has not acknowledged. */
async function readLines(child: ChildProcess, take: (line: string) => void): Promise<void> {
  let rest = ''
  for await (const chunk of child.stdout ?? []) {
    const parts = `${rest}${chunk}`.split('\n')
    rest = parts.pop() ?? ''
    for (const line of parts) take(line)
  }
}

/**
 * Opens what the fault left, goes on as the issuer would, with a clock that is so many seconds ahead, and compares
 * ledger, database, lists and log.
 */
export async function checkAfterFault(
  { ledger, ...place }: FaultGround,
  aheadSeconds = 0,
): Promise<void> {
  const ground = await openGround(place)
  try {
    await ground.checkFiles()
    const { log, store } = ground
    await publishOnceMore(ground, aheadSeconds)
    expect(await log.check()).to.deep.equal([])

    const allocated = ledger.flatMap((effect) =>
      effect.did === 'allocate' ? effect.references : [],
    )
    const names = allocated.map(({ uri, idx }) => `${uri}#${idx}`)
    expect(new Set(names).size, 'no index twice').to.equal(names.length)
    const entries = await ground.all<{ uri: string; idx: number }>(
      'SELECT uri, idx FROM status_entry JOIN status_list ON id = list',
    )
    const known = new Set(entries.map(({ uri, idx }) => `${uri}#${idx}`))
    expect(
      names.filter((name) => !known.has(name)),
      'lost allocations',
    ).to.deep.equal([])
    for (const effect of ledger) {
      if (effect.did !== 'revoke') continue
      expect(await published(store, effect.reference), 'acknowledged, not published').to.equal(1)
    }
    await expectCheckpointsContinue(ledger, log)
    const leaves = await ground.all<{ idx: number; entry: Buffer }>(
      'SELECT idx, entry FROM audit_entry ORDER BY idx',
    )
    const logged = new Map(leaves.map(({ idx, entry }) => [idx, JSON.parse(entry.toString())]))
    await expectArchiveGoesForward(ground, logged)
    const events = await ground.all<{ leaf: number }>('SELECT leaf FROM status_event ORDER BY leaf')
    const changed = [...logged].filter(([, { type }]) => type === 'status.changed')
    expect(
      changed.map(([idx]) => idx),
      'one leaf for each change',
    ).to.deep.equal(events.map(({ leaf }) => leaf))
  } finally {
    await ground.close()
  }
}

/** Waits for the lease of whoever was killed, as a second server would. */
async function publishOnceMore(
  { store, log, publication }: Ground,
  aheadSeconds: number,
): Promise<void> {
  const cadence = { intervalSeconds: 1, validitySeconds: 3600 }
  for (;;) {
    const own = await publication.during(async () => {
      const now = Math.floor(Date.now() / 1000) + aheadSeconds
      await store.keepOpen({ name: 'standard', size: 4096, lanes: 2 }, now)
      await publishStatusLists({ store, log, cadence, ...unsignedTokens }, now)
    })
    if (own !== undefined) return
    await sleep(50)
  }
}

/**
 * A clock that jumps ahead and back: changes are taken under every time, the publication that would be older than the
 * last one is refused, and once the clock has caught up nothing is missing.
 */
export async function jumpsWithItsClock(ground: FaultGround): Promise<void> {
  const clockJump = 3600
  const { code } = await runIssuer(ground, { rounds: 100, compiled: true, clockJump })
  expect(code, 'ended by the refused publication').to.equal(1)
  const dids = ground.ledger.map(({ did }) => did)
  expect(dids.filter((did) => did === 'publish')).to.have.length(2)
  expect(
    dids.slice(dids.lastIndexOf('publish') + 1).filter((did) => did === 'revoke'),
  ).to.have.length(6)
  const behind = await checkAfterFault(ground).catch((error: unknown) => error)
  expect(behind).to.have.property('message', 'the clock is behind the last publication')
  await checkAfterFault(ground, clockJump)
}

async function published(store: StatusStore, { uri, idx }: StatusReference): Promise<number> {
  const token = await store.current(uri.split('/').at(-1) ?? '')
  return valueAt(listOf(token?.token ?? ''), idx)
}

async function expectCheckpointsContinue(
  ledger: readonly Acknowledged[],
  log: AuditLog,
): Promise<void> {
  const last = parseCheckpoint((await log.checkpoint()) ?? '')
  for (const effect of ledger) {
    if (effect.did !== 'publish') continue
    const { size, root } = parseCheckpoint(effect.checkpoint)
    if (size === 0) continue
    const proof = await log.proveConsistency(size, last.size)
    const claim = { first: size, firstRoot: root, second: last.size, secondRoot: last.root, proof }
    expect(isConsistent(claim), 'a checkpoint that was shown is continued').to.equal(true)
  }
}

async function expectArchiveGoesForward(
  ground: Ground,
  logged: ReadonlyMap<number, { readonly sha256?: string }>,
): Promise<void> {
  const rows = await ground.all<{
    list: string
    sequence: number
    token: string
    sha256: string
    iat: number
    leaf: number
  }>(
    'SELECT list, sequence, token, sha256, iat, leaf FROM status_publication ORDER BY list, sequence',
  )
  for (const [at, row] of rows.entries()) {
    expect(sha256Base64url(row.token)).to.equal(row.sha256)
    expect(logged.get(row.leaf)?.sha256).to.equal(row.sha256)
    const before = rows[at - 1]
    if (before?.list !== row.list) {
      expect(row.sequence).to.equal(1)
      continue
    }
    expect(row.sequence).to.equal(before.sequence + 1)
    expect(row.iat).to.be.at.least(before.iat)
    const [older, newer] = [listOf(before.token), listOf(row.token)]
    for (let idx = 0; idx < older.length * 4; idx++) {
      if (valueAt(older, idx) === 1) expect(valueAt(newer, idx), 'stays revoked').to.equal(1)
    }
  }
}
