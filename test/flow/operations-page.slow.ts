import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { generateIdentity, identityToRecipient } from 'age-encryption'
import { expect } from 'chai'
import { makeKey } from '../../shared/api-key/api-key.ts'
import { systemClock } from '../../shared/clock.ts'
import { packageRoot } from '../../shared/package-root.ts'
import { systemRandom } from '../../shared/random.ts'
import { fixturePipeline } from '../support/evidence.ts'
import { freePort } from '../support/free-port.ts'
import { openIssuer, type TestIssuer } from '../support/issuer.ts'
import { newKeys, submittedSession, testWallet, tokenFor } from '../support/issuer-client.ts'
import { makeEcosystem } from '../support/platform.ts'
import { type PostgresServer, startPostgres } from '../support/postgres.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { type VerifierProgram, verifierProgram } from '../support/verifier-program.ts'

const PAGE = readFileSync(join(packageRoot, 'docs/operations.md'), 'utf8')
/** They go on until they are told to stop. */
const LASTING = /^carnet-(issuer|verifier) serve|^carnet-audit (follow|witness) /

interface Ended {
  readonly code: number | null
  readonly out: string
}

interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** What it has printed so far. */
  said(): string
}

/**
 * Runs every command of the page in its order, with the names of a real installation put in the place of the page's. The
 * commands of `status` are sent to an issuer that has issued.
 */
