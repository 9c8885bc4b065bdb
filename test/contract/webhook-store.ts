import { expect } from 'chai'
import type { NewEvent, WebhookEndpoint, WebhookStore } from '../../shared/webhook/store.ts'

const START = 1_700_000_000

/** A store, a second process's view of it, and what a business transaction does. */
export interface OpenWebhookStores {
  readonly first: WebhookStore
  readonly second: WebhookStore
  /** Emits the events in one transaction, which is undone when `fail` is set. */
  emit(events: readonly NewEvent[], fail?: boolean): Promise<void>
  close(): Promise<void>
}

const endpoint = (id: string, changes: Partial<WebhookEndpoint> = {}): WebhookEndpoint => ({
  id,
  url: `https://${id}.example/hook`,
  platform: undefined,
  types: ['carnet.session.decided.v1', 'carnet.credential.issued.v1'],
  createdAt: START,
  ...changes,
})

const decided = (subject: string, changes: Partial<NewEvent> = {}): NewEvent => ({
  type: 'carnet.session.decided.v1',
  subject,
  platform: 'driver',
  at: START,
  data: { outcome: 'approve' },
  ...changes,
})

const asked = (claim: string, perEndpoint = 100) => ({
  claim,
  limit: 100,
  perEndpoint,
  leaseUntil: START + 60,
})

