import { expect } from 'chai'
import {
  dataOf,
  type IssuerClient,
  isRefusedDelivery,
  issuerClient,
  pagesOf,
  RefusedError,
  type VerifierClient,
  verifierClient,
  verifyWebhook,
  webhookReceiver,
} from '../../client/client.ts'
import { systemClock } from '../../shared/clock.ts'
import { generateEd25519Key } from '../../shared/key/signer.software.ts'
import { renderEvent } from '../../shared/webhook/event.ts'
import { signDelivery } from '../../shared/webhook/sign.ts'
import { evidenceWith, fixturePipeline } from '../support/evidence.ts'
import { failureOf } from '../support/failure.ts'
import { openIssuer, type TestIssuer } from '../support/issuer.ts'
import { submittedSession } from '../support/issuer-client.ts'
import { makeEcosystem, type Platform, startPlatform } from '../support/platform.ts'

describe('the client of an issuer', () => {
  let issuer: TestIssuer
  const pipeline = fixturePipeline()
  const { signer } = generateEd25519Key()
  before(async () => {
    pipeline.evidence = evidenceWith({ faceMatch: 0.1 })
    issuer = await openIssuer(pipeline, { webhookKeys: [signer.publicJwk] })
  })
  after(() => issuer.close())

  it('reads what is answered, by the types of the document', async () => {
    const platform = issuerClient({ url: issuer.url, key: issuer.platformKey })
    const { session_id: id, session_token: key } = await dataOf(platform.POST('/sessions', {}))
    const worker = issuerClient({ url: issuer.url, key })
    const params = { path: { id } }
    const { state } = await dataOf(worker.GET('/sessions/{id}', { params }))
    expect(state).to.equal('collecting')
  })

  it('is not compiled where it does not fit the document', () => {
    const wrong = (platform: IssuerClient, verifier: VerifierClient) => [
      // @ts-expect-error there is no such path
      platform.POST('/session', {}),
      // @ts-expect-error the id is missing
      verifier.GET('/requests/{id}', { params: {} }),
      // @ts-expect-error a policy is text
      verifier.POST('/requests', { body: { policy: 5 } }),
      // @ts-expect-error an answer has no such member
      dataOf(verifier.POST('/requests', { body: {} })).then(({ request }) => request),
    ]
    expect(wrong).to.have.length(2)
  })

  it('throws what the server refused, with its code and what the log knows it by', async () => {
    const nobody = issuerClient({ url: issuer.url })
    const refusal = await failureOf(dataOf(nobody.GET('/reviews', {})))
    expect(refusal).to.be.instanceOf(RefusedError)
    expect(refusal).to.include({ code: 'not_authenticated', status: 401 })
    expect((refusal as RefusedError).requestId).to.match(/^[\w-]{8,64}$/)
    const elsewhere = issuerClient({
      url: issuer.url,
      fetch: async () => new Response('<html>', { status: 503, headers: { 'Retry-After': '7' } }),
    })
    expect(await failureOf(dataOf(elsewhere.GET('/reviews', {})))).to.include({
      code: 'unreadable',
      status: 503,
      retryAfterSeconds: 7,
    })
  })

  it('reads every page of a list', async () => {
    const waiting = [1, 2, 3].map(() => submittedSession(issuer.url))
    const ids = (await Promise.all(waiting)).map(({ id }) => id)
    const client = issuerClient({ url: issuer.url, key: issuer.reviewerKey })
    const told: string[] = []
    let pages = 0
    for await (const { reviews } of pagesOf((cursor) =>
      client.GET('/reviews', { params: { query: { limit: 2, ...(cursor ? { cursor } : {}) } } }),
    )) {
      told.push(...reviews.map(({ session_id }) => session_id))
      pages += 1
    }
    expect(told).to.have.members(ids)
    expect(pages).to.equal(2)
  })

  describe('receives webhooks', () => {
    const url = 'https://driver.example/hook'
    const event = {
      ...{ id: 'e1', type: 'carnet.session.decided.v1' as const, subject: 's1', sequence: 1 },
      ...{ at: 1_800_000_000, data: { outcome: 'approve' } },
    }
    const delivered = async (by = signer, at = systemClock()) => {
      const body = renderEvent(event, issuer.url)
      return { headers: { ...(await signDelivery({ url, body }, by, at)) }, body }
    }

    it('with a key that it reads at the server when it needs one', async () => {
      const receive = webhookReceiver({ server: { url: issuer.url }, address: url })
      const received = await receive(await delivered())
      expect(received).to.deep.equal({ ...event, source: issuer.url })
      expect(await receive(await delivered())).to.deep.equal(received)
    })

    it('and refuses what another key signed, what is old, and what was changed', async () => {
      const receive = webhookReceiver({ server: { url: issuer.url }, address: url })
      const other = generateEd25519Key().signer
      const forged = [
        await delivered(other),
        await delivered(signer, systemClock() - 400),
        { ...(await delivered()), body: Buffer.from('{}') },
      ]
      const codes = ['key_unknown', 'signature_stale', 'digest_mismatch']
      for (const [at, delivery] of forged.entries()) {
        const error = await failureOf(receive(delivery))
        expect(isRefusedDelivery(error)).to.equal(true)
        expect(error).to.have.property('code', codes[at])
      }
      const elsewhere = { ...(await delivered()), method: 'POST', url: 'https://else.example/hook' }
      expect(() => verifyWebhook(elsewhere, { keys: [signer.publicJwk] })).to.throw(
        'does not verify',
      )
    })

    it('and says that it could not, not that it is forged, while the server is away', async () => {
      const server = {
        url: issuer.url,
        fetch: async () => new Response('', { status: 503 }),
      }
      const receive = webhookReceiver({ server, address: url })
      const error = await failureOf(receive(await delivered()))
      expect(isRefusedDelivery(error)).to.equal(false)
      expect(error).to.be.instanceOf(RefusedError)
    })

    describe('from a server whose directory changes', () => {
      const { signer: next } = generateEd25519Key()
      const start = 1_800_000_000
      let now = start
      let asked = 0
      let directory = () => Response.json({ keys: [signer.publicJwk] })
      const open = () => {
        now = start
        asked = 0
        directory = () => Response.json({ keys: [signer.publicJwk] })
        const fetch = async () => {
          asked += 1
          return directory()
        }
        return webhookReceiver({
          server: { url: issuer.url, fetch },
          address: url,
          clock: () => now,
        })
      }

      it('takes nothing under a key that was dropped five minutes ago', async () => {
        const receive = open()
        await receive(await delivered(signer, now))
        directory = () => Response.json({ keys: [next.publicJwk] })
        now = start + 299
        await receive(await delivered(signer, now))
        now = start + 300
        const dropped = await failureOf(receive(await delivered(signer, now)))
        expect(dropped).to.have.property('code', 'key_unknown')
        await receive(await delivered(next, now))
        expect(asked).to.equal(2)
      })

      it('and trusts none for longer where the directory is away', async () => {
        const receive = open()
        await receive(await delivered(signer, now))
        directory = () => new Response('', { status: 503 })
        now = start + 300
        const error = await failureOf(receive(await delivered(signer, now)))
        expect(isRefusedDelivery(error)).to.equal(false)
      })

      it('and asks once a minute however many forged ones come, and keeps what it knows', async () => {
        const receive = open()
        await receive(await delivered(signer, now))
        directory = () => new Response('', { status: 503 })
        now = start + 60
        const forged = await delivered(next, now)
        const failures = [
          ...(await Promise.all([1, 2, 3].map(() => failureOf(receive(forged))))),
          await failureOf(receive(forged)),
        ]
        expect(asked).to.equal(2)
        for (const failure of failures) expect(failure).to.be.instanceOf(RefusedError)
        await receive(await delivered(signer, now))
        now = start + 120
        await failureOf(receive(await delivered(next, now)))
        expect(asked).to.equal(3)
      })

      it('and has deliveries that come at once await the same answer', async () => {
        const receive = open()
        const delivery = await delivered(signer, now)
        await Promise.all([1, 2, 3].map(() => receive(delivery)))
        expect(asked).to.equal(1)
      })
    })
  })
})

describe('the client of a verifier', () => {
  let platform: Platform
  before(async () => {
    platform = await startPlatform(await makeEcosystem())
  })
  after(() => platform.stop())

  it('asks and reads the result', async () => {
    const client = verifierClient({ url: platform.url, key: platform.key })
    const asked = await dataOf(client.POST('/requests', { body: {} }))
    const params = { path: { id: asked.request_id } }
    const result = await dataOf(client.GET('/requests/{id}', { params }))
    expect(result).to.include({ state: 'requested', request_id: asked.request_id })
  })
})
