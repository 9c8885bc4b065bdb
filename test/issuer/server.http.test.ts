import { expect } from 'chai'
import { whileOpening } from '../../issuer/evidence/opening.ts'
import type { EvidencePipeline } from '../../issuer/evidence/pipeline.ts'
import { fixturePipeline } from '../support/evidence.ts'
import { openIssuer, type TestIssuer } from '../support/issuer.ts'
import { beginSession, type Reply, send } from '../support/issuer-client.ts'

describe('issuerApplication', () => {
  describe('counts new sessions', () => {
    let issuer: TestIssuer
    afterEach(() => issuer.close())
    const open = (headers: Record<string, string> = {}): Promise<Reply> =>
      send(`${issuer.url}/sessions`, { method: 'POST', headers })
    const statuses = async (each: readonly Record<string, string>[]): Promise<number[]> => {
      const replies: number[] = []
      for (const headers of each) replies.push((await open(headers)).status)
      return replies
    }

    it('by the address of the connection, whatever a client says of its own', async () => {
      issuer = await openIssuer(fixturePipeline(), { sessionsPerMinute: 2 })
      const claims = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map((address) => ({
        'x-forwarded-for': address,
      }))
      expect(await statuses(claims)).to.deep.equal([201, 201, 429])
      const refused = await open()
      expect(refused.body.code).to.equal('too_many_requests')
      expect(Number(refused.headers.get('retry-after'))).to.be.within(1, 60)
    })

    it('by the address that a trusted proxy names, the last one that is no proxy', async () => {
      issuer = await openIssuer(fixturePipeline(), {
        sessionsPerMinute: 1,
        trustedProxies: ['127.0.0.0/8'],
      })
      const from = (chain: string) => ({ 'x-forwarded-for': chain })
      expect(
        await statuses([
          from('192.0.2.1'),
          from('192.0.2.2'),
          from('198.51.100.7, 192.0.2.1'),
          from('192.0.2.1, 127.0.0.9'),
        ]),
      ).to.deep.equal([201, 201, 429, 429])
    })

    it('of IPv6 by the network, because one client has many addresses', async () => {
      issuer = await openIssuer(fixturePipeline(), {
        sessionsPerMinute: 1,
        trustedProxies: ['127.0.0.0/8'],
      })
      const chain = ['2001:db8:1::1', '2001:db8:1::2', '2001:db8:ff::1']
      const sent = chain.map((address) => ({ 'x-forwarded-for': address }))
      expect(await statuses(sent)).to.deep.equal([201, 429, 201])
    })

    it('of a platform by its key, and refuses a key that is none', async () => {
      issuer = await openIssuer(fixturePipeline(), {
        sessionsPerMinute: 1,
        platformSessionsPerMinute: 3,
      })
      const own = { authorization: `Bearer ${issuer.platformKey}` }
      expect(await statuses([{}, own, own, own, own, {}])).to.deep.equal([
        201, 201, 201, 201, 429, 429,
      ])
      const wrong = await open({ authorization: 'Bearer carnet_platform_x' })
      expect([wrong.status, wrong.body.code]).to.deep.equal([401, 'not_authenticated'])
      const other = await open({ authorization: `Bearer ${issuer.operatorKey}` })
      expect([other.status, other.body.code]).to.deep.equal([403, 'not_permitted'])
    })
  })

  it('answers while the networks are being opened, and refuses readings with a time', async () => {
    let open: (pipeline: EvidencePipeline) => void = () => undefined
    const pipeline = whileOpening(
      new Promise((resolve) => {
        open = resolve
      }),
    )
    const issuer = await openIssuer(pipeline, { isStarting: () => !pipeline.isOpen() })
    const health = () => send(`${issuer.url}/healthz`)
    expect([(await health()).status, (await health()).body]).to.deep.equal([
      503,
      { status: 'starting' },
    ])
    expect((await send(`${issuer.url}/.well-known/openid-credential-issuer`)).status).to.equal(200)
    const worker = await beginSession(issuer.url)
    const early = await worker.upload('document')
    expect([early.status, early.body.code]).to.deep.equal([503, 'busy'])
    expect(early.headers.get('retry-after')).to.equal('5')
    open(fixturePipeline())
    await Promise.resolve()
    expect((await health()).body).to.deep.equal({ status: 'ok' })
    expect((await worker.upload('document')).status).to.equal(200)
    await issuer.close()
  })

  it('stays without readings where the networks cannot be opened', async () => {
    const pipeline = whileOpening(Promise.reject(new Error('a digest differs')))
    await Promise.resolve()
    expect(pipeline.isOpen()).to.equal(false)
    await pipeline.readSelfie(new Uint8Array(1)).then(
      () => expect.fail('it read'),
      (error) => expect(error.code).to.equal('busy'),
    )
  })
})
