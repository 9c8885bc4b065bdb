import { expect } from 'chai'
import { makeEcosystem, type Platform, startPlatform } from '../../support/platform.ts'

describe('Idempotency-Key at POST /requests', () => {
  let platform: Platform
  before(async () => {
    platform = await startPlatform(await makeEcosystem())
  })
  after(() => platform.stop())

  const ask = async (idempotencyKey: string, body: object = {}, key = platform.key) => {
    const response = await fetch(`${platform.url}/requests`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        'idempotency-key': idempotencyKey,
      },
      body: JSON.stringify(body),
    })
    return {
      status: response.status,
      location: response.headers.get('location'),
      body: (await response.json()) as Record<string, unknown>,
    }
  }
  const requests = () =>
    Number(platform.db.prepare('SELECT count(*) FROM presentation_request').pluck().get())

  it('answers a repeated request as the first one, in quotes or bare', async () => {
    const first = await ask('"8e03978e-40d5-43dd-bc93-6894a57f9324"')
    const before = requests()
    const second = await ask('8e03978e-40d5-43dd-bc93-6894a57f9324')
    expect(first.status).to.equal(201)
    expect(second).to.deep.equal(first)
    expect(requests()).to.equal(before)
  })

  it('refuses the key for another body, and takes it from another caller', async () => {
    await ask('key-of-an-order')
    const other = await ask('key-of-an-order', { redirect_uri: 'https://driver.example/back' })
    expect([other.status, other.body.code]).to.deep.equal([422, 'idempotency_key_reused'])
    const own = await ask('key-of-an-order', {}, `other-${platform.key}`)
    expect(own.status).to.equal(201)
  })

  it('refuses a key that is none', async () => {
    for (const wrong of ['short', '"', 'x'.repeat(129), 'with space in it']) {
      const { status, body } = await ask(wrong)
      expect([status, body.code], wrong).to.deep.equal([400, 'request_invalid'])
    }
  })

  it('has one effect when many come at once, and tells the others to wait or the same', async () => {
    const before = requests()
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask('many-at-once')))
    for (const { status, body } of answers) {
      if (status !== 201) expect([status, body.code]).to.deep.equal([409, 'idempotency_key_in_use'])
    }
    const ids = answers.flatMap(({ status, body }) => (status === 201 ? [body.request_id] : []))
    expect(new Set(ids).size).to.equal(1)
    expect(requests()).to.equal(before + 1)
    expect((await ask('many-at-once')).body.request_id).to.equal(ids[0])
  })

  it('keeps nothing of a refused request, so that it may be sent again right', async () => {
    const wrong = await ask('corrected-later', { policy: 'unknown' })
    expect(wrong.status).to.equal(400)
    expect((await ask('corrected-later')).status).to.equal(201)
  })
})