describe('the commands of docs/operations.md (slow)', function () {
  this.timeout(300_000)
  const folder = temporaryFolder()
  const at = (...names: string[]): string => join(folder.path, ...names)
  const lasting: Running[] = []
  /** What is written on the page, and what it is here. */
  const here = new Map<string, string>()
  let issued: TestIssuer
  let postgres: PostgresServer
  let verifier: VerifierProgram
  let url: string
  let hostUrl: string
  let secondOperator: string

  before(async () => {
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    postgres = await startPostgres()
    verifier = await verifierProgram(await makeEcosystem(systemClock()))
    issued = await openIssuer(fixturePipeline())
    const { text, id, sha256 } = makeKey('operator', systemRandom)
    await issued.keys.addKey({ id, name: 'second', role: 'operator', sha256 }, systemClock())
    secondOperator = text
    await makeInstallation(port)
    await makeTenants(await freePort())
    const references = [...(await issuedReferences()), ...(await issuedReferences())]
    const identity = await generateIdentity()
    writeFileSync(at('key.txt'), `${identity}\n`)
    writeFileSync(at('copies.txt'), references.map(({ uri, idx }) => `${uri} ${idx}\n`).join(''))
    for (const [name, value] of [
      ['issuer.json', at('issuer.json')],
      ['host.json', at('host.json')],
      ['verifier.json', verifier.config('verifier.json', { logLevel: 'silent' })],
      ['https://issuer.example', url],
      ['age1…', await identityToRecipient(identity)],
      ['key.txt', at('key.txt')],
      ['/backup/2026-07-01', at('backup')],
      ['/backup/before', at('backup-before')],
      ['/srv/restored', at('restored')],
      ['/other/disk/mark', at('mark')],
      ['sqlite:issuer.sqlite', `sqlite:${at('issuer.sqlite')}`],
      ['postgres://carnet@db.internal/carnet_issuer', await postgres.database()],
      ['4300', String(await freePort())],
      ['copies.txt', at('copies.txt')],
      ['LIST --index 4711', `${references[0]?.uri} --index ${references[0]?.idx}`],
      ['LIST --index 4712', `${references[1]?.uri} --index ${references[1]?.idx}`],
      ['LIST --index 4713', `${references[2]?.uri} --index ${references[2]?.idx}`],
    ] as const) {
      here.set(name, value)
    }
  })
  after(async () => {
    for (const { child } of lasting) child.kill('SIGKILL')
    verifier.remove()
    await issued.close()
    await postgres.stop()
    folder.remove()
  })

  it('are all that the text speaks of', () => {
    const spoken = [...PAGE.matchAll(/`(carnet-(?:issuer|verifier|audit) [a-z][a-z -]*[a-z])/g)]
    const run = commands().join('\n')
    for (const [, command = ''] of spoken) {
      // How keys and certificates are made is on the page of the issuer; a program or a family of commands is no command.
      if (/ pki | keys (log|vkey|add)$/.test(command) || command.split(' ').length < 3) continue
      expect(run, command).to.contain(command)
    }
    expect(commands().length).to.be.above(25)
  })

  it('do what the page says, one after another', async () => {
    const done: string[] = []
    for (const command of commands()) {
      const words = wordsOf(command)
      // What goes on after a backup makes it an old one, which nobody may restore.
      if (/^carnet-issuer (backup|store copy)/.test(command)) await stopLasting()
      if (/^carnet-issuer restore/.test(command))
        copyFileSync(at('issuer.sqlite.checkpoint'), at('mark'))
      if (/ doctor (?!.*--offline)/.test(command)) await publishedOnce(url)
      if (LASTING.test(command)) {
        lasting.push(start(words))
        await untilUp(words)
      } else {
        const { code, out } = await start(words).ended
        expect(code, `${command}\n${out}`).to.equal(0)
        learn(command, out)
      }
      done.push(command)
    }
    await stopLasting()
    expect(done).to.deep.equal(commands())
  })

  function commands(): string[] {
    return [...PAGE.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) =>
      block.split('\n').filter((line) => line.startsWith('carnet-')),
    )
  }

  function wordsOf(command: string): string[] {
    let text = command
    for (const [name, value] of here) text = text.replaceAll(name, value)
    const words = text.split(' ')
    if (words[1] === 'status') return [...words, '--url', issued.url]
    if (words[1] === 'follow') return [...words, '--allow-loopback']
    return words
  }

  /** What a later command of the page needs of the output of an earlier one. */
  function learn(command: string, out: string): void {
    const told = (pattern: RegExp): string => pattern.exec(out)?.[1] ?? ''
    if (command.includes('keys list')) here.set('0123456789ab', told(/^([0-9a-f]{12})\b.*ada/m))
    if (command.includes('bulk preview')) {
      here.set('confirm BULK', `confirm ${told(/^bulk +(\S+)$/m)}`)
      here.set('DIGEST', told(/^sha256 +(\S+)$/m))
    }
  }

  function start(words: readonly string[]): Running {
    const [program = '', ...argv] = words
    // A bulk change is carried out by another person than the one who proposed it.
    const operatorKey = argv.includes('confirm') ? secondOperator : issued.operatorKey
    const child = spawn(process.execPath, [join(packageRoot, `bin/${program}.mjs`), ...argv], {
      cwd: folder.path,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, CARNET_OPERATOR_KEY: operatorKey },
    })
    let out = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        out += chunk
      })
    }
    const ended = new Promise<Ended>((resolve) =>
      child.once('close', (code) => resolve({ code, out })),
    )
    return { child, ended, said: () => out }
  }

  async function untilUp(words: readonly string[]): Promise<void> {
    if (words[0] === 'carnet-verifier') return verifier.untilHealthy()
    if (words[0] === 'carnet-issuer') {
      return publishedOnce(words.includes(at('host.json')) ? hostUrl : url)
    }
    // A follower prints what it judged, a witness where it listens.
    const { child, ended, said } = lasting.at(-1) as Running
    for (let attempt = 0; attempt < 1200 && said() === ''; attempt++) {
      if (child.exitCode !== null) break
      await sleep(50)
    }
    if (child.exitCode !== null) expect.fail(`${words.join(' ')}\n${(await ended).out}`)
  }

  async function publishedOnce(base: string): Promise<void> {
    for (let attempt = 0; attempt < 1200; attempt++) {
      const response = await fetch(`${base}/healthz`).catch(() => undefined)
      if (response?.status === 200) return
      await sleep(50)
    }
    throw new Error('the issuer did not become healthy')
  }

  async function stopLasting(): Promise<void> {
    for (const { child, ended } of lasting.splice(0)) {
      child.kill('SIGTERM')
      const { code, out } = await ended
      expect(code, out).to.equal(0)
    }
  }

  async function makeInstallation(port: number): Promise<void> {
    for (const words of [
      ['pki', 'init', '--dir', 'pki'],
      [
        ...['pki', 'certify', '--dir', 'pki', '--role', 'attestation', '--name', 'Test'],
        ...['--uri', url, '--out', '.'],
      ],
      ['keys', 'log', '--out', 'log-key.pem'],
    ]) {
      const { code, out } = await start(['carnet-issuer', ...words]).ended
      expect(code, out).to.equal(0)
    }
    const settings = {
      ...settingsOf(url, 'pki'),
      listen: { port },
      evidence: { workers: 1 },
      stop: { drainSeconds: 0 },
      logLevel: 'warn',
    }
    writeFileSync(at('issuer.json'), JSON.stringify(settings))
    const { out } = await start(['carnet-issuer', 'keys', 'vkey', '--config', at('issuer.json')])
      .ended
    here.set('VKEY', out.trim())
    for (const name of ['key.pem', 'log-key.pem']) chmodSync(at(name), 0o600)
    expect(existsSync(at('issuer.sqlite'))).to.equal(false)
  }

  /** What an issuer needs that has its keys in its own folder. */
  const settingsOf = (baseUrl: string, pki: string) => ({
    ...{ baseUrl, database: 'issuer.sqlite', authority: { name: 'Test issuer', country: 'UT' } },
    ...{ attestation: { key: 'key.pem', chain: 'chain.pem' }, logKey: 'log-key.pem' },
    trustList: { file: `${pki}/trust-list.jwt`, signer: `${pki}/trust-list-signer.jwk.json` },
    status: { intervalSeconds: 1, validitySeconds: 60, listSize: 1024 },
  })

  /** Two more issuers, in one program. */
  async function makeTenants(port: number): Promise<void> {
    hostUrl = `http://127.0.0.1:${port}`
    for (const [name, baseUrl] of [
      ['north', hostUrl],
      ['south', `http://localhost:${port}`],
    ] as const) {
      for (const words of [
        [
          ...['pki', 'certify', '--dir', 'pki', '--role', 'attestation', '--name', name],
          ...['--uri', baseUrl, '--out', name],
        ],
        ['keys', 'log', '--out', join(name, 'log-key.pem')],
      ]) {
        const { code, out } = await start(['carnet-issuer', ...words]).ended
        expect(code, out).to.equal(0)
      }
      writeFileSync(at(name, 'issuer.json'), JSON.stringify(settingsOf(baseUrl, '../pki')))
    }
    const program = { listen: { port }, evidence: { workers: 1 }, stop: { drainSeconds: 0 } }
    const tenants = { north: 'north/issuer.json', south: 'south/issuer.json' }
    writeFileSync(at('host.json'), JSON.stringify({ ...program, logLevel: 'warn', tenants }))
  }

  /** Two copies of a person, and where their statuses are. */
  async function issuedReferences(): Promise<readonly { uri: string; idx: number }[]> {
    const worker = await submittedSession(issued.url)
    const wallet = testWallet(issued.url)
    await wallet.credential(await tokenFor(worker, wallet), newKeys(2))
    const row = issued.db
      .prepare('SELECT statuses FROM issuance WHERE session_id = ?')
      .get(worker.id) as { statuses: string }
    return JSON.parse(row.statuses)
  }
})
