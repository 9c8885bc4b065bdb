import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Fetch } from '../../../shared/fetch.ts'
import { generateEd25519Key } from '../../../shared/key/signer.software.ts'
import { seededRandom, systemRandom } from '../../../shared/random.ts'
import { type Database, immediate, openDatabase } from '../../../shared/store/database.sqlite.ts'
import { guardedFetch } from '../../../shared/trust/guarded-fetch.ts'
import {
  type Deliverer,
  deliverDue,
  MAX_ATTEMPTS,
  pauseAfter,
} from '../../../shared/webhook/deliver.ts'
import {
  emitEvent,
  openWebhookStore,
  webhookMigrations,
} from '../../../shared/webhook/store.sqlite.ts'
import type { NewEvent } from '../../../shared/webhook/store.ts'
import { verifyDelivery } from '../../../shared/webhook/verify.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const START = 1_800_000_000
const RECEIVER = 'https://platform.example/hook'

/** How the network treats one attempt. */
type Fate = 'arrives' | 'lost' | 'answer lost' | 'twice' | 'late' | 503

/** A receiver that believes the highest sequence of a subject, and does nothing twice for one event id. */
function receiver(publicKeys: Parameters<typeof verifyDelivery>[1]['keys']) {
  const state = new Map<string, { sequence: number; outcome: unknown }>()
  const seen = new Set<string>()
  let repeated = 0
  const late: (() => void)[] = []
  return {
    state,
    effects: () => seen.size,
    repeated: () => repeated,
    releaseLate: () => {
      for (const work of late.splice(0)) work()
    },
    hold: (work: () => void) => late.push(work),
    take: (headers: Record<string, string>, body: Uint8Array, now: number) => {
      const delivery = { method: 'POST', url: RECEIVER, headers, body }
      const event = verifyDelivery(delivery, { keys: publicKeys, now })
      if (seen.has(event.id)) {
        repeated++
        return
      }
      seen.add(event.id)
      const known = state.get(event.subject)
      if (known && known.sequence > event.sequence) return
      state.set(event.subject, { sequence: event.sequence, outcome: event.data.outcome })
    },
  }
}

