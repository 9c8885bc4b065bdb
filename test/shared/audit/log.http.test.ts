import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import express from 'express'
import { verifyCheckpoint } from '../../../shared/audit/checkpoint.ts'
import { logEndpoints } from '../../../shared/audit/log.http.ts'
import { auditLogMigrations, openAuditLog } from '../../../shared/audit/log.sqlite.ts'
import { parseVkey } from '../../../shared/audit/note.ts'
import { parseEntryBundle } from '../../../shared/audit/tile.ts'
import { routerOf } from '../../../shared/http/endpoint.http.ts'
import { generateEd25519Key } from '../../../shared/key/signer.software.ts'
import { openDatabase } from '../../../shared/store/database.sqlite.ts'

describe('logEndpoints', () => {
  const db = openDatabase(':memory:', { audit: auditLogMigrations })
  let server: Server
  let base: string
  const { signer } = generateEd25519Key()

  before((done) => {
    server = express()
      .use(routerOf(logEndpoints(openAuditLog(db, { origin: 'issuer.example/log', signer }))))
      .listen(0, '127.0.0.1', () => {
        base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/log`
        done()
      })
  })
  after((done) => {
    db.close()
    server.close(done)
  })

  it('answers 404 before the first checkpoint', async () => {
    expect((await fetch(`${base}/checkpoint`)).status).to.equal(404)
  })

  it('serves the checkpoint as text that is not kept (C2SP tlog-tiles, "Checkpoints")', async () => {
    const log = openAuditLog(db, { origin: 'issuer.example/log', signer })
    for (let n = 0; n < 3; n++) await log.append({ type: 'test.entry', at: n })
    await log.publish(3)
    const response = await fetch(`${base}/checkpoint`)
    expect(response.headers.get('content-type')).to.equal('text/plain; charset=utf-8')
    expect(response.headers.get('cache-control')).to.equal('no-cache')
    expect(response.headers.get('access-control-allow-origin')).to.equal('*')
    expect(response.headers.get('set-cookie')).to.equal(null)
    expect(verifyCheckpoint(await response.text(), parseVkey(log.vkey)).size).to.equal(3)
  })

  it('serves tiles and bundles that never change (C2SP tlog-tiles, "Merkle Tree", "Log entries")', async () => {
    const tile = await fetch(`${base}/tile/0/000.p/3`)
    expect(tile.headers.get('content-type')).to.equal('application/octet-stream')
    expect(tile.headers.get('cache-control')).to.include('immutable')
    expect((await tile.arrayBuffer()).byteLength).to.equal(96)
    const bundle = await fetch(`${base}/tile/entries/000.p/3`)
    expect(bundle.headers.get('content-encoding')).to.equal('gzip')
    expect(parseEntryBundle(new Uint8Array(await bundle.arrayBuffer()), 3)).to.have.length(3)
  })

  it('answers 404 for what the checkpoint does not cover and for any other name', async () => {
    for (const path of [
      'tile/0/000',
      'tile/0/000.p/4',
      'tile/0/000.p/03',
      'tile/1/000',
      'tile/x',
      'nothing',
    ]) {
      expect((await fetch(`${base}/${path}`)).status, path).to.equal(404)
    }
  })
})
