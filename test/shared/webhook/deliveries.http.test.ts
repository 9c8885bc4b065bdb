import { expect } from 'chai'
import { openMetrics } from '../../../shared/observe/metrics.ts'
import { soleHolder } from '../../../shared/store/lease.ts'
import { measureLeases } from '../../../shared/store/metrics.ts'
import { measureWebhooks } from '../../../shared/webhook/metrics.ts'
import type { WebhookStore } from '../../../shared/webhook/store.ts'
import { evidenceWith, fixturePipeline } from '../../support/evidence.ts'
import { openIssuer, type TestIssuer } from '../../support/issuer.ts'
import { beginSession, type Reply, send, type TestWorker } from '../../support/issuer-client.ts'
import { makeEcosystem, type Platform, startPlatform } from '../../support/platform.ts'

const refused = ({ status, body }: Reply) => [status, body.code]

/** Ends every delivery that is due. */
async function settleAll(store: WebhookStore, next: 'delivered' | 'dead', now: number) {
  const request = { claim: 'c', limit: 100, perEndpoint: 100, leaseUntil: now + 60 }
  for (const { id } of await store.claim(request, now)) {
    await store.recordAttempt(id, 'c', { outcome: next === 'dead' ? '503' : '204', next }, now)
  }
}

describe('deliveryEndpoints at the issuer', () => {
  let issuer: TestIssuer
  const pipeline = fixturePipeline()
  const workers: TestWorker[] = []
  const call = (path: string, method = 'GET', key = issuer.operatorKey) =>
    send(`${issuer.url}/webhook-deliveries${path}`, {
      method,
      headers: { authorization: `Bearer ${key}` },
    })

  before(async () => {
    issuer = await openIssuer(pipeline)
    const types = ['carnet.session.decided.v1'] as const
    const endpoint = { types, createdAt: 1 }
    await issuer.webhooks.addEndpoint({
      ...{ ...endpoint, id: 'd', url: 'https://d.example/hook', platform: 'driver' },
    })
    await issuer.webhooks.addEndpoint({
      ...{ ...endpoint, id: 'o', url: 'https://o.example/hook', platform: undefined },
    })
    for (let count = 0; count < 3; count++) {
      const worker = await beginSession(issuer.url, issuer.platformKey)
      pipeline.evidence = evidenceWith()
      await worker.upload('document')
      await worker.upload('selfie')
      await worker.submit()
      workers.push(worker)
    }
  })
  after(() => issuer.close())

  it('tell an operator what waits, the newest first, in pages', async () => {
    const first = await call('?limit=4')
    expect(first.body.deliveries).to.have.length(4)
    expect(first.body.deliveries[0]).to.deep.include({
      id: 6,
      endpoint: { url: 'https://o.example/hook' },
      state: 'pending',
      attempts: 0,
    })
    expect(first.body.deliveries[0].event).to.deep.include({
      type: 'carnet.session.decided.v1',
      subject: workers[2]?.id,
      sequence: 1,
      data: { outcome: 'approve' },
    })
    const rest = await call(`?limit=4&cursor=${first.body.next}`)
    expect(rest.body.deliveries.map(({ id }: { id: number }) => id)).to.deep.equal([2, 1])
    expect(rest.body).to.not.have.property('next')
    expect(refused(await call(`?state=dead&cursor=${first.body.next}`))).to.deep.equal([
      400,
      'cursor_invalid',
    ])
    expect(refused(await call('?state=gone'))).to.deep.equal([400, 'request_invalid'])
  })

  it('send once more what has ended, and nothing that has not', async () => {
    expect(refused(await call('/1/resend', 'POST'))).to.deep.equal([409, 'delivery_pending'])
    const now = Math.floor(Date.now() / 1000)
    await settleAll(issuer.webhooks, 'dead', now)
    const { body: dead } = await call('/1')
    expect(dead).to.deep.include({ state: 'dead', attempts: 1, last_outcome: '503' })
    expect(dead).to.have.property('settled_at')
    expect(dead).to.not.have.property('due_at')
    expect((await call('?state=dead')).body.deliveries).to.have.length(6)
    const resent = await call('/1/resend', 'POST')
    expect([resent.status, resent.body.state, resent.body.attempts]).to.deep.equal([
      202,
      'pending',
      0,
    ])
    expect((await call('?state=pending')).body.deliveries).to.have.length(1)
    for (const unknown of ['/99', '/99/resend']) {
      const method = unknown.endsWith('resend') ? 'POST' : 'GET'
      expect(refused(await call(unknown, method))).to.deep.equal([404, 'delivery_not_found'])
    }
    for (const wrong of ['/0', '/x', '/1e3']) {
      expect(refused(await call(wrong))).to.deep.equal([400, 'request_invalid'])
    }
  })

  it('are for operators', async () => {
    for (const key of [issuer.reviewerKey, issuer.platformKey, issuer.regulatorKey]) {
      expect(refused(await call('', 'GET', key))).to.deep.equal([403, 'not_permitted'])
      expect(refused(await call('/1/resend', 'POST', key))).to.deep.equal([403, 'not_permitted'])
    }
  })

  it('leave to the metrics how much waits, for how long, and what was given up', async () => {
    const metrics = openMetrics()
    const { dueAt } = (await issuer.webhooks.delivery(1)) ?? { dueAt: 0 }
    measureWebhooks(metrics, issuer.webhooks, () => dueAt + 90)
    measureLeases(metrics, { log: soleHolder, other: { ...soleHolder, isOurs: async () => false } })
    const { text } = await metrics.render()
    expect(text).to.contain('carnet_webhook_deliveries{state="pending"} 1\n')
    expect(text).to.contain('carnet_webhook_deliveries{state="dead"} 5\n')
    expect(text).to.contain('carnet_webhook_oldest_due_seconds 90\n')
    expect(text).to.contain('carnet_lease_held{lease="log"} 1\n')
    expect(text).to.contain('carnet_lease_held{lease="other"} 0\n')
  })
})