describe('webhook deliveries', () => {
  const folder = temporaryFolder()
  const { signer } = generateEd25519Key()
  let db: Database
  let now: number
  let number = 0
  let deliverer: Deliverer
  let platform: ReturnType<typeof receiver>
  let fate: (attempt: number) => Fate

  const emit = (subject: string, outcome: string): void => {
    const event: NewEvent = {
      type: 'carnet.session.decided.v1',
      subject,
      platform: undefined,
      at: now,
      data: { outcome },
    }
    immediate(db, () => emitEvent(db, event, systemRandom))
  }

  /** Lets time pass, a minute at a time, until nothing waits. */
  const settle = async (minutes = 6000): Promise<void> => {
    for (let minute = 0; minute < minutes; minute++) {
      await deliverDue(deliverer)
      platform.releaseLate()
      if ((await deliverer.store.backlog()).pending === 0) return
      now += 60
    }
  }

  beforeEach(async () => {
    db = openDatabase(join(folder.path, `${number++}.db`), { webhook: webhookMigrations })
    now = START
    platform = receiver([signer.publicJwk])
    fate = () => 'arrives'
    let attempts = 0
    const fetch: Fetch = async (_url, init) => {
      const headers = init?.headers as Record<string, string>
      const body = init?.body as Uint8Array
      const sent = now
      switch (fate(attempts++)) {
        case 'lost':
          throw new Error('connection refused')
        case 'answer lost':
          platform.take(headers, body, sent)
          throw new Error('connection reset')
        case 'twice':
          platform.take(headers, body, sent)
          platform.take(headers, body, sent)
          return new Response(null, { status: 204 })
        case 'late':
          platform.hold(() => platform.take(headers, body, sent))
          throw new Error('timed out')
        case 503:
          return new Response(null, { status: 503 })
        default:
          platform.take(headers, body, sent)
          return new Response(null, { status: 204 })
      }
    }
    deliverer = {
      store: openWebhookStore(db),
      source: 'https://issuer.example',
      signer,
      fetch,
      clock: () => now,
      random: systemRandom,
    }
    await deliverer.store.addEndpoint({
      id: 'platform',
      url: RECEIVER,
      platform: undefined,
      types: ['carnet.session.decided.v1'],
      createdAt: START,
    })
  })
  afterEach(() => db.close())
  after(folder.remove)

  it('arrive, and are not sent again', async () => {
    emit('s1', 'approve')
    await settle()
    await settle(10)
    expect(platform.state.get('s1')).to.deep.equal({ sequence: 1, outcome: 'approve' })
    expect([platform.effects(), platform.repeated()]).to.deep.equal([1, 0])
  })

  it('lead to the right state when they are lost, doubled, late and out of order', async () => {
    const random = seededRandom(Buffer.alloc(32, 7), 'chaos')
    const fates: readonly Fate[] = ['arrives', 'lost', 'answer lost', 'twice', 'late', 503]
    fate = () => fates[(random(1)[0] ?? 0) % fates.length] ?? 'arrives'
    for (let round = 0; round < 4; round++) {
      for (let subject = 0; subject < 25; subject++) emit(`s${subject}`, `round ${round}`)
      await deliverDue(deliverer)
    }
    await settle()
    expect(platform.effects()).to.equal(100)
    expect(platform.repeated()).to.be.greaterThan(0)
    for (let subject = 0; subject < 25; subject++) {
      expect(platform.state.get(`s${subject}`)).to.deep.equal({ sequence: 4, outcome: 'round 3' })
    }
    expect((await deliverer.store.backlog()).dead).to.equal(0)
  })

  it('wait for a receiver that is down for an hour', async () => {
    fate = () => (now < START + 3600 ? 'lost' : 'arrives')
    for (let subject = 0; subject < 40; subject++) emit(`s${subject}`, 'approve')
    await settle()
    expect([platform.effects(), platform.repeated()]).to.deep.equal([40, 0])
    expect(now - START).to.be.within(3600, 3 * 3600)
  })

  it('are sent by the next worker when one was killed between commit and send', async () => {
    emit('s1', 'approve')
    const claim = { claim: 'killed', limit: 9, perEndpoint: 9, leaseUntil: now + 60 }
    expect(await deliverer.store.claim(claim, now)).to.have.length(1)
    await deliverDue(deliverer)
    expect(platform.effects()).to.equal(0)
    await settle()
    expect([platform.effects(), platform.repeated()]).to.deep.equal([1, 0])
  })

  it('die after the last attempt, and are resent by hand', async () => {
    fate = () => 503
    emit('s1', 'approve')
    await settle(10_000)
    const [dead] = await deliverer.store.deliveries({ limit: 1 })
    expect(dead).to.include({ state: 'dead', attempts: MAX_ATTEMPTS, lastOutcome: '503' })
    expect(now - START).to.be.within(24 * 3600, 4 * 24 * 3600)
    fate = () => 'arrives'
    expect(await deliverer.store.resend(dead?.id ?? 0, now)).to.equal(true)
    await settle()
    expect(platform.state.get('s1')?.outcome).to.equal('approve')
  })

  it('stop at once where the receiver says that it is gone (RFC 9110 §15.5.11)', async () => {
    emit('s1', 'approve')
    await deliverDue({ ...deliverer, fetch: async () => new Response(null, { status: 410 }) })
    expect((await deliverer.store.deliveries({ limit: 1 }))[0]).to.include({
      state: 'dead',
      attempts: 1,
      lastOutcome: '410',
    })
  })

  it('are not sent to a private address, and follow no redirect', async () => {
    const hits: string[] = []
    const server = createServer((request, response) => {
      hits.push(String(request.url))
      response.writeHead(307, { location: '/elsewhere' }).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
    const bounds = { maxBytes: 1024, timeoutMs: 2000, maxRedirects: 0 }
    await deliverer.store.removeEndpoint('platform')
    await deliverer.store.addEndpoint({
      id: 'inside',
      url,
      platform: undefined,
      types: ['carnet.session.decided.v1'],
      createdAt: START,
    })
    emit('s1', 'approve')
    await deliverDue({ ...deliverer, fetch: guardedFetch({ ...bounds, allowPrivate: false }) })
    const outcome = async () => (await deliverer.store.deliveries({ limit: 1 }))[0]?.lastOutcome
    expect(await outcome()).to.equal('address_refused')
    expect(hits).to.deep.equal([])
    now += 60
    await deliverDue({ ...deliverer, fetch: guardedFetch({ ...bounds, allowPrivate: true }) })
    expect(await outcome()).to.equal('fetch_failed')
    expect(hits).to.deep.equal(['/hook'])
    server.close()
  })

  it('pause four times as long after each attempt, with a jitter of half, to six hours', () => {
    const low = (length: number) => Buffer.alloc(length)
    const high = (length: number) => Buffer.alloc(length, 0xff)
    expect([1, 2, 3, 4].map((attempts) => pauseAfter(attempts, low))).to.deep.equal([
      3, 10, 40, 160,
    ])
    expect([1, 2, 3, 4].map((attempts) => pauseAfter(attempts, high))).to.deep.equal([
      5, 20, 80, 320,
    ])
    expect(pauseAfter(MAX_ATTEMPTS, high)).to.equal(6 * 3600)
  })
})
