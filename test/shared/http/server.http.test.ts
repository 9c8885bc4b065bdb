import { createConnection } from 'node:net'
import { expect } from 'chai'
import express, { type Express } from 'express'
import { ProtocolError } from '../../../shared/error.ts'
import { formBody, jsonBody } from '../../../shared/http/body.http.ts'
import { renderErrors } from '../../../shared/http/errors.http.ts'
import {
  type HttpServer,
  listen,
  openApplication,
  refuseUnknownRoutes,
} from '../../../shared/http/server.http.ts'
import { OperatorError } from '../../../shared/operator-error.ts'
import { Problem } from '../../../shared/problem.ts'
import { systemRandom } from '../../../shared/random.ts'
import { recordingLog } from '../../support/log.ts'

describe('listen and openApplication', () => {
  let server: HttpServer
  let healthy = true
  const { log, lines } = recordingLog()

  before(async () => {
    server = await listen({ host: '127.0.0.1', port: 0 })
    const checkHealth = () => {
      if (!healthy) throw new Error('broken')
    }
    const app: Express = openApplication({
      log,
      random: systemRandom,
      origins: [server.url],
      checkHealth,
    })
    app.get('/problem', () => {
      throw new Problem('session_expired', 'begin a new session')
    })
    app.get('/defect', () => {
      throw new Error('the secret of the house')
    })
    app.get('/thing/:id', (_request, response) => {
      response.json({})
    })
    app.post('/json', ...jsonBody(64), (request, response) => {
      response.json(request.body)
    })
    const oauth = express.Router()
    oauth.post('/token', ...formBody(64), (request, response) => {
      if (request.body.fail) throw new ProtocolError('invalid_grant', 'the "code" is \u00e9xpired')
      if (request.body.defect) throw new Error('the secret of the house')
      response.json(request.body)
    })
    oauth.use(renderErrors('oauth'))
    const resource = express.Router()
    resource.get('/resource', () => {
      throw new ProtocolError('use_dpop_nonce', 'use the nonce')
    })
    resource.use(renderErrors('resource'))
    app.use(oauth, resource)
    refuseUnknownRoutes(app)
    app.use(renderErrors('problem'))
    server.serve(app)
  })
  after(() => server.close())

  const post = (path: string, body: string, type: string) =>
    fetch(server.url + path, { method: 'POST', body, headers: { 'content-type': type } })

  it('answers a problem with its code and media type (RFC 9457 §3)', async () => {
    const response = await fetch(`${server.url}/problem`)
    expect(response.status).to.equal(410)
    expect(response.headers.get('content-type')).to.contain('application/problem+json')
    expect(await response.json()).to.include({ code: 'session_expired', status: 410 })
  })

  it('says where a code is explained, and by which id the log knows the request (RFC 9457 §3.1.1)', async () => {
    const response = await fetch(`${server.url}/problem`, {
      headers: { 'x-request-id': 'order-4711_a' },
    })
    expect(response.headers.get('x-request-id')).to.equal('order-4711_a')
    expect(await response.json()).to.include({
      type: `${server.url}/problems/session_expired`,
      request_id: 'order-4711_a',
    })
    expect(lines()).to.contain('order-4711_a')
  })

  it('makes a request id where the one that came is none', async () => {
    for (const given of ['short', 'Ada Maria Specimen', 'x'.repeat(65), 'with"quote"in']) {
      const response = await fetch(`${server.url}/problem`, { headers: { 'x-request-id': given } })
      expect(response.headers.get('x-request-id')).to.match(/^[A-Za-z0-9_-]{12}$/)
      expect(lines()).to.not.contain(given)
    }
  })

  it('tells nothing of a defect and logs it', async () => {
    const response = await fetch(`${server.url}/defect`)
    expect(response.status).to.equal(500)
    expect(await response.text()).to.not.contain('secret of the house')
    expect(lines()).to.contain('secret of the house')
    const token = await post('/token', 'defect=1', 'application/x-www-form-urlencoded')
    expect([token.status, (await problemOf(token)).error]).to.deep.equal([500, 'server_error'])
  })

  it('answers a protocol error in its own form, in ASCII without quotes (RFC 6749 §5.2)', async () => {
    const response = await post('/token', 'fail=1', 'application/x-www-form-urlencoded')
    expect(response.status).to.equal(400)
    expect(response.headers.get('cache-control')).to.equal('no-store')
    expect(await response.json()).to.deep.equal({
      error: 'invalid_grant',
      error_description: "the 'code' is ?xpired",
    })
  })

  it('challenges at a resource (RFC 9449 §9)', async () => {
    const response = await fetch(`${server.url}/resource`)
    expect(response.status).to.equal(401)
    expect(response.headers.get('www-authenticate')).to.contain('DPoP error="use_dpop_nonce"')
  })

  it('refuses a repeated parameter (RFC 6749 §3.2) and a repeated member (RFC 8259 §4)', async () => {
    const form = await post('/token', 'a=1&a=2', 'application/x-www-form-urlencoded')
    expect([form.status, (await problemOf(form)).error]).to.deep.equal([400, 'invalid_request'])
    const json = await post('/json', '{"a":1,"a":2}', 'application/json')
    expect([json.status, (await problemOf(json)).code]).to.deep.equal([400, 'request_invalid'])
  })

  it('refuses a body that is too large, of another type, or no JSON', async () => {
    const large = await post('/json', `{"a":"${'x'.repeat(64)}"}`, 'application/json')
    expect([large.status, (await problemOf(large)).code]).to.deep.equal([413, 'body_too_large'])
    expect((await post('/json', '{}', 'text/plain')).status).to.equal(400)
    expect((await post('/json', '{', 'application/json')).status).to.equal(400)
  })

  it('refuses a host that is not its own, whatever the path', async () => {
    const answer = await raw(
      server.url,
      'GET /problem HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
    )
    expect(answer).to.match(/^HTTP\/1\.1 421 /)
  })

  it('refuses a header that is too large', async () => {
    const header = `X-Long: ${'x'.repeat(20_000)}`
    const answer = await raw(server.url, `GET / HTTP/1.1\r\nHost: a\r\n${header}\r\n\r\n`)
    expect(answer).to.match(/^HTTP\/1\.1 431 /)
  })

  it('answers an unknown path with not_found', async () => {
    expect((await problemOf(await fetch(`${server.url}/nothing`))).code).to.equal('not_found')
  })

  it('answers a path that does not decode with not_found, and does not log it', async () => {
    const answer = await fetch(`${server.url}/thing/%E0%A4%AMUSTER`)
    expect([answer.status, (await problemOf(answer)).code]).to.deep.equal([404, 'not_found'])
    expect(lines()).to.not.contain('MUSTER')
  })

  it('tells its health, and logs neither address nor query', async () => {
    expect((await fetch(`${server.url}/healthz?who=MUSTER`)).status).to.equal(200)
    healthy = false
    expect((await fetch(`${server.url}/healthz`)).status).to.equal(503)
    healthy = true
    expect(lines()).to.not.contain('MUSTER')
    expect(lines()).to.not.contain('127.0.0.1')
  })

  it('says which port is in use', async () => {
    const { port } = new URL(server.url)
    const error = await listen({ host: '127.0.0.1', port: Number(port) }).catch((e) => e)
    expect(error).to.be.instanceOf(OperatorError)
    expect(error.code).to.equal('port_in_use')
    expect(error.message).to.contain(port)
  })

  it('lets every request that has begun end when it stops', async () => {
    const second = await listen({ host: '127.0.0.1', port: 0 })
    let begun = 0
    let allBegun = (): void => undefined
    const begin = new Promise<void>((resolve) => {
      allBegun = resolve
    })
    second.serve((_request, response) => {
      if (++begun === 20) allBegun()
      setTimeout(() => response.end('whole'), 120)
    })
    const answers = Array.from({ length: 20 }, () => fetch(second.url).then((r) => r.text()))
    await begin
    const closed = second.close()
    expect(new Set(await Promise.all(answers))).to.deep.equal(new Set(['whole']))
    await closed
    expect(await fetch(second.url).catch(() => 'refused')).to.equal('refused')
  })
})

async function problemOf(response: Response): Promise<{ code?: string; error?: string }> {
  return (await response.json()) as { code?: string; error?: string }
}

/** Sends bytes that fetch would not and answers all that comes back. */
function raw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = createConnection({ host: hostname, port: Number(port) }, () =>
      socket.write(text),
    )
    socket.on('data', (data) => {
      answer += data
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
}
