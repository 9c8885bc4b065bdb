import { type ChildProcess, spawn } from 'node:child_process'
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { generateIdentity, identityToRecipient } from 'age-encryption'
import { expect } from 'chai'
import { parseCheckpoint } from '../../shared/audit/checkpoint.ts'
import { packageRoot } from '../../shared/package-root.ts'
import { openSqlite } from '../../shared/store/database.sqlite.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const PROGRAM = join(packageRoot, 'bin/carnet-issuer.mjs')

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

describe('carnet-issuer backup and restore', () => {
  const folder = temporaryFolder()
  const at = (...names: string[]): string => join(folder.path, ...names)
  const started: ChildProcess[] = []
  let recipient: string
  let url: string
  let config: string

  function start(args: readonly string[], env: object = {}) {
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    })
    started.push(child)
    const ended = new Promise<Ended>((resolve) => {
      const [out, err]: string[][] = [[], []]
      child.stdout.on('data', (chunk) => out?.push(String(chunk)))
      child.stderr.on('data', (chunk) => err?.push(String(chunk)))
      child.once('close', (code) =>
        resolve({ code, out: (out ?? []).join(''), err: (err ?? []).join('') }),
      )
    })
    return { child, ended }
  }
  const run = (...args: string[]): Promise<Ended> => start(args).ended
  const restore = (from: string, to: string, ...more: string[]): Promise<Ended> =>
    run(...['restore', '--from', at(from), '--to', at(to), '--identity', at('identity')], ...more)

  async function done(...args: string[]): Promise<string> {
    const { code, out, err } = await run(...args)
    expect(code, err).to.equal(0)
    return out
  }

  /** Entries that are published. */
  async function published(): Promise<number> {
    const response = await fetch(`${url}/log/checkpoint`).catch(() => undefined)
    return response?.status === 200 ? parseCheckpoint(await response.text()).size : 0
  }

  async function publishedBeyond(size: number): Promise<number> {
    for (let attempt = 0; attempt < 400; attempt++) {
      const now = await published()
      if (now > size) return now
      await sleep(50)
    }
    throw new Error('nothing more was published')
  }

  before(async () => {
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    config = at('issuer', 'config.json')
    await done('pki', 'init', '--dir', at('pki'))
    await done(
      ...['pki', 'certify', '--dir', at('pki'), '--role', 'attestation', '--name', 'Test'],
      ...['--uri', url, '--out', at('issuer')],
    )
    await done('keys', 'log', '--out', at('issuer', 'log-key.pem'))
    const settings = {
      baseUrl: url,
      listen: { port },
      database: 'issuer.sqlite',
      authority: { name: 'Test issuer', country: 'UT' },
      attestation: { key: 'key.pem', chain: 'chain.pem' },
      logKey: 'log-key.pem',
      trustList: { file: '../pki/trust-list.jwt', signer: '../pki/trust-list-signer.jwk.json' },
      status: { intervalSeconds: 1, validitySeconds: 60, listSize: 1024 },
      evidence: { workers: 1 },
      stop: { drainSeconds: 0 },
    }
    writeFileSync(config, JSON.stringify(settings))
    const identity = await generateIdentity()
    recipient = await identityToRecipient(identity)
    writeFileSync(at('identity'), `# made for a test\n${identity}\n`)
  })
  after(() => {
    for (const child of started) child.kill('SIGKILL')
    folder.remove()
  })

  it('drill: an old backup cannot publish an older list, the newest goes on', async () => {
    const server = start(['serve', '--config', config])
    const first = await publishedBeyond(0)
    const seal = ['backup', '--config', config, '--recipient', recipient]
    const told = await done(...seal, '--to', at('old'))
    expect(told).to.match(/database\.age {2}\d+ bytes sealed/)
    const old = JSON.parse(readFileSync(at('old', 'manifest.json'), 'utf8'))
    expect(parseCheckpoint(old.checkpoint).size).to.be.at.least(first)
    const newer = await publishedBeyond(parseCheckpoint(old.checkpoint).size)

    const whileServing = await restore('old', 'refused')
    expect(whileServing.code, whileServing.err).to.equal(1)
    expect(whileServing.err).to.match(/the backup is not the newest state/)
    expect(whileServing.err).to.match(/log\/checkpoint has seen \d+ entries/)
    expect(whileServing.err).to.match(/hint: restore the newest backup/)
    expect(readdirSync(folder.path)).to.not.include.members(['refused', 'refused.partial'])
    server.child.kill('SIGTERM')
    const stopped = await server.ended
    expect(stopped.code, stopped.err).to.equal(0)

    await done(...seal, '--to', at('newest'))
    const offline = await restore('old', 'refused', '--offline')
    expect([offline.code, offline.err]).to.satisfy(
      ([code, err]: [number, string]) => code === 1 && /the mark .* has seen/.test(err),
    )

    // By hand, past all that: the old database in the place of the present one.
    const kept = at('kept')
    copyFileSync(at('issuer', 'issuer.sqlite.checkpoint'), kept)
    rmSync(at('issuer', 'issuer.sqlite.checkpoint'))
    const blind = await restore('old', 'blind', '--offline')
    expect(blind.code).to.equal(1)
    expect(blind.err).to.match(/nobody could say whether/)
    const forced = await restore('old', 'blind', '--offline', '--newest')
    expect(forced.code, forced.err).to.equal(0)
    copyFileSync(kept, at('blind', 'log.checkpoint'))
    const refused = await run('serve', '--config', at('blind', 'config.json'))
    expect(refused.code).to.equal(1)
    expect(refused.err).to.match(
      /nothing is published: the log (holds \d+ entries and has signed|is not the one that signed) /,
    )
    expect(refused.err).to.match(/hint: .*restore the newest backup/)

    const restored = await restore('newest', 'again', '--mark', kept)
    expect(restored.code, restored.err).to.equal(0)
    for (const name of ['config.json', 'attestation-key.pem', 'logKey.pem', 'log.checkpoint']) {
      expect(existsSync(at('again', name)), name).to.equal(true)
    }
    const again = start(['serve', '--config', at('again', 'config.json')])
    expect(await publishedBeyond(newer)).to.be.greaterThan(newer)
    again.child.kill('SIGTERM')
    expect((await again.ended).code).to.equal(0)
    await done('log', 'check', '--config', at('again', 'config.json'))
  }).timeout(90_000)

  it('seals everything, and opens it for whoever may and nobody else', async () => {
    const bytes = Buffer.concat(
      ['database.age', 'files.age', 'manifest.json'].map((name) => readFileSync(at('old', name))),
    )
    for (const secret of ['PRIVATE KEY', 'SQLite format', 'Test issuer']) {
      expect(bytes.includes(secret), secret).to.equal(false)
    }
    writeFileSync(at('other'), await generateIdentity())
    const args = ['restore', '--from', at('newest'), '--to', at('nobody')]
    const other = await run(...args, '--identity', at('other'))
    expect([other.code, other.err]).to.satisfy(
      ([code, err]: [number, string]) => code === 1 && err.includes('cannot be opened'),
    )
    const none = await run(...args)
    expect(none.code).to.equal(78)
    expect(existsSync(at('nobody'))).to.equal(false)
  })

  it('refuses what was changed or cut since', async () => {
    const sealed = at('newest', 'database.age')
    const bytes = readFileSync(sealed)
    const changed = Buffer.from(bytes)
    changed[changed.length >> 1] = (changed[changed.length >> 1] ?? 0) ^ 1
    for (const wrong of [changed, bytes.subarray(0, bytes.length - 100)]) {
      writeFileSync(sealed, wrong)
      const { code, err } = await restore('newest', 'damaged', '--offline', '--newest')
      expect([code, err]).to.satisfy(
        ([status, text]: [number, string]) => status === 1 && text.includes('cannot be opened'),
      )
    }
    writeFileSync(sealed, bytes)
    const there = await restore('newest', 'again')
    expect(there.err).to.match(/is there already/)
  })

  it('takes a passphrase, and leaves a database out that is backed up otherwise', async () => {
    const args = ['backup', '--config', config, '--to', at('files'), '--no-database']
    const weak = await start(args, { CARNET_BACKUP_PASSPHRASE: 'short' }).ended
    expect(weak.code).to.equal(78)
    const env = { CARNET_BACKUP_PASSPHRASE: 'seven horses under a roof' }
    const made = await start(args, env).ended
    expect(made.code, made.err).to.equal(0)
    expect(made.err).to.match(/the database is not in this backup/)
    const to = ['restore', '--from', at('files'), '--to', at('files-again'), '--offline']
    const opened = await start(to, env).ended
    expect(opened.code, opened.err).to.equal(0)
    const restored = JSON.parse(readFileSync(at('files-again', 'config.json'), 'utf8'))
    expect(restored.database).to.equal('issuer.sqlite')
    expect(restored.attestation.key).to.equal('attestation-key.pem')
  }).timeout(60_000)

  it('is a consistent copy of a database that others write to', () => {
    const db = openSqlite(at('again', 'database.sqlite'), 1000)
    expect(db.pragma('integrity_check', { simple: true })).to.equal('ok')
    db.close()
  })
})
