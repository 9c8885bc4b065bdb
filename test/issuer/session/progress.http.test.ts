import { expect } from 'chai'
import { openProgress } from '../../../issuer/session/progress.ts'
import { evidenceWith, fixturePipeline } from '../../support/evidence.ts'
import { openIssuer, type TestIssuer } from '../../support/issuer.ts'
import { beginSession, send, type TestWorker } from '../../support/issuer-client.ts'

interface SentEvent {
  readonly id: string
  readonly event: string
  readonly data: Record<string, unknown>
}

/** Reads a stream to its end. */
function parseEvents(text: string): readonly SentEvent[] {
  return text
    .split('\n\n')
    .filter((block) => block.includes('event: '))
    .map((block) => {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? ''
      return { id: field('id'), event: field('event'), data: JSON.parse(field('data')) }
    })
}

describe('progress events (WHATWG HTML §9.2)', () => {
  let issuer: TestIssuer
  const plain = fixturePipeline()
  const warnings = [
    { code: 'selfie_quality_low', feature: 'face', detail: ['face_blurred'] },
  ] as const
  const pipeline = {
    ...plain,
    readDocument: async (...[bytes, now, turn]: Parameters<typeof plain.readDocument>) => {
      turn?.onStart?.()
      return plain.readDocument(bytes, now)
    },
    readSelfie: async (...[bytes, turn]: Parameters<typeof plain.readSelfie>) => {
      turn?.onStart?.()
      return { ...(await plain.readSelfie(bytes)), warnings }
    },
  }
  before(async () => {
    issuer = await openIssuer(pipeline)
  })
  after(() => issuer.close())

  const stream = (worker: TestWorker, headers: Record<string, string> = {}) =>
    fetch(`${issuer.url}/sessions/${worker.id}/events`, {
      headers: { authorization: `Bearer ${worker.token}`, ...headers },
    })

  it('tell each step while it happens, and end with the decision', async () => {
    const worker = await beginSession(issuer.url)
    const response = await stream(worker)
    expect(response.headers.get('content-type')).to.contain('text/event-stream')
    const text = response.text()
    await worker.upload('document', 'document_not_found')
    await worker.upload('document')
    await worker.upload('selfie')
    await worker.submit()
    const events = parseEvents(await text)
    expect(events.map(({ event, data }) => [event, data.image ?? data.state])).to.deep.equal([
      ['image_received', 'document'],
      ['image_reading', 'document'],
      ['image_refused', 'document'],
      ['image_received', 'document'],
      ['image_reading', 'document'],
      ['image_read', 'document'],
      ['image_received', 'selfie'],
      ['image_reading', 'selfie'],
      ['image_read', 'selfie'],
      ['evidence_collected', undefined],
      ['decided', 'approved'],
    ])
    expect(events[2]?.data).to.deep.include({
      code: 'document_not_found',
      help: 'send another image',
    })
    expect(events[8]?.data.remedies).to.deep.equal({
      face_blurred: 'hold still and wipe the lens',
    })
    expect(events.map(({ id }) => id)).to.deep.equal(events.map((_, i) => String(i + 1)))
  })

  it('go on after Last-Event-ID, and say with 204 that there is no more', async () => {
    const worker = await beginSession(issuer.url)
    await worker.upload('document')
    await worker.upload('selfie')
    await worker.submit()
    const rest = parseEvents(await (await stream(worker, { 'last-event-id': '6' })).text())
    expect(rest.map(({ event }) => event)).to.deep.equal(['evidence_collected', 'decided'])
    expect((await stream(worker, { 'last-event-id': '8' })).status).to.equal(204)
  })

  it('tell nothing of why a person looks, and nothing to another session', async () => {
    const [worker, other] = [await beginSession(issuer.url), await beginSession(issuer.url)]
    await worker.upload('document')
    await worker.upload('selfie')
    plain.evidence = evidenceWith({ faceMatch: 0.1 })
    await worker.submit()
    plain.evidence = evidenceWith()
    const text = await (await stream(worker)).text()
    expect(text)
      .to.contain('"state":"referred"')
      .and.not.match(/face_match|MUSTERFRAU/)
    const url = `${issuer.url}/sessions/${worker.id}/events`
    const foreign = await send(url, { headers: { authorization: `Bearer ${other.token}` } })
    expect(foreign.status).to.equal(404)
  })

  it('are followed by a few at a time', async () => {
    const worker = await beginSession(issuer.url)
    const followers = await Promise.all([1, 2, 3, 4].map(() => stream(worker)))
    const refused = await stream(worker)
    expect([refused.status, refused.headers.get('retry-after')]).to.deep.equal([503, '5'])
    await Promise.all(followers.map(({ body }) => body?.cancel()))
    let again = await stream(worker)
    for (let tries = 0; again.status !== 200 && tries < 50; tries++) again = await stream(worker)
    expect(again.status).to.equal(200)
    await again.body?.cancel()
  })
})

describe('openProgress', () => {
  it('keeps the last events of a session, and forgets the session that was told of longest ago', () => {
    const progress = openProgress()
    for (let i = 0; i < 100; i++) progress.tell('first', 'image_received', { i }, 1)
    expect(progress.since('first', 0).map(({ number }) => number)).to.have.length(64)
    expect(progress.since('first', 98).map(({ number }) => number)).to.deep.equal([99, 100])
    for (let i = 0; i < 4096; i++) progress.tell(`${i}`, 'image_received', {}, 1)
    expect(progress.since('first', 0)).to.deep.equal([])
  })

  it('ends every following when it is closed', () => {
    const progress = openProgress()
    let ended = 0
    for (const id of ['a', 'b']) {
      progress.follow(id, { onEvent: () => undefined, onEnd: () => ended++ })
    }
    progress.close()
    expect(ended).to.equal(2)
  })
})
