import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { parseCheckpoint } from '../../shared/audit/checkpoint.ts'
import type { JsonObject } from '../../shared/json.ts'
import { packageRoot } from '../../shared/package-root.ts'
import { openSqlite } from '../../shared/store/database.sqlite.ts'
import { freePort } from '../support/free-port.ts'
import { hostRequest } from '../support/host-request.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const PROGRAM = join(packageRoot, 'bin/carnet-issuer.mjs')

describe('carnet-issuer serve with several tenants (slow)', () => {
  const folder = temporaryFolder()
  const at = (...names: string[]): string => join(folder.path, ...names)
  const started: ChildProcess[] = []
  let port: number
  let operatorUrl: string
  const north = () => `http://127.0.0.1:${port}`
  const south = () => `http://localhost:${port}`
  const host = () => at('host.json')

  function start(args: readonly string[]) {
    const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    started.push(child)
    const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
      let [out, err] = ['', '']
      child.stdout.on('data', (chunk) => {
        out += chunk
      })
      child.stderr.on('data', (chunk) => {
        err += chunk
      })
      child.once('close', (code) => resolve({ code, out, err }))
    })
    return { child, ended }
  }
  async function done(...args: string[]): Promise<string> {
    const { code, out, err } = await start(args).ended
    expect(code, err).to.equal(0)
    return out.trim()
  }
  async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
    for (let attempt = 0; attempt < 600; attempt++) {
      if (await holds().catch(() => false)) return
      await sleep(100)
    }
    throw new Error(`it never came to pass: ${what}`)
  }
  const sizeOf = async (base: string): Promise<number> =>
    parseCheckpoint(await (await fetch(`${base}/log/checkpoint`)).text()).size
  const readiness = async () =>
    (await (await fetch(`${operatorUrl}/readyz`)).json()) as { status: string; checks: JsonObject }

  before(async () => {
    port = await freePort()
    const operator = await freePort()
    operatorUrl = `http://127.0.0.1:${operator}`
    await done('pki', 'init', '--dir', at('pki'))
    for (const [name, baseUrl] of [
      ['north', north()],
      ['south', south()],
    ] as const) {
      await done(
        ...['pki', 'certify', '--dir', at('pki'), '--role', 'attestation', '--name', name],
        ...['--uri', baseUrl, '--out', at(name)],
      )
      await done('keys', 'log', '--out', at(name, 'log-key.pem'))
      const settings = {
        ...{ baseUrl, database: 'issuer.sqlite', authority: { name, country: 'UT' } },
        ...{ attestation: { key: 'key.pem', chain: 'chain.pem' }, logKey: 'log-key.pem' },
        trustList: { file: '../pki/trust-list.jwt', signer: '../pki/trust-list-signer.jwk.json' },
        status: { intervalSeconds: 1, validitySeconds: 4, listSize: 1024 },
      }
      writeFileSync(at(name, 'config.json'), JSON.stringify(settings))
    }
    const tenants = { north: 'north/config.json', south: 'south/config.json' }
    const settings = { listen: { port }, operator: { port: operator }, evidence: { workers: 1 } }
    writeFileSync(host(), JSON.stringify({ ...settings, tenants }))
  })
  after(() => {
    for (const child of started) child.kill('SIGKILL')
    folder.remove()
  })

  it('publishes each under its own name, and one that cannot does not stop the other', async () => {
    const { child, ended } = start(['serve', '--config', host()])
    await until('both are ready', async () => {
      const { status, checks } = await readiness()
      return status === 'ready' && !Object.values(checks).includes('failing')
    })
    const keys: Record<string, string> = {}
    for (const tenant of ['north', 'south']) {
      const add = ['keys', 'add', '--config', host(), '--role', 'operator', '--name', 'ada']
      keys[tenant] = await done(...add, '--tenant', tenant)
    }
    const notices = async (base: string, key = '') =>
      (await fetch(`${base}/status-notices`, { headers: { authorization: `Bearer ${key}` } }))
        .status
    expect(await notices(north(), keys.north)).to.equal(200)
    expect(await notices(south(), keys.south)).to.equal(200)
    expect(await notices(north(), keys.south)).to.equal(401)
    expect(await notices(south(), keys.north)).to.equal(401)
    const elsewhere = await hostRequest(north(), 'west.example', '/sessions')
    expect([elsewhere.status, elsewhere.body.code]).to.deep.equal([421, 'misdirected_host'])
    const metadata = await (await fetch(`${south()}/.well-known/openid-credential-issuer`)).json()
    expect((metadata as JsonObject).credential_issuer).to.equal(south())

    // The database of the north takes no entry any more, so nothing is published there.
    const database = openSqlite(at('north', 'issuer.sqlite'), 5000)
    database.exec(
      "CREATE TRIGGER broken BEFORE INSERT ON audit_entry BEGIN SELECT RAISE(ABORT, 'broken'); END",
    )
    await until('the north is not ready', async () => {
      const { status, checks } = await readiness()
      return status === 'ready' && checks['north/status_lists'] === 'failing'
    })
    const [northern, southern] = [await sizeOf(north()), await sizeOf(south())]
    await until('the south goes on', async () => (await sizeOf(south())) > southern + 2)
    expect(await sizeOf(north())).to.equal(northern)
    expect((await readiness()).checks).to.include({
      'south/status_lists': 'ok',
      'north/store': 'ok',
    })
    expect((await fetch(`${north()}/readyz`)).status).to.equal(503)
    expect((await fetch(`${south()}/readyz`)).status).to.equal(200)
    const metrics = await (await fetch(`${operatorUrl}/metrics`)).text()
    expect(metrics).to.match(/carnet_store_errors_total\{tenant="north",store="status"\} [1-9]/)
    expect(metrics).to.match(/carnet_status_list_age_seconds\{tenant="south",pool="\w+"\} \d/)
    expect(metrics).to.contain('carnet_evidence_queue_images 0')
    database.exec('DROP TRIGGER broken')
    database.close()
    await until('the north goes on', async () => (await sizeOf(north())) > northern)

    child.kill('SIGTERM')
    const { code, err } = await ended
    expect(code, err).to.equal(0)
    const lines = err.split('\n').filter((line) => line.includes('were not published'))
    expect(lines).to.not.have.length(0)
    for (const line of lines) expect(line).to.contain('"tenant":"north"')
  })

  it('starts nobody where one of them cannot, and says which', async () => {
    const config = JSON.parse(readFileSync(at('south', 'config.json'), 'utf8')) as JsonObject
    writeFileSync(at('south', 'wrong.json'), JSON.stringify({ ...config, baseUrl: north() }))
    const tenants = { north: 'north/config.json', wrong: 'south/wrong.json' }
    writeFileSync(at('wrong.json'), JSON.stringify({ listen: { port }, tenants }))
    const { code, err } = await start(['serve', '--config', at('wrong.json')]).ended
    expect(code).to.equal(1)
    expect(err).to.contain('tenant wrong: ').and.contain('the certificate is not for')
  })
})
