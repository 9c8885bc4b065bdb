import { cp, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mustRun, run } from '../program.ts'
import { DemoError, expectThat, type World } from '../world.ts'
import { receiptFile } from './present.ts'

/** The regulator proves what the list said about one index before and after, from public addresses and the log's key. */
export async function auditTheList(world: World): Promise<void> {
  const { narrator, folder, issuer } = world
  narrator.step("The regulator's tool proves what the list said, before and after")
  const { uri, idx, acceptedAt } = await presented(world)
  narrator.fact(`known: ${issuer.url} and the key of its log; asked: index ${idx} of ${uri}`)
  const onLog = ['--issuer', issuer.url, '--log-key', issuer.logKey, '--allow-loopback']
  for (const line of (await mustRun('carnet-audit', ['verify', ...onLog])).trim().split('\n')) {
    narrator.fact(line)
  }
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
  narrator.fact(`with one changed byte: ${verdict.stderr.trim().split('\n')[0]}`)
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
