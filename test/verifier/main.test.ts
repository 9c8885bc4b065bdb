import { writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { systemClock } from '../../shared/clock.ts'
import { generateEs256Key } from '../../shared/key/signer.software.ts'
import { makeEcosystem } from '../support/platform.ts'
import { postgresDatabase } from '../support/postgres.ts'
import { type VerifierProgram, verifierProgram } from '../support/verifier-program.ts'

describe('carnet-verifier serve', function () {
  this.timeout(40_000)
  let program: VerifierProgram

  before(async () => {
    program = await verifierProgram(await makeEcosystem(systemClock()))
  })
  after(() => program.remove())

  it('refuses a wrong configuration with 78 and names every member at fault', async () => {
    const wrong = program.config('wrong.json', {
      baseUrl: 'https://a.example/path',
      apiKeys: [{ name: 'backend', sha256: 'short' }],
      colour: 1,
    })
    const { code, stderr } = await program.run(['serve', '--config', wrong])
    expect(code).to.equal(78)
    expect(stderr).to.contain('baseUrl').and.to.contain('apiKeys').and.to.contain('colour')
  })

  it('refuses keys, trust lists and policies that do not fit', async () => {
    writeFileSync(
      program.at('stranger.jwk.json'),
      JSON.stringify(generateEs256Key().signer.publicJwk),
    )
    writeFileSync(program.at('stranger.pem'), generateEs256Key().pkcs8)
    const serve = (name: string, change: object) =>
      program.run([
        'serve',
        '--config',
        program.config(`${name}.json`, { database: `${name}.db`, ...change }),
      ])
    const [key, list, swapped, policy] = await Promise.all([
      serve('key', { access: { key: 'log.pem', chain: 'chain.pem' } }),
      serve('list', { trustList: { source: 'trust-list.jwt', signer: 'stranger.jwk.json' } }),
      serve('swapped', { access: { key: 'stranger.pem', chain: 'chain.pem' } }),
      serve('policy', { defaultPolicy: 'none' }),
    ])
    expect(key.code).to.equal(1)
    expect(key.stderr).to.contain('not the kind of private key')
    expect(list.code).to.equal(1)
    expect(list.stderr).to.contain('trust list')
    expect(swapped.code).to.equal(1)
    expect(swapped.stderr).to.contain('is not the key of the access certificate')
    expect(policy.code).to.equal(78)
    expect(policy.stderr).to.contain('there are: gig-identity')
  })

  it('serves alone on its port, and stops in good order', async () => {
    const { child, ended } = program.start(['serve', '--config', program.config('verifier.json')])
    await program.untilHealthy()

    const config = program.config('second.json', { database: 'second.db' })
    const second = await program.run(['serve', '--config', config])
    expect(second.code).to.equal(1)
    expect(second.stderr).to.match(/port \d+ on 127\.0\.0\.1 is in use/)

    const made = await fetch(`${program.url}/requests`, {
      method: 'POST',
      headers: { authorization: `Bearer ${program.key}`, 'content-type': 'application/json' },
      body: '{}',
    })
    expect(made.status).to.equal(201)
    child.kill('SIGTERM')
    expect((await ended).code).to.equal(0)
  })

  it('goes on at another server with what one that was killed has answered, on PostgreSQL', async () => {
    const database = await postgresDatabase()
    const config = program.config('postgres.json', { database, logLevel: 'info' })
    const headers = { authorization: `Bearer ${program.key}`, 'content-type': 'application/json' }
    const first = program.start(['serve', '--config', config])
    await program.untilHealthy()
    const made = await fetch(`${program.url}/requests`, { method: 'POST', headers, body: '{}' })
    const { request_id: id } = (await made.json()) as { request_id: string }
    first.child.kill('SIGKILL')
    const { stderr } = await first.ended
    const second = program.start(['serve', '--config', config])
    await program.untilHealthy()
    const found = await fetch(`${program.url}/requests/${id}`, { headers })
    expect(await found.json()).to.include({ state: 'requested' })
    second.child.kill('SIGTERM')
    const ended = await second.ended
    expect(ended.code, ended.stderr).to.equal(0)
    const password = new URL(database).password
    expect(`${stderr}${ended.stderr}`).to.contain('serving').and.not.contain(password)
  })

  it('says without the password that it cannot reach its database', async () => {
    const database = 'postgres://carnet:p4ss-word@127.0.0.1:1/carnet'
    const { code, stderr } = await program.run([
      'serve',
      '--config',
      program.config('unreachable.json', { database }),
    ])
    expect(code).to.equal(1)
    expect(stderr).to.contain('postgres://127.0.0.1:1/carnet').and.not.contain('p4ss-word')
  })
})
