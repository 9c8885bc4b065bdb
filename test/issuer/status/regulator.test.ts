import { expect } from 'chai'
import { allocateIndexes } from '../../../issuer/status/store.sqlite.ts'
import { keyDigest } from '../../../shared/api-key/api-key.ts'
import type { StatusReference } from '../../../shared/status-list/reference.ts'
import { immediate } from '../../../shared/store/database.sqlite.ts'
import { fixturePipeline } from '../../support/evidence.ts'
import { openIssuer, type TestIssuer } from '../../support/issuer.ts'

const NOW = 1_800_000_000

describe('the past of a list, at the issuer (Token Status List §8.4)', () => {
  let issuer: TestIssuer
  let now = NOW
  let reference: StatusReference
  const open = async (history: boolean) => {
    now = NOW
    issuer = await openIssuer(fixturePipeline(), { clock: () => now, history })
    ;[reference] = immediate(issuer.db, () =>
      allocateIndexes(issuer.db, { copies: 1, credentialExpires: NOW + 1000, now }),
    ) as [StatusReference]
  }
  const ask = (time: number, key?: string) =>
    fetch(`${reference.uri}?time=${time}`, {
      headers: key === undefined ? {} : { Authorization: `Bearer ${key}` },
    })
  const current = async () => (await fetch(reference.uri)).text()

  afterEach(() => issuer.close())

  it('is open to anybody while a credential of the list may live, whatever they say of themselves', async () => {
    await open(true)
    const token = await current()
    now = NOW + 1000
    for (const key of [undefined, issuer.regulatorKey, issuer.operatorKey, 'nonsense']) {
      const answer = await ask(NOW + 5, key)
      expect([answer.status, await answer.text()]).to.deep.equal([200, token])
      expect(answer.headers.get('cache-control')).to.equal('public, max-age=60')
      expect(answer.headers.get('set-cookie')).to.equal(null)
    }
  })

  it('is open to the regulator alone after that, byte for byte', async () => {
    await open(true)
    const token = await current()
    now = NOW + 1001
    expect((await ask(NOW + 5)).status).to.equal(404)
    const regulator = await ask(NOW + 5, issuer.regulatorKey)
    expect([regulator.status, await regulator.text()]).to.deep.equal([200, token])
    expect(regulator.headers.get('cache-control')).to.equal('no-store')
    expect((await ask(NOW - 1, issuer.regulatorKey)).status).to.equal(404)
  })

  it('refuses a key that is unknown with 401, of another role with 403, ended with 401', async () => {
    await open(true)
    now = NOW + 1001
    const unknown = await ask(NOW + 5, 'carnet_regulator_unknown')
    expect(unknown.status).to.equal(401)
    for (const key of [issuer.operatorKey, issuer.reviewerKey]) {
      expect((await ask(NOW + 5, key)).status).to.equal(403)
    }
    const { name } = (await issuer.keys.key(keyDigest(issuer.regulatorKey), now)) ?? { name: '' }
    await issuer.keys.revokeKeys({ name }, now)
    expect((await ask(NOW + 5, issuer.regulatorKey)).status).to.equal(401)
  })

  it('answers 501 to the public where the issuer keeps it to itself, and the regulator as ever', async () => {
    await open(false)
    expect((await ask(NOW + 5)).status).to.equal(501)
    expect((await ask(NOW + 5, issuer.operatorKey)).status).to.equal(403)
    const regulator = await ask(NOW + 5, issuer.regulatorKey)
    expect([regulator.status, await regulator.text()]).to.deep.equal([200, await current()])
  })

  it('gives the regulator’s key no other power', async () => {
    await open(true)
    for (const path of ['/reviews', '/status-notices', '/status-timeliness?from=0&to=1']) {
      const answer = await fetch(`${issuer.url}${path}`, {
        headers: { Authorization: `Bearer ${issuer.regulatorKey}` },
      })
      expect(answer.status, path).to.equal(403)
    }
  })
})

describe('/healthz of the issuer', () => {
  it('fails when publication does, and recovers with it', async () => {
    let failure: Error | undefined
    const issuer = await openIssuer(fixturePipeline(), {
      checkPublication: () => {
        if (failure !== undefined) throw failure
      },
    })
    const health = async () => (await fetch(`${issuer.url}/healthz`)).status
    try {
      expect(await health()).to.equal(200)
      failure = new Error('nothing was published since 1')
      expect(await health()).to.equal(503)
      failure = undefined
      expect(await health()).to.equal(200)
    } finally {
      await issuer.close()
    }
  })
})
