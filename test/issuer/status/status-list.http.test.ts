import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import express from 'express'
import { publishStatusLists } from '../../../issuer/status/publish.ts'
import { statusEndpoints } from '../../../issuer/status/status-list.http.ts'
import { allocateIndexes } from '../../../issuer/status/store.sqlite.ts'
import { routerOf } from '../../../shared/http/endpoint.http.ts'
import { openStatusFixture, TEST_POOL } from '../../support/status.ts'

const NOW = 1_800_000_000

describe('statusEndpoints', () => {
  const { db, store, publisher } = openStatusFixture()
  let server: Server
  let base: string
  let list: string
  let now = NOW + 301

  before(async () => {
    await store.keepOpen(TEST_POOL, NOW)
    await publishStatusLists(publisher, NOW)
    await publishStatusLists(publisher, NOW + 300)
    const [reference] = allocateIndexes(db, { copies: 1, credentialExpires: NOW + 5000, now: NOW })
    list = (reference?.uri ?? '').split('/').at(-1) ?? ''
    server = express()
      .use(routerOf(statusEndpoints(store, () => now)))
      .listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  after((done) => {
    db.close()
    server.close(done)
  })
  beforeEach(() => {
    now = NOW + 301
  })

  it('answers with the current token, its type and its age (Token Status List §8.1, §8.2)', async () => {
    const response = await fetch(`${base}/status/${list}`)
    expect(response.status).to.equal(200)
    expect(response.headers.get('content-type')).to.equal('application/statuslist+jwt')
    expect(response.headers.get('content-encoding')).to.equal('gzip')
    expect(response.headers.get('access-control-allow-origin')).to.equal('*')
    expect(response.headers.get('cache-control')).to.equal('public, max-age=299')
    expect(response.headers.get('set-cookie')).to.equal(null)
    expect(await response.text()).to.equal((await store.current(list))?.token)
  })

  it('answers 304 to who has the token already', async () => {
    const etag = (await fetch(`${base}/status/${list}`)).headers.get('etag') ?? ''
    const again = await fetch(`${base}/status/${list}`, { headers: { 'If-None-Match': etag } })
    expect(again.status).to.equal(304)
    const other = await fetch(`${base}/status/${list}`, { headers: { 'If-None-Match': '"x"' } })
    expect(other.status).to.equal(200)
  })

  it('lets a page of any origin ask, conditionally too, and see the entity tag (Token Status List §11.4)', async () => {
    for (const path of [`/status/${list}`, '/status', '/status/tokens/x']) {
      const preflight = await fetch(`${base}${path}`, {
        method: 'OPTIONS',
        headers: { 'Access-Control-Request-Headers': 'if-none-match' },
      })
      expect(preflight.status, path).to.equal(204)
      expect(preflight.headers.get('access-control-allow-origin')).to.equal('*')
      expect(preflight.headers.get('access-control-allow-headers')).to.include('If-None-Match')
      expect(preflight.headers.get('access-control-allow-credentials')).to.equal(null)
    }
    const answer = await fetch(`${base}/status/${list}`)
    expect(answer.headers.get('access-control-expose-headers')).to.equal('ETag')
  })

  it('answers HEAD as GET without its content (RFC 9110 §9.3.2)', async () => {
    const head = await fetch(`${base}/status/${list}`, { method: 'HEAD' })
    const get = await fetch(`${base}/status/${list}`)
    for (const name of ['etag', 'content-type', 'cache-control']) {
      expect(head.headers.get(name), name).to.equal(get.headers.get(name))
    }
    expect(await head.text()).to.equal('')
  })

  it('sends the bytes uncompressed to who asks for that', async () => {
    const response = await fetch(`${base}/status/${list}`, {
      headers: { 'Accept-Encoding': 'identity' },
    })
    expect(response.headers.get('content-encoding')).to.equal(null)
    expect(await response.text()).to.equal((await store.current(list))?.token)
  })

  it('answers 406 to who accepts no form that there is (RFC 9110 §12.5.1)', async () => {
    const response = await fetch(`${base}/status/${list}`, {
      headers: { Accept: 'application/statuslist+cwt' },
    })
    expect(response.status).to.equal(406)
  })

  it('answers with the original token for a past time (Token Status List §8.4)', async () => {
    const at = async (time: string) => fetch(`${base}/status/${list}?time=${time}`)
    expect(await (await at(String(NOW + 299))).text()).to.equal((await store.at(list, NOW))?.token)
    expect((await at(String(NOW - 1))).status).to.equal(404)
    expect((await at(String(NOW + 300 + 3601))).status).to.equal(404)
    for (const time of ['', '-1', '1e9', '01', '1.5', `${NOW}&time=${NOW}`]) {
      expect((await at(time)).status, time).to.equal(400)
    }
  })

  it('keeps the past to itself once the last credential of the list has expired', async () => {
    now = NOW + 5001
    expect((await fetch(`${base}/status/${list}?time=${NOW + 299}`)).status).to.equal(404)
  })

  it('serves an archived token by its digest for ever', async () => {
    const token = await store.at(list, NOW)
    const response = await fetch(`${base}/status/tokens/${token?.sha256}`)
    expect(response.headers.get('cache-control')).to.include('immutable')
    expect(await response.text()).to.equal(token?.token)
    const hex = Buffer.from(token?.sha256 ?? '', 'base64url').toString('hex')
    expect(await (await fetch(`${base}/status/tokens/${hex}`)).text()).to.equal(token?.token)
    expect((await fetch(`${base}/status/tokens/nothing`)).status).to.equal(404)
  })

  it('names all lists (Token Status List §9.3)', async () => {
    const response = await fetch(`${base}/status`)
    expect(response.headers.get('content-type')).to.match(/^application\/json/)
    const { status_lists } = (await response.json()) as { status_lists: string[] }
    expect(status_lists).to.have.length(3).and.to.include(`https://issuer.example/status/${list}`)
  })

  it('answers 404 for an unknown list', async () => {
    expect((await fetch(`${base}/status/unknown`)).status).to.equal(404)
  })
})

describe('statusEndpoints with CWT', () => {
  const { db, store, publisher } = openStatusFixture()
  let server: Server
  let base: string
  let list: string

  before(async () => {
    await store.keepOpen(TEST_POOL, NOW)
    const cwt = {
      signCwt: async ({ list: bytes }: { list: Uint8Array }) => bytes,
      verifyCwt: async (token: Uint8Array) => token,
    }
    await publishStatusLists({ ...publisher, ...cwt }, NOW)
    const [reference] = allocateIndexes(db, { copies: 1, credentialExpires: NOW + 10, now: NOW })
    list = (reference?.uri ?? '').split('/').at(-1) ?? ''
    server = express()
      .use(routerOf(statusEndpoints(store, () => NOW + 11)))
      .listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  after((done) => {
    db.close()
    server.close(done)
  })

  it('serves each form to who asks for it, under its own entity tag (Token Status List §8.1)', async () => {
    const cwt = await fetch(`${base}/status/${list}`, {
      headers: { Accept: 'application/statuslist+cwt' },
    })
    expect(cwt.headers.get('content-type')).to.equal('application/statuslist+cwt')
    const token = await store.current(list)
    expect(Buffer.from(await cwt.arrayBuffer())).to.deep.equal(token?.cwt)
    const jwt = await fetch(`${base}/status/${list}`)
    expect(jwt.headers.get('content-type')).to.equal('application/statuslist+jwt')
    expect(jwt.headers.get('etag')).not.to.equal(cwt.headers.get('etag'))
    const archived = await fetch(`${base}/status/tokens/${token?.cwtSha256}`)
    expect(archived.headers.get('content-type')).to.equal('application/statuslist+cwt')
  })
})
