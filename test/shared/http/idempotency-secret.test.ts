import { expect } from 'chai'
import { endpoint, routerOf } from '../../../shared/http/endpoint.http.ts'
import { renderErrors } from '../../../shared/http/errors.http.ts'
import { listen, openApplication } from '../../../shared/http/server.http.ts'
import { systemRandom } from '../../../shared/random.ts'
import { recordingLog } from '../../support/log.ts'

describe('an endpoint whose effects are kept under Idempotency-Key', () => {
  it('seals them with nothing but a bearer token, and refuses the key without one', async () => {
    const sealed: (string | undefined)[] = []
    const open = endpoint({
      method: 'post',
      path: '/thing',
      operationId: 'makeThing',
      tag: 'thing',
      summary: 'Make a thing',
      security: { scheme: 'pageSession', authenticate: () => 'ada' },
      idempotentFor: (name) => name,
      responses: { 204: { description: 'Made' } },
      handle: ({ idempotency }) => {
        sealed.push(idempotency && Buffer.from(idempotency.sealingKey).toString('hex'))
        return { status: 204 }
      },
    })
    const server = await listen({ host: '127.0.0.1', port: 0 })
    const { log } = recordingLog()
    const app = openApplication({
      log,
      random: systemRandom,
      origins: [server.url],
      checkHealth: () => undefined,
    })
    server.serve(app.use(routerOf([open]), renderErrors('problem')))
    try {
      const ask = async (headers: Readonly<Record<string, string>>) => {
        const response = await fetch(`${server.url}/thing`, { method: 'POST', headers })
        if (response.ok) return [response.status]
        return [response.status, ((await response.json()) as { code: string }).code]
      }
      const named = { 'Idempotency-Key': 'once-only' }
      expect(await ask({ ...named, Cookie: 'session=x' })).to.deep.equal([400, 'request_invalid'])
      expect(await ask({ ...named, Authorization: 'Basic YTpi' })).to.deep.equal([
        400,
        'request_invalid',
      ])
      expect(sealed).to.deep.equal([])
      expect(await ask({ Cookie: 'session=x' })).to.deep.equal([204])
      expect(await ask({ ...named, Authorization: 'Bearer one' })).to.deep.equal([204])
      expect(await ask({ ...named, Authorization: 'Bearer two' })).to.deep.equal([204])
      expect(sealed[0]).to.equal(undefined)
      expect(new Set(sealed).size).to.equal(3)
    } finally {
      await server.close()
    }
  })
})
