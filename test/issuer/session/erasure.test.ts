import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { openSeenDocumentsFile } from '../../../issuer/evidence/document/seen-documents.sqlite.ts'
import { openFaceBook } from '../../../issuer/evidence/face/face-book.ts'
import { openFaceStoreFile } from '../../../issuer/evidence/face/face-store.sqlite.ts'
import { commit } from '../../../shared/audit/commitment.ts'
import { decodeEntry } from '../../../shared/audit/entry.ts'
import { parseVkey } from '../../../shared/audit/note.ts'
import { systemRandom } from '../../../shared/random.ts'
import { auditOnce, NEW_AUDIT } from '../../../verifier/audit/audit.ts'
import { openPublicSource } from '../../../verifier/audit/source.ts'
import { evidenceWith, fixturePipeline } from '../../support/evidence.ts'
import { openIssuer, type TestIssuer } from '../../support/issuer.ts'
import {
  beginSession,
  newKeys,
  type Reply,
  send,
  sendJson,
  submittedSession,
  testWallet,
  tokenFor,
} from '../../support/issuer-client.ts'
import { shownIn } from '../../support/planted.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const PERSON = {
  family_name: 'ZWETSCHGENBAUM',
  given_name: 'KUNIGUNDE OENKEL',
  document_number: 'QX7731904',
}
const REASON = 'came in person from Hintertupfingen'
const NOTE = 'her neighbour Quastenflosser rang'

