import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { systemClock } from '../../shared/clock.ts'
import { openSqlite } from '../../shared/store/database.sqlite.ts'
import { makeEcosystem } from '../support/platform.ts'
import { type VerifierProgram, verifierProgram } from '../support/verifier-program.ts'

/** The answer is lost with the program, the effect is not: whoever asked sends the same again. */
describe('a request that is repeated after its answer was lost', function () {
  this.timeout(60_000)
  let program: VerifierProgram

  before(async () => {
    program = await verifierProgram(await makeEcosystem(systemClock()))
  })
  after(() => program.remove())

  const count = (table: string): number => {
    const db = openSqlite(program.at('verifier.db'), 5000)
    try {
      return Number(db.prepare(`SELECT count(*) FROM ${table}`).pluck().get())
    } finally {
      db.close()
    }
  }
  const ask = (key: string) =>
    fetch(`${program.url}/requests`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${program.key}`,
        'content-type': 'application/json',
        'idempotency-key': `"${key}"`,
      },
      body: '{}',
    })

  it('has one effect and one answer, however often the program is killed', async () => {
    const config = program.config('verifier.json', { logLevel: 'silent' })
    for (let kill = 1; kill <= 3; kill++) {
      const key = `order-${kill}-of-the-test`
      const { child, ended } = program.start(['serve', '--config', config])
      await program.untilHealthy()
      const before = count('presentation_request')
      const { hostname, port, host } = new URL(program.url)
      const socket = connect(Number(port), hostname)
      socket.on('error', () => undefined).pause()
      socket.write(
        `POST /requests HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${program.key}\r\n` +
          `Content-Type: application/json\r\nContent-Length: 2\r\nIdempotency-Key: "${key}"\r\n\r\n{}`,
      )
      for (let wait = 0; wait < 1000 && count('idempotency') < kill; wait++) await sleep(2)
      child.kill('SIGKILL')
      socket.destroy()
      await ended
      expect(count('presentation_request'), 'committed before it was killed').to.equal(before + 1)

      const again = program.start(['serve', '--config', config])
      await program.untilHealthy()
      const [one, other] = [await ask(key), await ask(key)]
      expect([one.status, other.status]).to.deep.equal([201, 201])
      expect(one.headers.get('location')).to.equal(other.headers.get('location'))
      expect(await one.json()).to.deep.equal(await other.json())
      expect(count('presentation_request')).to.equal(before + 1)
      again.child.kill('SIGTERM')
      await again.ended
    }
  })
})
