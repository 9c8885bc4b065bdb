import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { expect } from 'chai'
import type { Turn } from '../../../issuer/evidence/pipeline.ts'
import { Problem } from '../../../shared/problem.ts'
import { fixturePipeline } from '../../support/evidence.ts'
import { openIssuer, type TestIssuer } from '../../support/issuer.ts'
import { beginSession, type Reply, send, type TestWorker } from '../../support/issuer-client.ts'

const IMAGE = Buffer.from('ok this is the image of a document')
const digestOf = (bytes: Uint8Array) =>
  `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`

describe('resumable uploads (draft-ietf-httpbis-resumable-upload)', () => {
  let issuer: TestIssuer
  let worker: TestWorker
  let busy = 0
  const turns: Turn[] = []
  const plain = fixturePipeline()
  const pipeline = {
    ...plain,
    readDocument: async (bytes: Uint8Array, now: number, turn?: Turn) => {
      if (turn) turns.push(turn)
      if (busy-- > 0) {
        const options = { retryAfterSeconds: 7 }
        throw new Problem('too_many_requests', 'send it again in 7 seconds', options)
      }
      turn?.onStart?.()
      return plain.readDocument(bytes, now)
    },
  }
  before(async () => {
    issuer = await openIssuer(pipeline)
  })
  after(() => issuer.close())
  beforeEach(async () => {
    busy = 0
    worker = await beginSession(issuer.url)
  })

  const request = (
    url: string,
    method: string,
    headers: Record<string, string> = {},
    body?: Uint8Array,
  ) =>
    send(url, {
      method,
      headers: { authorization: `Bearer ${worker.token}`, ...headers },
      ...(body ? { body: Uint8Array.from(body) } : {}),
    })
  const begin = async (
    body = new Uint8Array(0),
    headers: Record<string, string> = {},
    image = 'document',
  ) =>
    request(
      `${issuer.url}/sessions/${worker.id}/${image}`,
      'PUT',
      { 'upload-complete': '?0', ...headers },
      body,
    )
  const append = (url: string, offset: number, body: Uint8Array, headers = {}) =>
    request(
      url,
      'PATCH',
      {
        'content-type': 'application/partial-upload',
        'upload-offset': String(offset),
        'upload-complete': '?0',
        ...headers,
      },
      body,
    )
  const last = { 'upload-complete': '?1' }
  const locationOf = ({ headers }: Reply) => headers.get('location') ?? ''
  const stateOf = ({ status, headers }: Reply) => [
    status,
    headers.get('upload-complete'),
    Number(headers.get('upload-offset')),
  ]

  it('takes parts, says how far they are, and answers the last with what the whole gave', async () => {
    const begun = await begin(IMAGE.subarray(0, 5), { 'upload-length': String(IMAGE.length) })
    expect(begun.status).to.equal(201)
    expect(begun.headers.get('upload-limit')).to.contain('max-size=10485760')
    const url = locationOf(begun)
    expect(stateOf(await append(url, 5, IMAGE.subarray(5, 9)))).to.deep.equal([204, '?0', 9])
    const head = await request(url, 'HEAD')
    expect(stateOf(head)).to.deep.equal([204, '?0', 9])
    expect(head.headers.get('upload-length')).to.equal(String(IMAGE.length))
    expect(head.headers.get('cache-control')).to.equal('no-store')
    const view = await worker.view()
    expect(view.body.images.document).to.deep.equal({
      state: 'arriving',
      upload: url.split('/').at(-1),
      offset: 9,
    })
    const done = await append(url, 9, IMAGE.subarray(9), last)
    expect(stateOf(done)).to.deep.equal([200, '?1', IMAGE.length])
    expect(done.body.uploaded).to.equal('document')
    expect((await worker.view()).body.images.document).to.deep.equal({ state: 'read' })
    expect(stateOf(await request(url, 'HEAD'))).to.deep.equal([204, '?1', IMAGE.length])
  })

  it('takes images in any order, also one between the parts of the other', async () => {
    const url = locationOf(await begin(IMAGE.subarray(0, 5)))
    expect((await worker.upload('selfie')).status).to.equal(200)
    expect((await append(url, 5, IMAGE.subarray(5), last)).status).to.equal(200)
    expect((await worker.submit()).body.state).to.equal('approved')
  })

  it('refuses a part that does not begin where the upload ends, and says where that is', async () => {
    const url = locationOf(await begin(IMAGE.subarray(0, 5)))
    const early = await append(url, 4, IMAGE.subarray(4))
    expect([...stateOf(early), early.body.code]).to.deep.equal([409, null, 5, 'upload_offset'])
    expect((await append(url, 6, IMAGE.subarray(6))).body.code).to.equal('upload_offset')
  })

  it('refuses a part after the last one', async () => {
    const url = locationOf(await begin(IMAGE.subarray(0, 5)))
    await append(url, 5, IMAGE.subarray(5), last)
    const again = await append(url, IMAGE.length, IMAGE, last)
    expect([again.status, again.body.code]).to.deep.equal([409, 'upload_completed'])
  })

  it('refuses a part without offset, completeness or media type', async () => {
    const url = locationOf(await begin(IMAGE.subarray(0, 5)))
    for (const headers of [
      { 'upload-offset': 'five' },
      { 'upload-complete': 'true' },
      { 'content-type': 'image/jpeg' },
    ]) {
      const answer = await append(url, 5, IMAGE, headers)
      expect([answer.status, answer.body.code]).to.deep.equal([400, 'request_invalid'])
    }
    expect(stateOf(await request(url, 'HEAD'))).to.deep.equal([204, '?0', 5])
  })

  it('refuses lengths that contradict each other, and an upload that is not as long as was said', async () => {
    const url = locationOf(await begin(IMAGE.subarray(0, 5), { 'upload-length': '20' }))
    const other = await append(url, 5, IMAGE.subarray(5, 6), { 'upload-length': '21' })
    expect([other.status, other.body.code]).to.deep.equal([400, 'upload_length'])
    expect((await append(url, 5, IMAGE.subarray(5, 6), last)).body.code).to.equal('upload_length')
    expect((await append(url, 5, IMAGE)).body.code).to.equal('upload_length')
  })

  it('adds a part with a digest whole or not at all (RFC 9530 §2)', async () => {
    const url = locationOf(await begin(IMAGE.subarray(0, 5)))
    const rest = IMAGE.subarray(5)
    const damaged = await append(url, 5, rest, { 'content-digest': digestOf(IMAGE) })
    expect([damaged.status, damaged.body.code]).to.deep.equal([400, 'digest_mismatch'])
    expect(stateOf(await request(url, 'HEAD'))).to.deep.equal([204, '?0', 5])
    const right = { 'content-digest': digestOf(rest), 'repr-digest': digestOf(IMAGE), ...last }
    expect((await append(url, 5, rest, right)).status).to.equal(200)
    const whole = await request(
      `${issuer.url}/sessions/${worker.id}/selfie`,
      'PUT',
      { 'content-digest': digestOf(IMAGE) },
      Buffer.from('ok another'),
    )
    expect(whole.body.code).to.equal('digest_mismatch')
  })

  it('keeps what had come before the line broke', async () => {
    const url = new URL(locationOf(await begin(IMAGE.subarray(0, 5))))
    const socket = connect(Number(url.port), url.hostname)
    await once(socket, 'connect')
    socket.write(
      [
        `PATCH ${url.pathname} HTTP/1.1`,
        `Host: ${url.host}`,
        `Authorization: Bearer ${worker.token}`,
        'Content-Type: application/partial-upload',
        'Upload-Offset: 5',
        'Upload-Complete: ?1',
        `Content-Length: ${IMAGE.length - 5}`,
        '',
        IMAGE.subarray(5, 12).toString(),
      ].join('\r\n'),
    )
    for (let tries = 0; tries < 100; tries++) {
      const { body } = await worker.view()
      if (body.images.document.offset === 12) break
    }
    expect(stateOf(await request(url.href, 'HEAD'))).to.deep.equal([204, '?0', 12])
    socket.destroy()
    expect((await append(url.href, 12, IMAGE.subarray(12), last)).status).to.equal(200)
  })

  it('refuses what is too large before it is read', async () => {
    const size = String(10 * 1024 * 1024 + 1)
    const begun = await begin(IMAGE, { 'upload-length': size })
    expect([begun.status, begun.body.code]).to.deep.equal([413, 'body_too_large'])
    expect(begun.headers.get('upload-limit')).to.contain('max-size')
    const url = locationOf(await begin(IMAGE.subarray(0, 5)))
    const more = await append(url, 5, new Uint8Array(10 * 1024 * 1024))
    expect([more.status, more.body.code]).to.deep.equal([413, 'body_too_large'])
  })

  it('knows an upload in its own session alone, and not after it was cancelled', async () => {
    const url = locationOf(await begin(IMAGE.subarray(0, 5)))
    const own = worker
    worker = await beginSession(issuer.url)
    const foreign = await append(url.replace(own.id, worker.id), 5, IMAGE)
    expect([foreign.status, foreign.body.code]).to.deep.equal([404, 'upload_not_found'])
    expect((await request(url, 'HEAD')).status).to.equal(404)
    worker = own
    expect((await request(url, 'DELETE')).status).to.equal(204)
    const gone = await append(url, 5, IMAGE)
    expect([gone.status, gone.body.detail]).to.deep.equal([
      404,
      'uploads live in memory and this one is gone; begin it again with PUT',
    ])
    expect((await worker.view()).body.images.document).to.deep.equal({ state: 'missing' })
  })

  it('keeps an image that had to wait too long, and takes an empty part as asking again', async () => {
    busy = 1
    const url = locationOf(await begin(IMAGE.subarray(0, 5)))
    const refused = await append(url, 5, IMAGE.subarray(5), last)
    expect([refused.status, refused.headers.get('retry-after')]).to.deep.equal([429, '7'])
    expect(refused.headers.get('upload-complete')).to.equal('?0')
    const again = await append(url, IMAGE.length, new Uint8Array(0), last)
    expect([again.status, again.body.uploaded]).to.deep.equal([200, 'document'])
  })

  it('says what it takes (OPTIONS)', async () => {
    const answer = await request(`${issuer.url}/sessions/${worker.id}/document`, 'OPTIONS')
    expect(answer.headers.get('accept-patch')).to.equal('application/partial-upload')
    expect(answer.headers.get('upload-limit')).to.contain('max-size')
  })

  it('counts a platform by its key and a worker by the address, and passes both to the queue', async () => {
    turns.length = 0
    await worker.upload('document')
    worker = await beginSession(issuer.url, issuer.platformKey)
    await worker.upload('document')
    expect(turns.map(({ caller }) => caller)).to.deep.equal([
      'address 127.0.0.1',
      'platform driver',
    ])
  })

  it('bounds what one caller has in memory, and leaves room for others', async () => {
    const uploads = [worker]
    for (let i = 0; i < 9; i++) uploads.push(await beginSession(issuer.url, issuer.platformKey))
    const statuses: number[] = []
    for (const each of uploads.slice(1)) {
      worker = each
      statuses.push((await begin()).status)
    }
    expect(statuses).to.deep.equal([...Array(8).fill(201), 503])
    worker = uploads[0] ?? worker
    expect((await begin()).status).to.equal(201)
  })
})