describe('the erasure of a person', function () {
  this.timeout(30_000)
  const folder = temporaryFolder()
  const file = (name: string) => join(folder.path, name)
  const pipeline = fixturePipeline()
  const direction = (n: number) => Float32Array.from({ length: 16 }, (_, i) => (i === n ? 1 : 0))
  let face = direction(0)
  const { readSelfie } = pipeline
  pipeline.readSelfie = async (upload) => ({
    ...(await readSelfie(upload)),
    face: new Map([['fixture-model', face]]),
  })
  const seen = openSeenDocumentsFile(file('seen.db'))
  const faces = openFaceStoreFile(file('faces.db'))
  const key = Buffer.alloc(32, 5)
  const book = openFaceBook({
    store: faces.store,
    key,
    seconds: 86_400,
    threshold: 0.6,
    random: systemRandom,
  })
  let issuer: TestIssuer

  before(async () => {
    await book.open(pipeline.searchModel ?? { id: '', sha256: '' })
    issuer = await openIssuer(pipeline, {
      path: file('issuer.db'),
      seen: { store: seen.store, key, seconds: 86_400 },
      faces: book,
    })
  })
  after(async () => {
    await issuer.close()
    await seen.close()
    await faces.close()
    folder.remove()
  })

  const refused = ({ status, body }: Reply) => [status, body.code]
  const erase = (id: string, reason = 'asked by letter', apiKey = issuer.operatorKey) =>
    sendJson(`${issuer.url}/sessions/${id}/erasure`, { reason }, apiKey)
  const revoke = (id: string, more: object = {}) =>
    sendJson(
      `${issuer.url}/sessions/${id}/revocation`,
      { reason_class: 'holder_request', note: NOTE, ...more },
      issuer.operatorKey,
    )
  /** Bytes of every file of a database, as text that holds them all. */
  const bytesOf = (name: string) =>
    ['', '-wal']
      .map((suffix) => file(name + suffix))
      .filter(existsSync)
      .map((path) => readFileSync(path).toString('latin1'))
      .join()

  async function issuedSession(n: number) {
    face = direction(n)
    pipeline.evidence = evidenceWith({
      fields: { ...PERSON, document_number: `${PERSON.document_number}${n}` },
      faceMatch: 0.1,
    })
    const worker = await submittedSession(issuer.url)
    await send(`${issuer.url}/reviews/${worker.id}`, {
      headers: { authorization: `Bearer ${issuer.reviewerKey}` },
    })
    const review = { outcome: 'approve', reason: REASON }
    await sendJson(`${issuer.url}/reviews/${worker.id}`, review, issuer.reviewerKey)
    const wallet = testWallet(issuer.url)
    await wallet.credential(await tokenFor(worker, wallet), newKeys(2))
    return worker
  }

  it('is refused while a copy is in force, and while a notice is held back', async () => {
    const { id } = await issuedSession(1)
    expect(refused(await erase(id))).to.deep.equal([409, 'erasure_blocked'])
    await revoke(id, { held_by: 'court 7' })
    expect(refused(await erase(id))).to.deep.equal([409, 'erasure_blocked'])
    const authorization = `Bearer ${issuer.operatorKey}`
    const events = issuer.db.prepare('SELECT event FROM status_notice WHERE held_by IS NOT NULL')
    for (const event of events.pluck().all()) {
      const url = `${issuer.url}/status-notices/${event}/release`
      await send(url, { method: 'POST', headers: { authorization } })
    }
    expect((await erase(id)).status).to.equal(200)
  })

  it('takes an operator’s key and a reason', async () => {
    const { id } = await beginSession(issuer.url)
    expect(refused(await erase(id, 'asked', issuer.reviewerKey))[1]).to.equal('not_permitted')
    expect(refused(await erase(id, ' '))[1]).to.equal('request_invalid')
    expect(refused(await erase('nobody'))).to.deep.equal([404, 'session_not_found'])
    expect((await erase(id)).status).to.equal(200)
  })

  it('leaves nothing of the person in any store, and the log as it was', async () => {
    const worker = await issuedSession(2)
    const other = await issuedSession(3)
    expect((await revoke(worker.id)).status).to.equal(202)
    await issuer.publish()
    const planted = [...Object.values(PERSON), REASON, NOTE, 'QX77319042']
    expect(shownIn(bytesOf('issuer.db'), planted), 'planted').to.have.members(planted)
    expect(bytesOf('seen.db')).to.contain(worker.id)
    expect(bytesOf('faces.db')).to.contain(worker.id)
    // The other one stays; what both have in common is erased with the second.
    const { body: receipt, status } = await erase(worker.id)
    expect(status).to.equal(200)
    expect(bytesOf('issuer.db').includes('QX77319042')).to.equal(false)
    expect(bytesOf('issuer.db')).to.contain('QX77319043')
    await revoke(other.id)
    expect((await erase(other.id)).status).to.equal(200)
    expect(shownIn(bytesOf('issuer.db'), planted)).to.deep.equal([])
    for (const { id } of [worker, other]) {
      for (const name of ['issuer.db', 'seen.db', 'faces.db']) {
        expect(bytesOf(name).includes(id), name).to.equal(false)
      }
      const tables = issuer.db.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`)
      for (const table of tables.pluck().all()) {
        const rows = issuer.db.prepare(`SELECT * FROM "${table}"`).all()
        expect(JSON.stringify(rows), String(table)).to.not.contain(id)
      }
      expect((await faces.store.changes(undefined)).kept.map((kept) => kept.id)).to.not.include(id)
    }
    expect(refused(await erase(worker.id))).to.deep.equal([404, 'session_not_found'])
    expect(refused(await worker.view())).to.deep.equal([404, 'session_not_found'])
    expect(refused(await revoke(worker.id))).to.deep.equal([404, 'credential_not_found'])

    await issuer.publish()
    expect(await issuer.auditLog.check()).to.deep.equal([])
    const source = openPublicSource(issuer.url, (input, init) => fetch(input, init))
    const now = Math.floor(Date.now() / 1000)
    const audited = await auditOnce(source, parseVkey(issuer.auditLog.vkey), {
      state: NEW_AUDIT,
      now,
    })
    expect(audited.findings).to.deep.equal([])
    expect(audited.judged).to.be.greaterThan(0)

    const entry = issuer.db.prepare('SELECT entry FROM audit_entry WHERE idx = ?').pluck()
    const leaf = decodeEntry(entry.get(receipt.leaf) as Buffer)
    const { session_id: session, actor, reason, erased_at, salt } = receipt
    const details = { session, actor, reason, erased_at }
    expect(leaf).to.deep.equal({
      type: 'session.erased',
      at: erased_at,
      commitment: commit(details, Buffer.from(salt, 'base64url')),
    })
  })

  it('finishes in the other stores what an earlier attempt has left there', async () => {
    const worker = await issuedSession(4)
    await revoke(worker.id)
    const order = { actor: 'op', reason: 'asked' }
    await issuer.store.eraseSession(worker.id, order, Math.floor(Date.now() / 1000))
    const kept = async () => (await faces.store.changes(undefined)).kept.map(({ id }) => id)
    expect(await kept()).to.include(worker.id)
    expect(refused(await erase(worker.id))[1]).to.equal('session_not_found')
    expect(await kept()).to.not.include(worker.id)
  })

  it('ends a session in which images are being sent', async () => {
    const worker = await beginSession(issuer.url)
    await worker.upload('document', 'ok document collecting')
    expect((await erase(worker.id)).status).to.equal(200)
    const answer = await worker.upload('selfie', 'ok selfie collecting')
    expect(refused(answer)[1]).to.equal('session_not_found')
  })
})
