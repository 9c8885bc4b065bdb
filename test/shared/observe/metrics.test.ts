import { expect } from 'chai'
import type { Express } from 'express'
import { renderErrors } from '../../../shared/http/errors.http.ts'
import {
  type HttpServer,
  listen,
  openApplication,
  refuseUnknownRoutes,
} from '../../../shared/http/server.http.ts'
import { countFailures } from '../../../shared/observe/count-failures.ts'
import { openMetrics, openTenantMetrics } from '../../../shared/observe/metrics.ts'
import { operatorApplication } from '../../../shared/observe/operator.http.ts'
import { Problem } from '../../../shared/problem.ts'
import { systemRandom } from '../../../shared/random.ts'
import { silentLog } from '../../support/log.ts'

describe('openMetrics', () => {
  const metrics = openMetrics()
  const checkHealth = () => undefined
  const readiness = async () => ({ status: 'ready', checks: { store: 'ok' } }) as const
  let server: HttpServer
  let operator: HttpServer

  before(async () => {
    server = await listen({ host: '127.0.0.1', port: 0 })
    operator = await listen({ host: '127.0.0.1', port: 0 })
    const app: Express = openApplication({
      log: silentLog,
      random: systemRandom,
      origins: [server.url],
      checkHealth,
      observation: { observeRequest: metrics.observeRequest, readiness },
    })
    app.get('/people/:name', (request, response) => {
      if (request.params.name === 'nobody') throw new Problem('not_found', 'nobody')
      response.json({})
    })
    app.get('/slow', () => undefined)
    refuseUnknownRoutes(app)
    app.use(renderErrors('problem'))
    server.serve(app)
    operator.serve(operatorApplication({ metrics, checkHealth, readiness }))
  })
  after(async () => {
    await server.close()
    await operator.close()
  })

  const scrape = async (): Promise<string> => (await fetch(`${operator.url}/metrics`)).text()

  it('counts requests by method, template and status, and how long they took', async () => {
    const before = requestsCounted(await scrape(), 'GET', '/people/:name', 200)
    for (const name of ['a', 'b', 'c', 'nobody']) await fetch(`${server.url}/people/${name}`)
    const text = await scrape()
    expect(requestsCounted(text, 'GET', '/people/:name', 200)).to.equal(before + 3)
    expect(requestsCounted(text, 'GET', '/people/:name', 404)).to.equal(1)
    expect(text).to.match(
      /carnet_http_request_duration_seconds_count\{method="GET",route="\/people\/:name"\} 4/,
    )
    expect(text).to.contain('carnet_http_requests_in_flight 0')
  })

  it('keeps its labels bounded and free of what a caller wrote', async () => {
    for (const path of ['/people/MUSTER', '/MUSTER', '/MUSTER/X00000001', '/%E0%A4%AMUSTER']) {
      await fetch(`${server.url}${path}?name=MUSTER`)
    }
    await fetch(`${server.url}/people/x`, { method: 'PROPFIND' })
    const text = await scrape()
    expect(text).to.not.match(/MUSTER|X00000001|PROPFIND/)
    expect(requestsCounted(text, 'GET', '(none)', 404)).to.equal(3)
    expect(requestsCounted(text, 'other', '(none)', 404)).to.equal(1)
    const own = openMetrics()
    for (let i = 0; i < 5000; i++) {
      own.observeRequest()({ method: 'GET', route: `/r${i}`, status: 200, seconds: 0 })
    }
    const routes = new Set((await own.render()).text.match(/route="[^"]*"/g))
    expect(routes.size).to.equal(257)
    expect(routes.has('route="other"')).to.equal(true)
  })

  it('tells of a caller who went away', async () => {
    const gone = new AbortController()
    const asked = fetch(`${server.url}/slow`, { signal: gone.signal }).catch(() => 'gone')
    await new Promise((resolve) => setTimeout(resolve, 50))
    gone.abort()
    expect(await asked).to.equal('gone')
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(requestsCounted(await scrape(), 'GET', '/slow', 'aborted')).to.equal(1)
  })

  it('leaves out a number that cannot be read, and counts that', async () => {
    const own = openMetrics()
    let known: number | undefined = 7
    own.gauge({ name: 'carnet_known', help: 'a', read: () => known })
    own.gauge({
      name: 'carnet_unread',
      help: 'b',
      read: () => Promise.reject(new Error('the store is away')),
    })
    own.gauge({ name: 'carnet_pools', help: 'c', label: 'pool', read: () => ({ standard: 3 }) })
    const first = (await own.render()).text
    expect(first).to.contain('carnet_known 7').and.contain('carnet_pools{pool="standard"} 3')
    expect(first).to.not.match(/^carnet_unread /m)
    known = undefined
    const second = (await own.render()).text
    expect(second).to.contain('carnet_metric_errors_total{metric="carnet_unread"}')
    expect(second).to.not.match(/^carnet_known /m)
  })

  it('tells of the event loop and the memory of the process', async () => {
    expect(await scrape()).to.contain('nodejs_eventloop_lag_p99_seconds')
  })

  it('answers metrics, health and readiness to the operator, and nothing else', async () => {
    const status = async (url: string) => (await fetch(url)).status
    expect(await status(`${operator.url}/healthz`)).to.equal(200)
    expect(await status(`${operator.url}/readyz`)).to.equal(200)
    expect(await status(`${operator.url}/people/a`)).to.equal(404)
    expect(await status(`${server.url}/metrics`)).to.equal(404)
  })
})

describe('openTenantMetrics', () => {
  it('tells whose each number is, and counts one that cannot be read for its tenant alone', async () => {
    const metrics = openTenantMetrics()
    const [north, south] = ['north', 'south'].map((name) => metrics.ofTenant(name))
    const gauge = { name: 'carnet_test_age', help: 'x', label: 'pool' }
    north?.gauge({ ...gauge, read: () => ({ p90: 1 }) })
    south?.gauge({ ...gauge, read: () => Promise.reject(new Error('no database')) })
    const counter = { name: 'carnet_test_total', help: 'x', label: 'store' }
    north?.counter(counter)('keys')
    south?.counter(counter)('keys')
    south?.counter(counter)('keys')
    metrics.gauge({ name: 'carnet_test_shared', help: 'x', read: () => 3 })
    for (const observe of [north, south, metrics]) {
      observe?.observeRequest()({ method: 'GET', route: '/x', status: 200, seconds: 0.1 })
    }
    await metrics.render()
    const { text } = await metrics.render()
    for (const line of [
      'carnet_test_age{tenant="north",pool="p90"} 1',
      'carnet_metric_errors_total{metric="carnet_test_age",tenant="south"} 1',
      'carnet_test_total{tenant="north",store="keys"} 1',
      'carnet_test_total{tenant="south",store="keys"} 2',
      'carnet_test_shared 3',
      'carnet_http_requests_total{tenant="north",method="GET",route="/x",status="200"} 1',
      'carnet_http_requests_total{tenant="(none)",method="GET",route="/x",status="200"} 1',
    ]) {
      expect(text.split('\n')).to.include(line)
    }
    expect(text).to.not.contain('carnet_test_age{tenant="south"')
  })
})

describe('countFailures', () => {
  it('counts what fails and not what a caller did wrong', async () => {
    let failures = 0
    const store = countFailures(
      {
        name: 'store',
        read: async () => 'read',
        full: async () => Promise.reject(new Error('disk full')),
        now: () => {
          throw new Error('disk full')
        },
        refused: async () => Promise.reject(new Problem('not_found', 'nothing')),
      },
      () => {
        failures += 1
      },
    )
    expect([store.name, await store.read()]).to.deep.equal(['store', 'read'])
    expect(await store.refused().catch((error) => error.code)).to.equal('not_found')
    expect(failures).to.equal(0)
    expect(await store.full().catch((error) => error.message)).to.equal('disk full')
    expect(() => store.now()).to.throw('disk full')
    expect(failures).to.equal(2)
  })
})

function requestsCounted(
  text: string,
  method: string,
  route: string,
  status: number | string,
): number {
  const line = `carnet_http_requests_total{method="${method}",route="${route}",status="${status}"} `
  const found = text.split('\n').find((candidate) => candidate.startsWith(line))
  return found === undefined ? 0 : Number(found.slice(line.length))
}