/** What every webhook store has to do, whatever keeps it. */
export function webhookStoreContract(engine: string, open: () => Promise<OpenWebhookStores>): void {
  describe(`webhook store on ${engine}`, () => {
    let stores: OpenWebhookStores
    let store: WebhookStore
    beforeEach(async () => {
      stores = await open()
      store = stores.first
    })
    afterEach(() => stores.close())

    it('gives an event to the endpoints of its platform and of the operator, and to no other', async () => {
      await store.addEndpoint(endpoint('operator'))
      await store.addEndpoint(endpoint('driver', { platform: 'driver' }))
      await store.addEndpoint(endpoint('courier', { platform: 'courier' }))
      await store.addEndpoint(endpoint('other', { types: ['carnet.presentation.refused.v1'] }))
      await stores.emit([decided('s1'), decided('s2', { platform: undefined })])
      const claimed = await store.claim(asked('w'), START)
      expect(claimed.map(({ url, event }) => `${event.subject} ${url}`).sort()).to.deep.equal([
        's1 https://driver.example/hook',
        's1 https://operator.example/hook',
        's2 https://operator.example/hook',
      ])
      const [first] = claimed
      expect(first?.event).to.include({
        type: 'carnet.session.decided.v1',
        sequence: 1,
        at: START,
      })
      expect(first?.event.data).to.deep.equal({ outcome: 'approve' })
    })

    it('finds one delivery, for its own platform alone where one asks', async () => {
      await store.addEndpoint(endpoint('driver', { platform: 'driver' }))
      await stores.emit([decided('s1')])
      const [listed] = await store.deliveries({ limit: 1 })
      const id = listed?.id ?? 0
      expect(await stores.second.delivery(id)).to.deep.equal(listed)
      expect(await store.delivery(id, 'driver')).to.deep.equal(listed)
      expect(await store.delivery(id, 'courier')).to.equal(undefined)
      expect(await store.delivery(id + 1)).to.equal(undefined)
    })

    it('writes an event exactly when the transaction of what it tells of commits', async () => {
      await store.addEndpoint(endpoint('operator'))
      await stores.emit([decided('s1')], true)
      expect(await store.backlog()).to.deep.equal({ pending: 0, dead: 0, oldestDueAt: undefined })
      await stores.emit([decided('s1')])
      expect(await store.backlog()).to.deep.equal({ pending: 1, dead: 0, oldestDueAt: START })
    })

    it('counts the events of a subject, also after the earlier ones are forgotten', async () => {
      await store.addEndpoint(endpoint('operator'))
      await stores.emit([decided('s1'), decided('s2'), decided('s1')])
      const sequences = (await store.claim(asked('w'), START)).map(
        ({ event }) => `${event.subject} ${event.sequence}`,
      )
      expect(sequences).to.deep.equal(['s1 1', 's2 1', 's1 2'])
      for (const { id } of await store.deliveries({ limit: 10 })) {
        await store.recordAttempt(id, 'w', { outcome: '204', next: 'delivered' }, START + 1)
      }
      expect(await store.forgetSettled(START + 1)).to.equal(0)
      expect(await store.forgetSettled(START + 2)).to.equal(3)
      await stores.emit([decided('s1')])
      expect((await store.claim(asked('w2'), START))[0]?.event.sequence).to.equal(3)
    })

    it('gives a delivery to one worker at a time, and to the next when the lease has ended', async () => {
      await store.addEndpoint(endpoint('operator'))
      await stores.emit(Array.from({ length: 20 }, (_, index) => decided(`s${index}`)))
      const [one, other] = await Promise.all([
        store.claim(asked('one'), START),
        stores.second.claim(asked('other'), START),
      ])
      const ids = [...one, ...other].map(({ id }) => id)
      expect(new Set(ids).size).to.equal(ids.length)
      await store.claim(asked('one'), START)
      expect(await stores.second.claim(asked('late'), START + 59)).to.have.length(0)
      const again = await stores.second.claim(asked('late'), START + 60)
      expect(again).to.have.length(20)
      expect(again.every(({ attempt }) => attempt === 2)).to.equal(true)
    })

    it('takes an outcome from the worker that holds the claim alone', async () => {
      await store.addEndpoint(endpoint('operator'))
      await stores.emit([decided('s1')])
      const [claimed] = await store.claim(asked('slow'), START)
      const id = claimed?.id ?? 0
      await stores.second.claim(asked('next'), START + 60)
      const delivered = { outcome: '200', next: 'delivered' } as const
      expect(await store.recordAttempt(id, 'slow', delivered, START + 61)).to.equal(false)
      expect(await store.recordAttempt(id, 'next', delivered, START + 61)).to.equal(true)
      expect(await store.recordAttempt(id, 'next', delivered, START + 62)).to.equal(false)
      expect((await store.deliveries({ limit: 1 }))[0]).to.include({
        state: 'delivered',
        attempts: 2,
        lastOutcome: '200',
        settledAt: START + 61,
      })
    })

    it('lets one endpoint fill only its share, what is being sent included', async () => {
      await store.addEndpoint(endpoint('slow'))
      await stores.emit(Array.from({ length: 5 }, (_, index) => decided(`s${index}`)))
      await store.addEndpoint(endpoint('quick'))
      await stores.emit([decided('last')])
      const hosts = async (claim: string) =>
        (await store.claim(asked(claim, 2), START)).map(({ url }) => new URL(url).hostname)
      expect((await hosts('a')).sort()).to.deep.equal([
        'quick.example',
        'slow.example',
        'slow.example',
      ])
      expect(await hosts('b')).to.deep.equal([])
    })

    it('tries again when it is due and not before', async () => {
      await store.addEndpoint(endpoint('operator'))
      await stores.emit([decided('s1')])
      const [claimed] = await store.claim(asked('w'), START)
      const later = { outcome: '503', next: 'retry', dueAt: START + 5 } as const
      await store.recordAttempt(claimed?.id ?? 0, 'w', later, START)
      expect(await store.claim(asked('w'), START + 4)).to.have.length(0)
      expect((await store.claim(asked('w'), START + 5))[0]?.attempt).to.equal(2)
    })

    it('resends what is settled, for its own platform or the operator', async () => {
      await store.addEndpoint(endpoint('driver', { platform: 'driver' }))
      await stores.emit([decided('s1')])
      const [claimed] = await store.claim(asked('w'), START)
      const id = claimed?.id ?? 0
      expect(await store.resend(id, START)).to.equal(false)
      await store.recordAttempt(id, 'w', { outcome: '500', next: 'dead' }, START)
      expect((await store.backlog()).dead).to.equal(1)
      expect(await store.resend(id, START + 9, 'courier')).to.equal(false)
      expect(await store.resend(id, START + 9, 'driver')).to.equal(true)
      expect(await store.backlog()).to.deep.equal({ pending: 1, dead: 0, oldestDueAt: START + 9 })
      expect((await store.claim(asked('w'), START + 9))[0]).to.include({ attempt: 1 })
    })

    it('lists deliveries, the newest first, by platform, endpoint and state, a page at a time', async () => {
      await store.addEndpoint(endpoint('driver', { platform: 'driver' }))
      await store.addEndpoint(endpoint('courier', { platform: 'courier', createdAt: START + 1 }))
      await stores.emit([decided('s1'), decided('s2'), decided('c1', { platform: 'courier' })])
      const subjects = async (query: Parameters<WebhookStore['deliveries']>[0]) =>
        (await store.deliveries(query)).map(({ event }) => event.subject)
      expect(await subjects({ limit: 2 })).to.deep.equal(['c1', 's2'])
      const [, last] = await store.deliveries({ limit: 2 })
      expect(await subjects({ limit: 2, before: last?.id })).to.deep.equal(['s1'])
      expect(await subjects({ limit: 9, platform: 'driver' })).to.deep.equal(['s2', 's1'])
      expect(await subjects({ limit: 9, endpointId: 'courier' })).to.deep.equal(['c1'])
      expect(await subjects({ limit: 9, state: 'dead' })).to.deep.equal([])
      expect((await store.endpoints()).map(({ id }) => id)).to.deep.equal(['driver', 'courier'])
      expect((await store.endpoints('courier'))[0]).to.deep.equal(
        endpoint('courier', { platform: 'courier', createdAt: START + 1 }),
      )
    })

    it('removes an endpoint with its deliveries, for its own platform or the operator', async () => {
      await store.addEndpoint(endpoint('driver', { platform: 'driver' }))
      await stores.emit([decided('s1')])
      expect(await store.removeEndpoint('driver', 'courier')).to.equal(false)
      expect(await store.removeEndpoint('driver', 'driver')).to.equal(true)
      expect(await store.removeEndpoint('driver')).to.equal(false)
      expect(await store.deliveries({ limit: 9 })).to.deep.equal([])
      expect(await store.claim(asked('w'), START)).to.deep.equal([])
    })
  })
}
