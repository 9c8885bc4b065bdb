import { spawnSync } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { issuerConfigSchema } from '../../issuer/config.ts'
import { issuerChecks } from '../../issuer/doctor.ts'
import { systemClock } from '../../shared/clock.ts'
import { examine, type NamedFinding } from '../../shared/doctor/finding.ts'
import { thisMachine } from '../../shared/doctor/machine.ts'
import { generateEs256Key, openEd25519Key, openEs256Key } from '../../shared/key/signer.software.ts'
import { packageRoot } from '../../shared/package-root.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const URL_OF_ISSUER = 'http://127.0.0.1:4199'
const DAY = 86_400

describe('carnet-issuer doctor', function () {
  this.timeout(60_000)
  const folder = temporaryFolder()
  const at = (path: string): string => join(folder.path, path)
  const program = join(packageRoot, 'bin/carnet-issuer.mjs')
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', cwd: folder.path })
  const settings = {
    baseUrl: URL_OF_ISSUER,
    listen: { port: 4199 },
    database: 'issuer.sqlite',
    authority: { name: 'Test issuer', country: 'UT' },
    attestation: { key: 'issuer/key.pem', chain: 'issuer/chain.pem' },
    logKey: 'log-key.pem',
    trustList: { file: 'pki/trust-list.jwt', signer: 'pki/trust-list-signer.jwk.json' },
    witnesses: { quorum: 1, of: [{ url: 'http://127.0.0.1:9', key: 'w+0+a' }] },
  }

  before(() => {
    run('pki', 'init', '--dir', 'pki')
    const certify = ['pki', 'certify', '--dir', 'pki', '--role', 'attestation', '--name', 'Test']
    run(...certify, '--uri', URL_OF_ISSUER, '--out', 'issuer')
    run('keys', 'log', '--out', 'log-key.pem')
    writeFileSync(at('config.json'), JSON.stringify(settings))
  })
  after(() => folder.remove())

  /** The checks of the program on this folder, with something else about it. */
  const found = async (
    change: {
      readonly settings?: object
      readonly now?: number
      readonly iat?: number
      readonly exp?: number
      /** Seconds until no certificate outlives a new credential. */
      readonly due?: number
    } = {},
    offline = true,
  ): Promise<NamedFinding[]> => {
    const now = change.now ?? systemClock()
    const examination = {
      config: issuerConfigSchema.parse({ ...settings, ...change.settings }),
      at,
      machine: thisMachine,
      fetch: () => Promise.reject(new TypeError('fetch failed', { cause: new Error('refused') })),
      clock: () => now,
      readText: (path: string) => readFileSync(path, 'utf8'),
      openAttestationKey: async (key: unknown) =>
        openEs256Key(readFileSync(at(String(key)), 'utf8')),
      openLogKey: openEd25519Key,
      schemaState: async () => ({ engine: 'SQLite', pending: 0, damage: [], serverTime: now }),
      servedPools: async () => [
        { pool: 'week', iat: change.iat ?? now - 60, exp: change.exp ?? now + 60 },
      ],
      prepare: async () => change.due ?? 90 * DAY,
      supplyModels: async () => 8,
    }
    return examine(issuerChecks(examination, offline))
  }
  const wrong = async (...given: Parameters<typeof found>): Promise<string[]> =>
    (await found(...given))
      .filter(({ verdict }) => verdict === 'wrong')
      .map(({ check, message }) => `${check}: ${message}`)

  it('finds nothing wrong with what the commands of the first steps make', () => {
    const { status, stdout, stderr } = run('doctor', '--config', 'config.json', '--offline')
    expect(stderr).to.equal('')
    expect(stdout).to.match(/^ok {5}trust list: number 1 of .* is in force until/m)
    expect(stdout).to.match(/^ok {5}store: there is no database yet/m)
    expect(stdout).to.match(/^ok {5}start: everything that is read first is there$/m)
    expect(stdout).to.match(/^weak {3}settings: only the made-up watchlist/m)
    expect(status).to.equal(0)
  })

  it('finds lists that expired, and lists from the future', async () => {
    const now = systemClock()
    expect(await wrong()).to.deep.equal([])
    expect(await wrong({ exp: now })).to.deep.equal([
      'status lists: what is served of the lists of week has expired',
    ])
    expect(await wrong({ iat: now + 100 })).to.deep.equal([
      'status lists: lists of week were published in the future',
    ])
  })

  it('finds a certificate for another address, one that ended, and a key that it does not certify', async () => {
    expect(await wrong({ settings: { baseUrl: 'https://other.example' } })).to.deep.equal([
      'attestation key: issuer/chain.pem is not for https://other.example',
    ])
    const [trust, attestation] = await wrong({ now: systemClock() + 3000 * DAY })
    expect([trust, attestation]).to.satisfy((both: string[]) =>
      both.every((one) => /^(trust list|attestation key): /.test(one)),
    )
    writeFileSync(at('other.pem'), generateEs256Key().pkcs8, { mode: 0o600 })
    const attested = { key: 'other.pem', chain: 'issuer/chain.pem' }
    expect(await wrong({ settings: { attestation: attested } })).to.deep.equal([
      'attestation key: issuer/chain.pem certifies another key',
    ])
  })

  it('says what serving itself would say at its start', async () => {
    const weak = (await found({ due: 10 * DAY })).find(({ check }) => check === 'start')
    expect(weak).to.deep.include({
      verdict: 'weak',
      message: 'a new credential outlives every attestation certificate in 10 days',
    })
    const config = { ...settings, watchlists: [{ file: 'list.json', sha256: '0'.repeat(64) }] }
    writeFileSync(
      at('list.json'),
      JSON.stringify({ id: 'l', version: '1', publisher: '', entries: [] }),
    )
    writeFileSync(at('other.json'), JSON.stringify(config))
    const { status, stdout } = run('doctor', '--config', 'other.json', '--offline')
    expect(status).to.equal(1)
    expect(stdout).to.match(/^WRONG {2}start: /m)
  })

  it('finds a key file that others may read, and one that holds something else', async () => {
    chmodSync(at('log-key.pem'), 0o640)
    expect(await wrong()).to.deep.equal([`secrets: others may read ${at('log-key.pem')}`])
    chmodSync(at('log-key.pem'), 0o600)
    expect(await wrong({ settings: { logKey: 'issuer/key.pem' } })).to.deep.equal([
      'log key: issuer/key.pem holds no Ed25519 key',
    ])
  })

  it('asks this issuer, witnesses and receivers, each by itself', async () => {
    const webhooks = { key: 'log-key.pem', endpoints: [{ url: 'https://platform.example/hook' }] }
    expect(await wrong({ settings: { webhooks } }, false)).to.deep.equal([
      'reachability: this issuer cannot be reached: refused',
      'reachability: a witness cannot be reached: refused',
      'reachability: a webhook receiver cannot be reached: refused',
    ])
  })

  it('calls weak what works and should not stay', async () => {
    const weak = (
      await found({
        settings: {
          baseUrl: 'https://issuer.example',
          witnesses: undefined,
          status: { listSize: 1024 },
          logLevel: 'debug',
          operator: { host: '0.0.0.0', port: 9 },
        },
      })
    ).filter(({ check, verdict }) => check === 'settings' && verdict === 'weak')
    const told = weak.map(({ message }) => message).join('\n')
    for (const word of [
      'operator listener',
      'proxy',
      'witness',
      'log mark',
      'watchlist',
      'crowd',
      'training data',
      'the log tells more',
    ]) {
      expect(told).to.contain(word)
    }
  })
})
