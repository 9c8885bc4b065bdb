import { createConnection } from 'node:net'
import { expect } from 'chai'
import { type HttpServer, listen } from '../../../shared/http/server.http.ts'
import { dispatchByAuthority } from '../../../shared/tenant/dispatch.http.ts'

describe('dispatchByAuthority', () => {
  let server: HttpServer

  before(async () => {
    server = await listen({ host: '127.0.0.1', port: 0 })
    const answer = (name: string) => (_request: unknown, response: { end(text: string): void }) =>
      response.end(name)
    const applications = new Map([
      ['north.example', answer('north')],
      ['south.example:8443', answer('south')],
    ])
    server.serve(dispatchByAuthority(applications, answer('nobody')))
  })
  after(() => server.close())

  /** What is answered to a request that is written as it is. */
  const raw = (head: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const { port, hostname } = new URL(server.url)
      let text = ''
      createConnection(Number(port), hostname)
        .on('data', (chunk) => {
          text += chunk
        })
        .on('error', reject)
        .on('close', () => resolve(text.split('\r\n\r\n')[1] ?? ''))
        .write(`${head}\r\nConnection: close\r\n\r\n`)
    })
  const answered = async (target: string, ...headers: readonly string[]) =>
    (await raw([`GET ${target} HTTP/1.1`, ...headers].join('\r\n'))).replace(/^\w+\r\n|\r\n0$/g, '')

  it('gives a request to the application whose authority it is for, with its port', async () => {
    expect(await answered('/', 'Host: north.example')).to.equal('north')
    expect(await answered('/', 'Host: south.example:8443')).to.equal('south')
  })

  it('gives every other request elsewhere: another port, case or ending, or no host that is known', async () => {
    for (const host of [
      ...['north.example:80', 'NORTH.example', 'north.example.', 'south.example'],
      ...['', 'a@north.example', 'north.example/', 'north.example, south.example:8443'],
    ]) {
      expect(await answered('/', `Host: ${host}`), host).to.equal('nobody')
    }
  })

  it('never believes what says of itself that it was forwarded', async () => {
    const forwarded = [
      'X-Forwarded-Host: south.example:8443',
      'Forwarded: host=south.example:8443',
      'X-Host: south.example:8443',
    ]
    for (const header of forwarded) {
      expect(await answered('/', 'Host: north.example', header)).to.equal('north')
      expect(await answered('/', 'Host: elsewhere.example', header)).to.equal('nobody')
    }
  })

  it('takes a target in absolute form for what it says, and only where Host agrees (RFC 9112 §3.2.2)', async () => {
    expect(await answered('http://north.example/x', 'Host: north.example')).to.equal('north')
    expect(await answered('http://south.example:8443/', 'Host: north.example')).to.equal('nobody')
    expect(await answered('http://north.example/', 'Host: south.example:8443')).to.equal('nobody')
  })

  it('takes a request with two hosts for nobody’s (RFC 9112 §3.2)', async () => {
    for (const second of ['south.example:8443', 'north.example']) {
      expect(await answered('/', 'Host: north.example', `host: ${second}`)).to.equal('nobody')
    }
  })
})
