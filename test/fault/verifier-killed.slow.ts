import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { openAuditLog } from '../../shared/audit/log.sqlite.ts'
import { systemClock } from '../../shared/clock.ts'
import { openEd25519Key } from '../../shared/key/signer.software.ts'
import { statusListBytes } from '../../shared/status-list/bits.ts'
import { signStatusListToken } from '../../shared/status-list/token.ts'
import { openDatabase } from '../../shared/store/database.sqlite.ts'
import { verifierSchema } from '../../verifier/storage.sqlite.ts'
import {
  answerWith,
  type Ecosystem,
  type HeldCredential,
  makeEcosystem,
} from '../support/platform.ts'
import { type VerifierProgram, verifierProgram } from '../support/verifier-program.ts'

const KILLS = 4

interface Told {
  readonly request_id: string
  readonly authorization_request: string
  readonly state: string
  readonly acceptance: { readonly outcome: string }
}

/** Answers arrive while the program is killed again and again; what was acknowledged must be there, whole. */
describe('a verifier that is killed', function () {
  this.timeout(60_000)
  let ecosystem: Ecosystem
  let program: VerifierProgram
  let issuer: Server
  let credential: HeldCredential

  before(async () => {
    ecosystem = await makeEcosystem(systemClock())
    program = await verifierProgram(ecosystem)
    let token = ''
    issuer = createServer((_request, response) => {
      response.setHeader('content-type', 'application/statuslist+jwt').end(token)
    })
    await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve))
    const uri = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/status/1`
    const [iat, list] = [ecosystem.now, statusListBytes(4096, 2)]
    const times = { iat, exp: iat + 86_400, ttl: 3600 }
    token = await signStatusListToken({ uri, bits: 2, list, ...times, ...ecosystem.issuer })
    credential = await ecosystem.issue({ claims: { status: { status_list: { idx: 7, uri } } } })
  })
  after(() => {
    issuer.close()
    program.remove()
  })

  const call = async (path: string, body?: object) => {
    const response = await fetch(`${program.url}${path}`, {
      headers: { authorization: `Bearer ${program.key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    })
    return { status: response.status, body: (await response.json()) as Told }
  }

  it('has every request and answer that it acknowledged, verified again, and no half of another', async () => {
    const config = program.config('verifier.json', {
      allowPrivateNetworks: true,
      logLevel: 'silent',
    })
    const made: string[] = []
    const acknowledged: string[] = []
    const work = async (alive: () => boolean): Promise<void> => {
      while (alive()) {
        try {
          const { body } = await call('/requests', {})
          made.push(body.request_id)
          ecosystem.now = systemClock()
          const answer = await answerWith(ecosystem, body.authorization_request, credential)
          if (answer.status === 200) acknowledged.push(body.request_id)
        } catch {
          // The program was killed under this request.
        }
      }
    }
    for (let kill = 0; kill < KILLS; kill++) {
      const { child, ended } = program.start(['serve', '--config', config])
      await program.untilHealthy()
      let alive = true
      const workers = [work(() => alive), work(() => alive)]
      const before = acknowledged.length
      for (let wait = 0; wait < 400 && acknowledged.length < before + 2; wait++) await sleep(10)
      await sleep(7 * kill)
      alive = false
      child.kill('SIGKILL')
      await Promise.all([ended, ...workers])
    }
    const { child, ended } = program.start(['serve', '--config', config])
    await program.untilHealthy()
    expect(acknowledged.length, 'answers that were acknowledged').to.be.at.least(2 * KILLS)
    for (const id of made) {
      const { status, body } = await call(`/requests/${id}`)
      expect(status).to.equal(200)
      if (acknowledged.includes(id)) expect(body.state).to.equal('answered')
      if (body.state === 'answered') expect(body.acceptance.outcome).to.equal('accept')
      else expect(body.state).to.be.oneOf(['requested', 'retrieved'])
    }
    child.kill('SIGTERM')
    expect((await ended).code).to.equal(0)
    const db = openDatabase(program.at('verifier.db'), verifierSchema)
    const count = (table: string) =>
      Number(db.prepare(`SELECT count(*) FROM ${table}`).pluck().get())
    expect(db.pragma('integrity_check', { simple: true })).to.equal('ok')
    expect(count('audit_entry'), 'two entries an answer').to.equal(2 * count('answer'))
    const signer = openEd25519Key(readFileSync(program.at('log.pem'), 'utf8'))
    const log = openAuditLog(db, { origin: `${new URL(program.url).host}/log`, signer })
    expect(await log.check()).to.deep.equal([])
    db.close()
  })
})
