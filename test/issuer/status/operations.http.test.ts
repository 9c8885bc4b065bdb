import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import express from 'express'
import { statusOperationEndpoints } from '../../../issuer/status/operations.http.ts'
import { openStatusOperations } from '../../../issuer/status/operations.sqlite.ts'
import { publishStatusLists } from '../../../issuer/status/publish.ts'
import { allocateIndexes } from '../../../issuer/status/store.sqlite.ts'
import { keyDigest } from '../../../shared/api-key/api-key.ts'
import { keyMigrations, openApiKeyStore } from '../../../shared/api-key/store.sqlite.ts'
import { routerOf } from '../../../shared/http/endpoint.http.ts'
import { renderErrors } from '../../../shared/http/errors.http.ts'
import { systemRandom } from '../../../shared/random.ts'
import type { StatusReference } from '../../../shared/status-list/reference.ts'
import { openDatabase } from '../../../shared/store/database.sqlite.ts'
import { openStatusFixture, type StatusFixture, TEST_POOL } from '../../support/status.ts'

const NOW = 1_800_000_000

describe('statusOperationEndpoints', () => {
  let fixture: StatusFixture
  let server: Server
  let base: string
  let references: StatusReference[]
  let now: number
  let published: number
  let broken: boolean
  const call = (method: string, path: string, body?: unknown, actor = 'anna') =>
    fetch(`${base}${path}`, {
      method,
      headers: { Authorization: `Bearer ${actor}`, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  const json = async (response: Response | Promise<Response>) =>
    (await (await response).json()) as Record<string, unknown>

  beforeEach(async () => {
    fixture = openStatusFixture()
    const { db, store, publisher } = fixture
    now = NOW
    published = 0
    const keyDb = openDatabase(':memory:', { key: keyMigrations })
    for (const name of ['anna', 'ben']) {
      const key = { id: name, name, role: 'operator', sha256: keyDigest(name) } as const
      await openApiKeyStore(keyDb).addKey(key, NOW)
    }
    broken = false
    await store.keepOpen(TEST_POOL, NOW)
    await publishStatusLists(publisher, NOW)
    references = allocateIndexes(db, { copies: 2, credentialExpires: NOW + 9, now: NOW })
    const app = express().use((_request, response, next) => {
      response.locals.log = { info: () => undefined, error: () => undefined }
      next()
    })
    app.use(
      routerOf(
        statusOperationEndpoints({
          operations: openStatusOperations(db, {
            random: systemRandom,
            subjectKeyOf: ({ uri }) => (uri.startsWith('https') ? Buffer.alloc(32, 4) : undefined),
          }),
          clock: () => now,
          keys: { store: openApiKeyStore(keyDb), clock: () => now },
          publishNow: async () => {
            published++
            if (broken) throw new Error('no disk')
            await publishStatusLists(publisher, now)
          },
        }),
      ),
    )
    app.use(renderErrors('problem'))
    server = app.listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterEach((done) => {
    fixture.db.close()
    server.closeAllConnections()
    server.close(done)
  })

  const suspension = (more: object = {}) => ({
    reference: references[0],
    to: 'suspended',
    reason_class: 'holder_request',
    ...more,
  })

  it('suspends until a time, and withdraws while nothing is published', async () => {
    const response = await call('POST', '/status-changes', suspension({ until: NOW + 100 }))
    expect(response.status).to.equal(202)
    const { event } = await json(response)
    expect((await call('DELETE', `/status-changes/${event}`)).status).to.equal(204)
    expect((await call('DELETE', `/status-changes/${event}`)).status).to.equal(404)
    expect((await call('DELETE', '/status-changes/x')).status).to.equal(404)
  })

  it('publishes an emergency at once and nothing else', async () => {
    await call('POST', '/status-changes', suspension())
    expect(published).to.equal(0)
    now += 1
    const emergency = {
      reference: references[1],
      to: 'revoked',
      reason_class: 'fraud',
      emergency: true,
    }
    const answer = await call('POST', '/status-changes', emergency)
    expect([answer.status, await json(answer)]).to.deep.equal([202, { event: 2, published: true }])
    expect(published).to.equal(1)
  })

  it('has decided an emergency that could not be published yet, and says so', async () => {
    broken = true
    const emergency = {
      reference: references[1],
      to: 'revoked',
      reason_class: 'fraud',
      emergency: true,
    }
    const answer = await call('POST', '/status-changes', emergency)
    expect([answer.status, await json(answer)]).to.deep.equal([202, { event: 1, published: false }])
    expect((await call('POST', '/status-changes', emergency)).status, 'it is decided').to.equal(409)
  })

  it('lists notices, notes who was told, and ends holds', async () => {
    const held = await json(call('POST', '/status-changes', suspension({ held_by: 'court-7' })))
    const other = {
      reference: references[1],
      to: 'revoked',
      reason_class: 'fraud',
      emergency: true,
    }
    const told = await json(call('POST', '/status-changes', other))
    const notices = async () =>
      (await json(call('GET', '/status-notices'))).notices as { event: number }[]
    expect((await notices()).map(({ event }) => event)).to.deep.equal([told.event])
    expect((await call('POST', `/status-notices/${held.event}/told`)).status).to.equal(404)
    expect((await call('POST', `/status-notices/${told.event}/told`)).status).to.equal(204)
    expect((await call('POST', '/status-notices/4711/told')).status).to.equal(404)
    expect((await call('POST', `/status-notices/${held.event}/release`)).status).to.equal(204)
    expect((await call('POST', `/status-notices/${held.event}/release`)).status).to.equal(404)
    expect((await notices()).map(({ event }) => event)).to.deep.equal([held.event])
    const report = await json(call('GET', `/status-timeliness?from=${NOW}&to=${NOW + 10}`))
    expect(report.told).to.deep.include({ count: 1 })
  })

  it('carries out a bulk change that a second person approves', async () => {
    const bulk = { references, to: 'revoked', reason_class: 'key_or_wallet_compromise' }
    const { id, sha256 } = await json(call('POST', '/status-bulk', bulk))
    const approve = (actor: string) =>
      call('POST', `/status-bulk/${id}/approval`, { sha256 }, actor)
    expect((await approve('anna')).status).to.equal(403)
    expect(await json(approve('ben'))).to.deep.equal({ changed: 2 })
    expect((await approve('ben')).status).to.equal(404)
  })

  it('refuses who has no key, and what it cannot read', async () => {
    for (const path of ['/status-changes', '/status-bulk', '/status-bulk/x/approval']) {
      expect((await call('POST', path, {}, '')).status, path).to.equal(401)
    }
    for (const path of ['/status-notices', '/status-timeliness']) {
      expect((await call('GET', path, undefined, '')).status, path).to.equal(401)
    }
    expect((await call('POST', '/status-changes', suspension({ more: 1 }))).status).to.equal(400)
    expect(
      (await call('POST', '/status-changes', suspension({ reason_class: 'x' }))).status,
    ).to.equal(400)
    const nobody = suspension({ reference: { uri: 'http://other.example/a', idx: 1 } })
    expect((await call('POST', '/status-changes', nobody)).status).to.equal(404)
  })
})
