import { type Agent, request as httpRequest, Agent as NodeAgent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { systemClock } from '../../shared/clock.ts'
import { openSqlite } from '../../shared/store/database.sqlite.ts'
import { makeEcosystem } from '../support/platform.ts'
import { type VerifierProgram, verifierProgram } from '../support/verifier-program.ts'

/** What came of the requests of one client. */
interface Sent {
  /** Ids of requests that were answered 201, whole. */
  readonly made: string[]
  /** Codes of connections that failed. */
  readonly failures: string[]
}

describe('carnet-verifier that is told to stop', () => {
  let verifier: VerifierProgram
  before(async () => {
    verifier = await verifierProgram(await makeEcosystem(systemClock()))
  })
  after(() => verifier.remove())

  it('cuts no request short under load, and sends whoever asks for readiness elsewhere', async () => {
    const { child, ended } = verifier.start(['serve', '--config', verifier.config('stop.json')])
    await verifier.untilHealthy()
    const ready = await fetch(`${verifier.url}/readyz`)
    expect([ready.status, await ready.json()]).to.deep.equal([
      200,
      { status: 'ready', checks: { store: 'ok', trust_list: 'ok' } },
    ])
    let balanced = true
    let exited = false
    const probes: string[] = []
    const probing = (async () => {
      const agent = new NodeAgent({ keepAlive: true, maxSockets: 1 })
      while (balanced) {
        const { status, body } = await send(agent, { method: 'GET', path: '/readyz' })
        probes.push(`${status} ${JSON.parse(body).status}`)
        if (status === 503) balanced = false
        await sleep(5)
      }
      agent.destroy()
    })()
    // Some look at readiness, as a load balancer does; the others go on until nobody takes their connection.
    const clients = Array.from({ length: 16 }, (_, index) =>
      makeRequests(index % 2 === 0 ? () => balanced : () => !exited),
    )
    await sleep(500)
    child.kill('SIGTERM')
    const { code, stderr } = await ended
    exited = true
    await probing
    const sent = await Promise.all(clients)

    expect(code, stderr).to.equal(0)
    expect(probes.at(-1)).to.equal('503 stopping')
    for (const { failures } of sent.filter((_, index) => index % 2 === 0)) {
      expect(failures, 'of a client that looks at readiness').to.deep.equal([])
    }
    const made = sent.flatMap((one) => one.made)
    expect(made.length).to.be.greaterThan(50)
    const db = openSqlite(verifier.at('verifier.db'), 1000)
    const stored = db.prepare('SELECT id FROM presentation_request').pluck().all() as string[]
    db.close()
    expect(new Set(stored), 'what was begun was answered').to.deep.equal(new Set(made))
    expect(new Set(made).size).to.equal(made.length)
  }).timeout(30_000)

  async function makeRequests(go: () => boolean): Promise<Sent> {
    const agent = new NodeAgent({ keepAlive: true, maxSockets: 1 })
    const sent: Sent = { made: [], failures: [] }
    while (go()) {
      try {
        const { status, body } = await send(agent, { method: 'POST', path: '/requests' })
        if (status === 201) sent.made.push(JSON.parse(body).request_id)
        else sent.failures.push(`${status} ${body}`)
      } catch (error) {
        sent.failures.push((error as NodeJS.ErrnoException).code ?? 'unknown')
        await sleep(5)
      }
    }
    agent.destroy()
    return sent
  }

  function send(
    agent: Agent,
    { method, path }: { method: string; path: string },
  ): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${verifier.key}`,
        ...(method === 'POST' ? { 'content-type': 'application/json', 'content-length': '2' } : {}),
      }
      const request = httpRequest(`${verifier.url}${path}`, { agent, method, headers })
      request.on('error', reject)
      request.on('response', (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (chunk) => {
          body += chunk
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
        response.on('aborted', () => reject(new Error('cut')))
      })
      request.end(method === 'POST' ? '{}' : undefined)
    })
  }
})