describe('deliveryEndpoints at the verifier', () => {
  let platform: Platform
  before(async () => {
    platform = await startPlatform(await makeEcosystem())
    const types = ['carnet.presentation.refused.v1'] as const
    for (const name of ['backend', 'other-system']) {
      await platform.webhooks.addEndpoint({
        ...{ id: name, url: `https://${name}.example/`, platform: name, types, createdAt: 1 },
      })
    }
  })
  after(() => platform.stop())

  it('tell a platform of its own deliveries and of no others', async () => {
    const ask = async (key?: string) => {
      const { body } = await platform.call('/requests', { body: {}, ...(key ? { key } : {}) })
      const object = await (await fetch(String(body.request_uri))).text()
      const payload = JSON.parse(Buffer.from(object.split('.')[1] ?? '', 'base64url').toString())
      await fetch(payload.response_uri, {
        method: 'POST',
        body: new URLSearchParams({ error: 'access_denied' }),
      })
      return body.request_id
    }
    const other = `other-${platform.key}`
    const [own, theirs] = [await ask(), await ask(other)]
    const list = async (key?: string) =>
      (await platform.call('/webhook-deliveries', key ? { key } : {})).body.deliveries as {
        id: number
        event: { subject: string }
      }[]
    expect((await list()).map(({ event }) => event.subject)).to.deep.equal([own])
    const [foreign] = await list(other)
    expect(foreign?.event.subject).to.equal(theirs)
    expect((await platform.call(`/webhook-deliveries/${foreign?.id}`)).status).to.equal(404)
    await settleAll(platform.webhooks, 'delivered', Math.floor(Date.now() / 1000) + 4e8)
    const resend = `/webhook-deliveries/${foreign?.id}/resend`
    expect((await platform.call(resend, { body: {} })).status).to.equal(404)
    expect((await platform.call(resend, { body: {}, key: other })).status).to.equal(202)
  })
})
