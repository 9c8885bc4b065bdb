import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { guardedFetch, isGlobalAddress } from '../../../shared/trust/guarded-fetch.ts'
import { refuses } from '../../support/refusal.ts'

const bounds = { allowPrivate: true, maxBytes: 1000, timeoutMs: 400, maxRedirects: 2 }

describe('guardedFetch', () => {
  const servers: Server[] = []
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections()
      server.close()
    }
  })
  async function serve(listener: RequestListener): Promise<string> {
    const server = createServer(listener).listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  it('fetches whole answers and follows redirects', async () => {
    const base = await serve((request, response) => {
      if (request.url === '/a') response.writeHead(302, { location: '/b' }).end()
      else response.writeHead(200, { 'content-type': 'text/plain' }).end('here')
    })
    const response = await guardedFetch(bounds)(`${base}/a`)
    expect(response.status).to.equal(200)
    expect(response.headers.get('content-type')).to.equal('text/plain')
    expect(await response.text()).to.equal('here')
  })

  it('refuses plain HTTP, other schemes and a user name in the address', async () => {
    const strict = guardedFetch({ ...bounds, allowPrivate: false })
    await refuses('address_refused', () => strict('http://example.com/'))
    await refuses('address_refused', () => strict('file:///etc/passwd'))
    await refuses('address_refused', () => strict('https://user:word@example.com/'))
    await refuses('address_refused', () => strict('not a url'))
  })

  it('refuses every spelling of a private address literal', async () => {
    const strict = guardedFetch({ ...bounds, allowPrivate: false })
    for (const host of [
      '127.0.0.1',
      '127.1',
      '0177.0.0.1',
      '2130706433',
      '0x7f000001',
      '①②⑦.⓪.⓪.①',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '[fd00::1]',
      '169.254.169.254',
      '10.0.0.1',
      '0.0.0.0',
    ]) {
      await refuses('address_refused', () => strict(`https://${host}/`))
    }
  })

  it('refuses a name that resolves to a private address', async () => {
    const strict = guardedFetch({ ...bounds, allowPrivate: false })
    await refuses('address_refused', () => strict('https://localhost/'))
  })

  it('refuses more redirects than allowed and a redirect to another scheme', async () => {
    let requests = 0
    const base = await serve((request, response) => {
      requests++
      response
        .writeHead(302, { location: request.url === '/file' ? 'file:///etc/passwd' : '/' })
        .end()
    })
    await refuses('fetch_failed', () => guardedFetch(bounds)(`${base}/`))
    expect(requests).to.equal(bounds.maxRedirects + 1)
    await refuses('address_refused', () => guardedFetch(bounds)(`${base}/file`))
  })

  it('follows no redirect where none is wanted, and none of a request that is not a GET', async () => {
    const seen: (string | undefined)[] = []
    const base = await serve((request, response) => {
      seen.push(request.url)
      response.writeHead(307, { location: '/other' }).end()
    })
    await refuses('fetch_failed', () => guardedFetch(bounds)(`${base}/a`, { redirect: 'error' }))
    await refuses('fetch_failed', () =>
      guardedFetch(bounds)(`${base}/b`, { method: 'POST', body: 'secret' }),
    )
    expect(seen).to.deep.equal(['/a', '/b'])
  })

  it('refuses an answer that is larger than allowed, declared or not, compressed or not', async () => {
    const { gzipSync } = await import('node:zlib')
    const base = await serve((request, response) => {
      if (request.url === '/declared') response.end('x'.repeat(1001))
      else if (request.url === '/bomb') {
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(1 << 20)))
      } else {
        response.write('x'.repeat(600))
        response.end('x'.repeat(600))
      }
    })
    await refuses('too_large', () => guardedFetch(bounds)(`${base}/declared`))
    await refuses('too_large', () => guardedFetch(bounds)(`${base}/chunked`))
    await refuses('too_large', () => guardedFetch({ ...bounds, maxBytes: 2000 })(`${base}/bomb`))
  })

  it('gives up when the whole exchange takes too long', async () => {
    const base = await serve((request, response) => {
      if (request.url === '/slow-body') response.write('x')
    })
    await refuses('fetch_failed', () => guardedFetch(bounds)(`${base}/never`))
    await refuses('fetch_failed', () => guardedFetch(bounds)(`${base}/slow-body`))
  })

  it('does not tell another origin what was meant for the first (Fetch §4.4)', async () => {
    const seen: (string | undefined)[] = []
    const other = await serve((request, response) => {
      seen.push(request.headers.authorization, request.headers.accept)
      response.end()
    })
    const base = await serve((request, response) => {
      seen.push(request.headers.authorization)
      const location = request.url === '/' ? '/again' : `${other}/`
      response.writeHead(302, { location }).end()
    })
    const headers = { authorization: 'Bearer secret', accept: 'text/plain' }
    await guardedFetch(bounds)(`${base}/`, { headers })
    expect(seen).to.deep.equal(['Bearer secret', 'Bearer secret', undefined, 'text/plain'])
  })

  it('stops when its caller does not want to wait any longer', async () => {
    const base = await serve(() => undefined)
    const impatient = AbortSignal.timeout(50)
    const started = process.hrtime.bigint()
    const patient = guardedFetch({ ...bounds, timeoutMs: 10_000 })
    await refuses('fetch_failed', () => patient(`${base}/`, { signal: impatient }))
    expect(Number(process.hrtime.bigint() - started) / 1e6).to.be.lessThan(5000)
  })

  it('says that nobody answered', async () => {
    const base = await serve((_request, response) => response.end())
    servers[0]?.close()
    await once(servers[0] as Server, 'close')
    await refuses('fetch_failed', () => guardedFetch(bounds)(`${base}/`))
  })
})

describe('isGlobalAddress', () => {
  it('takes addresses of the open internet only (RFC 6890)', () => {
    for (const address of ['1.1.1.1', '8.8.8.8', '2606:4700:4700::1111']) {
      expect(isGlobalAddress(address), address).to.equal(true)
    }
    for (const address of [
      '100.64.0.1',
      '172.31.255.255',
      '192.0.2.1',
      '198.19.0.1',
      '224.0.0.1',
      '255.255.255.255',
      '::',
      '::ffff:8.8.8.8',
      '64:ff9b::7f00:1',
      '2001:db8::1',
      '2002:7f00:1::',
      'fe80::1',
      'ff02::1',
      '',
      'example.com',
    ]) {
      expect(isGlobalAddress(address), address).to.equal(false)
    }
  })
})
