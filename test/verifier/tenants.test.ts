import { writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { systemClock } from '../../shared/clock.ts'
import { sha256Hex } from '../../shared/hash.ts'
import type { JsonObject } from '../../shared/json.ts'
import { generateEd25519Key, generateEs256Key } from '../../shared/key/signer.software.ts'
import { pemOfX5c } from '../../shared/trust/pem-chain.ts'
import { freePort } from '../support/free-port.ts'
import { hostRequest } from '../support/host-request.ts'
import { answerWith, type Ecosystem, makeEcosystem } from '../support/platform.ts'
import { type VerifierProgram, verifierProgram } from '../support/verifier-program.ts'

describe('carnet-verifier serve with several tenants', function () {
  this.timeout(60_000)
  let ecosystem: Ecosystem
  let program: VerifierProgram
  let operatorUrl: string
  let host: string
  const key = 'the-key-of-the-south'
  const north = () => program.url
  const south = () => program.url.replace('127.0.0.1', 'localhost')
  const call = async (base: string, path: string, token: string, body?: object) => {
    const response = await fetch(`${base}${path}`, {
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    })
    return { status: response.status, body: (await response.json()) as JsonObject }
  }

  before(async () => {
    ecosystem = await makeEcosystem(systemClock())
    program = await verifierProgram(ecosystem)
    const access = generateEs256Key()
    const { x5c } = await ecosystem.access.leaf({
      signer: access.signer,
      sanDns: ['south.example'],
    })
    writeFileSync(program.at('access-south.pem'), access.pkcs8)
    writeFileSync(program.at('chain-south.pem'), pemOfX5c(x5c))
    writeFileSync(program.at('log-south.pem'), generateEd25519Key().pkcs8)
    program.config('north.json')
    program.config('south.json', southern())
    const port = await freePort()
    operatorUrl = `http://127.0.0.1:${port}`
    host = hostFile('host.json', { operator: { port } })
  })
  after(() => program.remove())

  const southern = (change: object = {}) => ({
    baseUrl: south(),
    database: 'south.db',
    access: { key: 'access-south.pem', chain: 'chain-south.pem' },
    logKey: 'log-south.pem',
    apiKeys: [{ name: 'backend', sha256: sha256Hex(key) }],
    ...change,
  })
  function hostFile(name: string, change: object = {}): string {
    const listen = { port: Number(new URL(program.url).port) }
    const tenants = { north: 'north.json', south: 'south.json' }
    writeFileSync(program.at(name), JSON.stringify({ listen, tenants, ...change }))
    return program.at(name)
  }

  it('starts nobody where one of them cannot start or two share what is of one, and says which', async () => {
    const failing = async (change: object) => {
      program.config('other.json', southern(change))
      const path = hostFile('failing.json', {
        tenants: { north: 'north.json', other: 'other.json' },
      })
      const { code, stderr } = await program.run(['serve', '--config', path])
      expect(code).to.not.equal(0)
      return stderr
    }
    expect(await failing({ logKey: 'absent.pem' })).to.contain('tenant other: cannot read')
    expect(await failing({ database: 'verifier.db' })).to.contain(
      'north and other have the same database',
    )
  })

  it('serves each under its own address with its own keys, and nobody under another', async () => {
    const { child, ended } = program.start(['serve', '--config', host])
    await program.untilHealthy()
    expect((await call(north(), '/requests', program.key, {})).status).to.equal(201)
    const made = await call(south(), '/requests', key, {})
    expect(made.status).to.equal(201)
    expect((await call(north(), '/requests', key, {})).status).to.equal(401)
    expect((await call(south(), '/requests', program.key, {})).status).to.equal(401)
    // Both platforms call their system `backend`, and neither is told of the other's request.
    expect((await call(north(), `/requests/${made.body.request_id}`, program.key)).status).to.equal(
      404,
    )
    await answerWith(ecosystem, String(made.body.authorization_request), await ecosystem.issue())
    const result = await call(south(), `/requests/${made.body.request_id}`, key)
    expect(result.body.state).to.be.oneOf(['answered', 'refused', 'retrieved', 'requested'])

    const elsewhere = await hostRequest(program.url, 'west.example', '/requests')
    expect([elsewhere.status, elsewhere.body.code]).to.deep.equal([421, 'misdirected_host'])
    expect((await hostRequest(program.url, 'probe', '/healthz')).status).to.equal(200)
    const probed = await hostRequest(program.url, 'probe', '/readyz')
    expect(probed).to.deep.equal({ status: 200, body: { status: 'ready', checks: {} } })

    const add = ['keys', 'add', '--config', host, '--role', 'platform', '--name', 'dispatch']
    const added = await program.run([...add, '--tenant', 'south'])
    expect((await call(south(), '/requests', added.stdout.trim(), {})).status).to.equal(201)
    expect((await call(north(), '/requests', added.stdout.trim(), {})).status).to.equal(401)

    const readiness = await (await fetch(`${operatorUrl}/readyz`)).json()
    expect(readiness).to.deep.equal({
      status: 'ready',
      checks: {
        ...{ 'north/store': 'ok', 'north/trust_list': 'ok' },
        ...{ 'south/store': 'ok', 'south/trust_list': 'ok' },
      },
    })
    const metrics = await (await fetch(`${operatorUrl}/metrics`)).text()
    for (const tenant of ['north', 'south']) {
      expect(metrics).to.contain(`carnet_trust_list_in_force{tenant="${tenant}"} 1`)
      expect(metrics).to.match(
        new RegExp(`carnet_http_requests_total\\{tenant="${tenant}",.*"/requests",status="201"`),
      )
    }
    const logs = await Promise.all(
      [north(), south()].map(async (base) => (await fetch(`${base}/log/checkpoint`)).text()),
    )
    expect(logs.map((text) => text.split('\n')[0])).to.deep.equal(
      [north(), south()].map((base) => `${new URL(base).host}/log`),
    )

    child.kill('SIGTERM')
    const { code, stderr } = await ended
    expect(code).to.equal(0)
    const lines = stderr.split('\n').filter((line) => line.includes('"answered"'))
    expect(lines.filter((line) => line.includes('"tenant":"south"'))).to.not.have.length(0)
    expect(lines.filter((line) => line.includes('"tenant":"north"'))).to.not.have.length(0)
  })
})
