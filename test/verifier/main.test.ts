import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { systemClock } from '../../shared/clock.ts'
import { sha256Hex } from '../../shared/hash.ts'
import { generateEd25519Key, generateEs256Key } from '../../shared/key/signer.software.ts'
import { packageRoot } from '../../shared/package-root.ts'
import { systemRandom } from '../../shared/random.ts'
import { issueLeafCertificate, issueRootCertificate } from '../../shared/trust/certificate.ts'
import { pemOfX5c } from '../../shared/trust/pem-chain.ts'
import { signTrustList } from '../../shared/trust/trust-list.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const KEY = 'a-platform-key'
const DAY = 86_400

describe('carnet-verifier serve', function () {
  this.timeout(40_000)
  const folder = temporaryFolder()
  const at = (name: string): string => join(folder.path, name)
  const started: ChildProcess[] = []
  let port: number
  let url: string

  const start = (args: readonly string[]): ChildProcess => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'verifier/main.ts', ...args], {
      cwd: packageRoot,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    started.push(child)
    return child
  }
  const ending = async (child: ChildProcess) => {
    let stdout = ''
    let stderr = ''
    child.stdout?.on('data', (chunk) => {
      stdout += chunk
    })
    child.stderr?.on('data', (chunk) => {
      stderr += chunk
    })
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    return { code, stdout, stderr }
  }
  const run = (args: readonly string[]) => ending(start(args))

  const writeConfig = (name: string, change: object = {}): string => {
    writeFileSync(
      at(name),
      JSON.stringify({
        baseUrl: url,
        listen: { port },
        database: 'verifier.db',
        access: { key: 'access.pem', chain: 'chain.pem' },
        trustList: { source: 'trust-list.jwt', signer: 'signer.jwk.json' },
        logKey: 'log.pem',
        apiKeys: [{ name: 'backend', sha256: sha256Hex(KEY) }],
        ...change,
      }),
    )
    return at(name)
  }

  before(async () => {
    const now = systemClock()
    const root = generateEs256Key()
    const validity = { notBefore: now - DAY, notAfter: now + DAY, random: systemRandom }
    const certificate = await issueRootCertificate({
      subject: { commonName: 'Test access CA' },
      pkcs8: root.pkcs8,
      ...validity,
    })
    const access = generateEs256Key()
    const leaf = await issueLeafCertificate({
      subject: { commonName: 'Driver Platform' },
      publicJwk: access.signer.publicJwk,
      role: 'relying-party-access',
      sanDns: ['driver.example'],
      issuer: { certificate, pkcs8: root.pkcs8 },
      ...validity,
    })
    const listSigner = generateEs256Key().signer
    const base64 = (der: Uint8Array): string => Buffer.from(der).toString('base64')
    const list = await signTrustList(
      {
        sequence: 1,
        operator: 'Test',
        territory: 'UT',
        issuedAt: now - 10,
        nextUpdate: now + DAY,
        entities: [
          {
            name: 'Test',
            services: [
              {
                role: 'relying-party-access',
                name: 'Test',
                status: 'granted',
                from: now - DAY,
                certificates: [base64(certificate)],
              },
            ],
          },
        ],
      },
      listSigner,
    )
    writeFileSync(at('access.pem'), access.pkcs8)
    writeFileSync(at('chain.pem'), pemOfX5c([base64(leaf)]))
    writeFileSync(at('trust-list.jwt'), list)
    writeFileSync(at('log.pem'), generateEd25519Key().pkcs8)
    writeFileSync(at('signer.jwk.json'), JSON.stringify(listSigner.publicJwk))
    const probe = createServer()
    await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
    port = (probe.address() as AddressInfo).port
    await new Promise((resolve) => probe.close(resolve))
    url = `http://127.0.0.1:${port}`
  })
  after(() => {
    for (const child of started) child.kill('SIGKILL')
    folder.remove()
  })

  it('refuses a wrong configuration with 78 and names every member at fault', async () => {
    const wrong = writeConfig('wrong.json', {
      baseUrl: 'https://a.example/path',
      apiKeys: [],
      colour: 1,
    })
    const { code, stderr } = await run(['serve', '--config', wrong])
    expect(code).to.equal(78)
    expect(stderr).to.contain('baseUrl').and.to.contain('apiKeys').and.to.contain('colour')
  })

  it('refuses keys and trust lists that do not fit', async () => {
    const other = writeConfig('other.json', { access: { key: 'log.pem', chain: 'chain.pem' } })
    writeFileSync(at('stranger.jwk.json'), JSON.stringify(generateEs256Key().signer.publicJwk))
    const trust = writeConfig('trust.json', {
      trustList: { source: 'trust-list.jwt', signer: 'stranger.jwk.json' },
    })
    writeFileSync(at('stranger.pem'), generateEs256Key().pkcs8)
    const swapped = writeConfig('swapped.json', {
      access: { key: 'stranger.pem', chain: 'chain.pem' },
    })
    const [key, list, mismatch] = await Promise.all(
      [other, trust, swapped].map((config) => run(['serve', '--config', config])),
    )
    expect(key?.code).to.equal(1)
    expect(key?.stderr).to.contain('not the kind of private key')
    expect(list?.code).to.equal(1)
    expect(list?.stderr).to.contain('trust list')
    expect(mismatch?.code).to.equal(1)
    expect(mismatch?.stderr).to.contain('is not the key of the access certificate')
  })

  it('serves alone on its port, and stops in good order', async () => {
    const config = writeConfig('verifier.json')
    const server = start(['serve', '--config', config])
    const ended = ending(server)
    await untilHealthy(url)

    const second = await run([
      'serve',
      '--config',
      writeConfig('second.json', { database: 'second.db' }),
    ])
    expect(second.code).to.equal(1)
    expect(second.stderr).to.contain(`port ${port} on 127.0.0.1 is in use`)

    const made = await fetch(`${url}/requests`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      body: '{}',
    })
    expect(made.status).to.equal(201)

    server.kill('SIGTERM')
    expect((await ended).code).to.equal(0)
  })
})

async function untilHealthy(url: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    try {
      if ((await fetch(`${url}/healthz`)).ok) return
    } catch {
      // Nothing listens yet.
    }
    await sleep(50)
  }
  throw new Error('the verifier did not become healthy')
}
