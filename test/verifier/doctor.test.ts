import { chmodSync, writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { systemClock } from '../../shared/clock.ts'
import type { NamedFinding } from '../../shared/doctor/finding.ts'
import { generateEs256Key } from '../../shared/key/signer.software.ts'
import { openSqlite } from '../../shared/store/database.sqlite.ts'
import { makeEcosystem } from '../support/platform.ts'
import { type VerifierProgram, verifierProgram } from '../support/verifier-program.ts'

describe('carnet-verifier doctor', function () {
  this.timeout(60_000)
  let program: VerifierProgram

  before(async () => {
    program = await verifierProgram(await makeEcosystem(systemClock()))
  })
  after(() => program.remove())

  const examine = async (config: string, ...more: string[]) => {
    const { code, stdout } = await program.run(['doctor', '--config', config, '--json', ...more])
    const findings = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as NamedFinding)
    return { code, wrong: findings.filter(({ verdict }) => verdict === 'wrong'), findings }
  }

  it('finds nothing wrong with what will serve, and changes nothing', async () => {
    const { code, wrong, findings } = await examine(program.config('good.json'), '--offline')
    expect(wrong).to.deep.equal([])
    expect(code).to.equal(0)
    const store = findings.find(({ check }) => check === 'store')
    expect(store?.message).to.equal('there is no database yet; the first start makes it')
  })

  it('finds each thing that is wrong beside the others, and says what to do', async () => {
    chmodSync(program.at('log.pem'), 0o644)
    const config = program.config('wrong.json', {
      baseUrl: 'http://verifier.example',
      access: { key: 'other.pem', chain: 'chain.pem' },
      defaultPolicy: 'absent',
      database: 'newer.db',
    })
    writeFileSync(program.at('other.pem'), generateEs256Key().pkcs8, { mode: 0o600 })
    const newer = openSqlite(program.at('newer.db'), 1000)
    newer.exec(`CREATE TABLE migration(component TEXT, number INTEGER, sha256 TEXT);
      INSERT INTO migration VALUES ('verifier', 1000, '')`)
    newer.close()
    const { code, wrong } = await examine(config, '--offline')
    expect(code).to.equal(1)
    expect(wrong.map(({ check }) => check)).to.deep.equal([
      'secrets',
      'access certificate',
      'policies',
      'start',
      'store',
      'clock',
      'settings',
    ])
    for (const finding of wrong) {
      expect('remedy' in finding && finding.remedy.length, finding.check).to.be.above(10)
    }
    chmodSync(program.at('log.pem'), 0o600)
  })

  it('asks the server itself, and says that it does not answer or that it does', async () => {
    const config = program.config('verifier.json', { logLevel: 'silent' })
    const down = await examine(config)
    expect(down.wrong.map(({ message }) => message.split(':')[0])).to.deep.equal([
      'this verifier cannot be reached',
    ])
    const { child, ended } = program.start(['serve', '--config', config])
    await program.untilHealthy()
    const told = await program.run(['doctor', '--config', config])
    expect(told.code, told.stdout).to.equal(0)
    expect(told.stdout).to.match(/^ok {5}reachability: this verifier answers 200$/m)
    expect(told.stdout).to.match(/^ok {5}store: SQLite [\d.]+ with the schema of this version$/m)
    child.kill('SIGTERM')
    await ended
  })
})
