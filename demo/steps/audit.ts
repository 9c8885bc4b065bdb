import { cp, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Ended, mustRun, run } from '../program.ts'
import { DemoError, expectThat, type World } from '../world.ts'
import { receiptFile } from './present.ts'

/** The regulator's tool reads the log so far: every publication was in order. */
export async function auditWhileInOrder(world: World): Promise<void> {
  const { code, stdout } = await verify(world)
  for (const line of stdout.trim().split('\n')) world.narrator.fact(`regulator: ${line}`)
  expectThat('the exit status of the audit', code, 0)
}

/** The regulator proves what the list said about one index before and after, from public addresses and the log's key. */
export async function auditTheList(world: World): Promise<void> {
  const { narrator, folder, issuer } = world
  narrator.step("The regulator's tool proves what the list said, before and after")
  const { uri, idx, acceptedAt } = await presented(world)
  narrator.fact(`known: ${issuer.url} and the key of its log; asked: index ${idx} of ${uri}`)
  await reportTheOutage(world)
  const onLog = ['--issuer', issuer.url, '--log-key', issuer.logKey, '--allow-loopback']
  const now = Math.floor(Date.now() / 1000)
  const question = [
    '--list',
    uri,
    '--index',
    String(idx),
    '--time',
    String(acceptedAt),
    '--time',
    String(now),
  ]
  const evidence = join(folder, 'evidence')
  const shown = await mustRun('carnet-audit', ['export', ...onLog, ...question, '--out', evidence])
  for (const line of shown.trim().split('\n')) narrator.fact(line)
  expectThat('the proof says valid before', /valid/i.test(shown), true)
  expectThat('the proof says revoked after', /revoked|invalid/i.test(shown), true)

  const check = (path: string) => run('carnet-audit', ['check', path, '--log-key', issuer.logKey])
  expectThat('the exit status of the offline check', (await check(evidence)).code, 0)
  narrator.fact('checked again from the files alone: proven')
  const changed = await withOneByteChanged(evidence)
  const verdict = await check(changed)
  expectThat('the exit status with one changed byte', verdict.code, 1)
  expectThat('what it says begins with its name', verdict.stderr.startsWith('carnet-audit:'), true)
  narrator.fact(`with one changed byte: ${verdict.stderr.trim().split('\n')[0]}`)
}

/** The issuer was stopped for a while, and the tool noticed by itself. */
async function reportTheOutage(world: World): Promise<void> {
  const { code, stdout } = await verify(world)
  const [first = '', ...rest] = stdout.split('\n').filter((line) => line.startsWith('BROKEN'))
  expectThat('the exit status of the audit after the outage', code, 1)
  const others = [first, ...rest].filter((line) => !line.startsWith('BROKEN coverage_gap'))
  expectThat('what else the audit found', others.join(' '), '')
  world.narrator.fact(`it noticed that the issuer was stopped: ${first}`)
  if (rest.length > 0) world.narrator.fact(`  and the same of ${rest.length} more lists`)
}

async function verify({ issuer, folder }: World): Promise<Ended> {
  const onLog = ['--issuer', issuer.url, '--log-key', issuer.logKey, '--allow-loopback']
  return run('carnet-audit', ['verify', ...onLog, '--state', join(folder, 'audit.json')])
}

/** The status reference that the courier platform saw, and when it accepted. */
async function presented(world: World): Promise<{ uri: string; idx: number; acceptedAt: number }> {
  const bundle = JSON.parse(await readFile(receiptFile(world, 'courier'), 'utf8')) as {
    receipt: string
    vp_token: Record<string, string[]>
  }
  const [compact = ''] = Object.values(bundle.vp_token)[0] ?? []
  const credential = payloadOf(compact.split('~')[0] ?? '') as {
    status?: { status_list?: { uri: string; idx: number } }
  }
  const { iat } = payloadOf(bundle.receipt) as { iat: number }
  const reference = credential.status?.status_list
  if (!reference) throw new DemoError('the presented credential has no status')
  return { ...reference, acceptedAt: iat }
}

function payloadOf(jwt: string): unknown {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8'))
}

async function withOneByteChanged(folder: string): Promise<string> {
  const copy = `${folder}-changed`
  await cp(folder, copy, { recursive: true })
  const names = await readdir(copy)
  const name = names.find((each) => each.endsWith('.jwt')) ?? names[0]
  const path = join(copy, name ?? '')
  const bytes = await readFile(path)
  const middle = Math.floor(bytes.length / 2)
  bytes[middle] = (bytes[middle] ?? 0) ^ 1
  await writeFile(path, bytes)
  return copy
}
