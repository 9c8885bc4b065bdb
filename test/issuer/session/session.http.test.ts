import { expect } from 'chai'
import { commit, commitmentSalt } from '../../../shared/audit/commitment.ts'
import { dossierOpenedEntry } from '../../../shared/audit/dossier-leaf.ts'
import { decodeEntry } from '../../../shared/audit/entry.ts'
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
import { recordingLog } from '../../support/log.ts'

describe('the proofing endpoints', () => {
  let issuer: TestIssuer
  const pipeline = fixturePipeline()
  const { log, lines } = recordingLog()
  before(async () => {
    issuer = await openIssuer(pipeline, { log, maxOpenSessions: 50 })
  })
  after(() => issuer.close())
  beforeEach(() => {
    pipeline.evidence = evidenceWith()
  })
  const refused = ({ status, body }: Reply) => [status, body.code]

  describe('refuse bad uploads with a stable code, and nothing is lost', () => {
    for (const [code, status] of [
      ['image_not_supported', 415],
      ['image_too_large', 422],
      ['image_unreadable', 422],
      ['document_not_found', 422],
      ['face_not_found', 422],
    ] as const) {
      it(`a document with ${code}, and a good one after it`, async () => {
        const worker = await beginSession(issuer.url)
        expect(refused(await worker.upload('document', code))).to.deep.equal([status, code])
        expect((await worker.view()).body.uploaded).to.deep.equal({
          document: false,
          selfie: false,
        })
        expect((await worker.upload('document')).status).to.equal(200)
        expect((await worker.view()).body.uploaded).to.deep.equal({ document: true, selfie: false })
      })
    }

    it('a selfie with no face or two, and a good one after it', async () => {
      const worker = await beginSession(issuer.url)
      for (const code of ['face_not_found', 'face_multiple']) {
        expect(refused(await worker.upload('selfie', code))).to.deep.equal([422, code])
      }
      expect((await worker.upload('selfie')).body).to.deep.equal({
        uploaded: 'selfie',
        warnings: [],
        remedies: {},
      })
    })

    it('an image in the place of the other, which the same image again is not', async () => {
      const worker = await beginSession(issuer.url)
      const first = await worker.upload('document', 'ok same')
      expect((await worker.upload('document', 'ok same')).body).to.deep.equal(first.body)
      expect(refused(await worker.upload('selfie', 'ok same'))).to.deep.equal([
        409,
        'already_uploaded',
      ])
      expect((await worker.upload('selfie', 'ok another')).status).to.equal(200)
    })

    it('an image that cannot be read, in whose place the earlier one stays', async () => {
      const worker = await beginSession(issuer.url)
      await worker.upload('document', 'ok blurred')
      expect((await worker.upload('document', 'ok sharp')).status).to.equal(200)
      expect((await worker.upload('document', 'document_not_found')).status).to.equal(422)
      expect((await worker.view()).body.uploaded).to.deep.equal({ document: true, selfie: false })
    })

    it('an empty body, a body that is too large, and more than ten tries', async () => {
      const worker = await beginSession(issuer.url)
      expect(refused(await worker.upload('document', ''))).to.deep.equal([400, 'request_invalid'])
      const large = new Uint8Array(10 * 1024 * 1024 + 1)
      expect(refused(await worker.upload('document', large))).to.deep.equal([413, 'body_too_large'])
      for (let attempt = 0; attempt < 10; attempt++) {
        expect((await worker.upload('document', 'document_not_found')).status).to.equal(422)
      }
      expect(refused(await worker.upload('document'))).to.deep.equal([429, 'too_many_requests'])
    })

    it('a clip of one frame or two', async () => {
      const worker = await beginSession(issuer.url)
      for (const image of ['document', 'selfie', 'document-back', 'frames/1', 'frames/20']) {
        const answer = await worker.upload(image)
        expect([answer.status, answer.body.uploaded]).to.deep.equal([
          200,
          image.replace('frames/', 'frame-'),
        ])
      }
      expect((await worker.view()).body.images).to.have.all.keys(
        ...['document', 'document-back', 'selfie', 'frame-1', 'frame-20'],
      )
      const few = await worker.submit()
      expect([few.status, few.body.code, few.body.detail]).to.deep.equal([
        409,
        'upload_missing',
        'a clip has 3 frames or more; upload the others',
      ])
      // The same again is for the clip to judge.
      expect((await worker.upload('frames/2', 'ok frames/1')).status).to.equal(200)
      expect((await worker.submit()).body.state).to.equal('approved')
      const beyond = await (await beginSession(issuer.url)).upload('frames/21')
      expect(refused(beyond)).to.deep.equal([400, 'request_invalid'])
    })

    it('a submission without a document or a selfie', async () => {
      const worker = await beginSession(issuer.url)
      expect(refused(await worker.submit())).to.deep.equal([409, 'upload_missing'])
      await worker.upload('document')
      expect(refused(await worker.submit())).to.deep.equal([409, 'upload_missing'])
      expect((await worker.view()).body.state).to.equal('collecting')
    })
  })

  it('answers a repeated submission with the decision that there is', async () => {
    const worker = await submittedSession(issuer.url)
    const first = await worker.view()
    expect((await worker.submit()).body).to.deep.equal(first.body)
    expect(refused(await worker.upload('selfie'))).to.deep.equal([409, 'session_state'])
  })

  it('decides once for submissions that come at once, and answers all of them alike', async () => {
    const worker = await beginSession(issuer.url)
    await worker.upload('document')
    await worker.upload('selfie')
    const replies = await Promise.all(Array.from({ length: 8 }, () => worker.submit()))
    const states = new Set(replies.map(({ status, body }) => `${status} ${body.state}`))
    expect([...states]).to.deep.equal(['200 approved'])
  })

  it('shows scores, thresholds and models to the worker, and no field', async () => {
    const worker = await submittedSession(issuer.url)
    const { body } = await worker.view()
    expect(body.scores.face_match).to.deep.equal({
      value: 0.9,
      threshold: 0.6,
      review: 0.4,
      assurance: 'measured',
      models: ['fixture-model'],
    })
    expect(body.models).to.have.length(1)
    expect(JSON.stringify(body)).to.not.contain('MUSTERFRAU')
  })

  it('rejects an altered MRZ digit with its code', async () => {
    const checkDigits = [{ field: 'document_number' as const, valid: false }]
    pipeline.evidence = evidenceWith({ document: { checkDigits } })
    const { body } = await (await submittedSession(issuer.url)).view()
    expect(body).to.deep.include({
      state: 'rejected',
      decision: { outcome: 'reject', codes: ['mrz_check_digit_wrong'] },
    })
  })

  it('tells a worker who is on a list what it tells one with another’s selfie: a person will look', async () => {
    pipeline.evidence = evidenceWith({
      fields: { given_name: 'VIKTOR PLANTED', family_name: 'LISTHIT', birthdate: '1970-01-01' },
    })
    const listed = await submittedSession(issuer.url)
    pipeline.evidence = evidenceWith({ faceMatch: 0.1 })
    const other = await submittedSession(issuer.url)
    const expected = { outcome: 'refer', codes: ['person_reviews'] }
    expect((await listed.view()).body.decision).to.deep.equal(expected)
    expect((await other.view()).body.decision).to.deep.equal(expected)
    expect(JSON.stringify((await listed.view()).body)).to.not.match(/screening|list/i)

    const queue = await send(`${issuer.url}/reviews`, {
      headers: { authorization: `Bearer ${issuer.reviewerKey}` },
    })
    const codes = Object.fromEntries(
      queue.body.reviews.map((review: { session_id: string; codes: string[] }) => [
        review.session_id,
        review.codes,
      ]),
    )
    expect(codes[listed.id]).to.deep.equal(['screening_hit'])
    expect(codes[other.id]).to.deep.equal(['face_match_low'])
  })

  describe('a review', () => {
    const referred = async () => {
      pipeline.evidence = evidenceWith({ faceMatch: 0.1 })
      return submittedSession(issuer.url)
    }
    const decide = (id: string, body: object, key = issuer.reviewerKey) =>
      sendJson(`${issuer.url}/reviews/${id}`, body, key)

    it('waits in a queue that is told in pages, by a cursor of this list', async () => {
      const own = [(await referred()).id, (await referred()).id, (await referred()).id]
      const page = (query: string) =>
        send(`${issuer.url}/reviews?limit=2${query}`, {
          headers: { authorization: `Bearer ${issuer.reviewerKey}` },
        })
      const told: string[] = []
      let cursor: string | undefined
      do {
        const { body } = await page(cursor === undefined ? '' : `&cursor=${cursor}`)
        told.push(...body.reviews.map(({ session_id }: { session_id: string }) => session_id))
        cursor = body.next
      } while (cursor !== undefined)
      expect(told).to.include.members(own)
      expect(new Set(told).size).to.equal(told.length)
      expect(refused(await page('&cursor=WyJvdGhlciJd'))).to.deep.equal([400, 'cursor_invalid'])
      expect(refused(await page('&offset=2'))).to.deep.equal([400, 'request_invalid'])
    })

    it('shows everything that the decision followed from', async () => {
      const { id } = await referred()
      const { body } = await send(`${issuer.url}/reviews/${id}`, {
        headers: { authorization: `Bearer ${issuer.reviewerKey}` },
      })
      expect(body.document.fields.family_name).to.equal('MUSTERFRAU')
      expect(body.screening.lists[0].id).to.equal('made-up-persons')
      expect(body.decision.codes).to.deep.equal(['face_match_low'])
    })

    it('leaves a leaf for every dossier that is shown, which opens with the person’s key alone', async () => {
      const { id } = await referred()
      const read = () =>
        send(`${issuer.url}/reviews/${id}`, {
          headers: { authorization: `Bearer ${issuer.reviewerKey}` },
        })
      expect((await read()).status).to.equal(200)
      const { leaf, details } = issuer.db
        .prepare('SELECT leaf, details FROM dossier_opening WHERE session_id = ?')
        .get(id) as { leaf: number; details: string }
      const entry = issuer.db.prepare('SELECT entry FROM audit_entry WHERE idx = ?').pluck()
      const opened = dossierOpenedEntry.parse(decodeEntry(entry.get(leaf) as Buffer))
      expect(opened).to.include({ reader: 'reviewer', reason: 'referral' })
      const key = issuer.db.prepare('SELECT subject_key FROM session WHERE id = ?').pluck().get(id)
      const { opening } = JSON.parse(details)
      const purpose = `dossier.opened/${opening}`
      expect(commit(JSON.parse(details), commitmentSalt(key as Buffer, purpose))).to.equal(
        opened.commitment,
      )
      // Once the key is gone, who has the details and guesses a key still finds nothing.
      expect(commit(JSON.parse(details), commitmentSalt(Buffer.alloc(32), purpose))).not.to.equal(
        opened.commitment,
      )
      expect(JSON.stringify(opened)).not.to.include(id)
      await decide(id, { outcome: 'approve', reason: 'seen in person' })
      await read()
      const openings = issuer.db
        .prepare('SELECT details FROM dossier_opening WHERE session_id = ? ORDER BY leaf')
        .pluck()
        .all(id) as string[]
      expect(openings.map((text) => JSON.parse(text).reason)).to.deep.equal([
        'referral',
        'follow_up',
        'follow_up',
      ])
      // Destroying the key leaves the tree as it was, and nothing that opens the leaf (R18).
      await issuer.publish()
      const size = await issuer.auditLog.checkpoint()
      issuer.db.prepare('UPDATE session SET subject_key = zeroblob(32) WHERE id = ?').run(id)
      expect(await issuer.auditLog.check()).to.deep.equal([])
      expect(await issuer.auditLog.checkpoint()).to.equal(size)
    })

    it('shows no dossier when its leaf cannot be written', async () => {
      const { id } = await referred()
      const before = issuer.db.prepare('SELECT count(*) FROM dossier_opening').pluck().get()
      issuer.db.exec(
        `CREATE TEMP TRIGGER full_disk BEFORE INSERT ON audit_entry
         BEGIN SELECT RAISE(ABORT, 'disk full'); END`,
      )
      const answer = await send(`${issuer.url}/reviews/${id}`, {
        headers: { authorization: `Bearer ${issuer.reviewerKey}` },
      })
      issuer.db.exec('DROP TRIGGER full_disk')
      expect(answer.status).to.equal(500)
      expect(JSON.stringify(answer.body)).not.to.include('MUSTERFRAU')
      const after = issuer.db.prepare('SELECT count(*) FROM dossier_opening').pluck().get()
      expect(after).to.equal(before)
    })

    it('approves with a reason, after which there is an offer', async () => {
      const worker = await referred()
      expect(refused(await worker.offer())).to.deep.equal([409, 'session_state'])
      const answer = await decide(worker.id, { outcome: 'approve', reason: 'seen in person' })
      expect(answer.body.review).to.include({ outcome: 'approve', reason: 'seen in person' })
      expect((await worker.offer()).status).to.equal(201)
    })

    it('rejects with a reason, and the worker is told that a person did', async () => {
      const worker = await referred()
      await decide(worker.id, { outcome: 'reject', reason: 'not the same person' })
      expect((await worker.view()).body.decision).to.deep.equal({
        outcome: 'reject',
        codes: ['rejected_by_person'],
      })
    })

    it('is decided once, with a reason, by a reviewer', async () => {
      const { id } = await referred()
      const approve = { outcome: 'approve', reason: 'seen in person' }
      expect(refused(await decide(id, { outcome: 'approve' }))[1]).to.equal('request_invalid')
      expect(refused(await decide(id, { ...approve, reason: '   ' }))[1]).to.equal(
        'request_invalid',
      )
      expect(refused(await decide(id, approve, issuer.operatorKey))[1]).to.equal('not_permitted')
      expect(refused(await decide(id, approve, 'x'))[1]).to.equal('not_authenticated')
      expect((await decide(id, approve)).status).to.equal(200)
      expect(refused(await decide(id, approve))).to.deep.equal([409, 'session_state'])
      expect(refused(await decide('nobody', approve))[1]).to.equal('session_not_found')
    })
  })

  it('keeps sessions apart: the token of one opens no other', async () => {
    const [one, other] = [await beginSession(issuer.url), await beginSession(issuer.url)]
    const headers = { authorization: `Bearer ${one.token}` }
    const answer = await send(`${issuer.url}/sessions/${other.id}`, { headers })
    expect(refused(answer)).to.deep.equal([404, 'session_not_found'])
    const without = await send(`${issuer.url}/sessions/${one.id}`)
    expect(refused(without)).to.deep.equal([401, 'not_authenticated'])
  })

  it('opens no more sessions than may be open', async () => {
    const replies: Reply[] = []
    for (let index = 0; index < 51; index++) {
      replies.push(await send(`${issuer.url}/sessions`, { method: 'POST' }))
    }
    expect(refused(replies.at(-1) as Reply)).to.deep.equal([503, 'busy'])
    expect(replies.at(-1)?.headers.get('retry-after')).to.equal('2')
    await issuer.store.forgetExpired(Math.floor(Date.now() / 1000) + 3600)
  })

  it('revokes with an operator’s key, once, and the next publication says so', async () => {
    const worker = await submittedSession(issuer.url)
    const wallet = testWallet(issuer.url)
    const url = `${issuer.url}/sessions/${worker.id}/revocation`
    const order = { reason_class: 'holder_request', note: 'asked by telephone' }
    expect(refused(await sendJson(url, order, issuer.operatorKey))[1]).to.equal(
      'credential_not_found',
    )
    await wallet.credential(await tokenFor(worker, wallet), newKeys(2))
    expect(refused(await sendJson(url, order, issuer.reviewerKey))[1]).to.equal('not_permitted')
    expect(refused(await sendJson(url, { reason_class: 'none' }, issuer.operatorKey))[1]).to.equal(
      'request_invalid',
    )
    const revoked = await sendJson(url, order, issuer.operatorKey)
    expect([revoked.status, revoked.body]).to.deep.equal([202, { revoked_copies: 2 }])
    expect(refused(await sendJson(url, order, issuer.operatorKey))).to.deep.equal([
      409,
      'status_final',
    ])
  })

  it('publishes an emergency at once', async () => {
    const worker = await submittedSession(issuer.url)
    const wallet = testWallet(issuer.url)
    await wallet.credential(await tokenFor(worker, wallet), newKeys(2))
    const published = () =>
      Number(issuer.db.prepare('SELECT count(*) FROM status_publication').pluck().get())
    const before = published()
    const order = { reason_class: 'key_or_wallet_compromise', emergency: true }
    const url = `${issuer.url}/sessions/${worker.id}/revocation`
    const answer = await sendJson(url, order, issuer.operatorKey)
    expect([answer.status, answer.body]).to.deep.equal([
      202,
      { revoked_copies: 2, published: true },
    ])
    expect(published()).to.be.above(before)
  })

  it('keeps the notice of a revocation back while somebody holds it, and counts from the request', async () => {
    const worker = await submittedSession(issuer.url)
    const wallet = testWallet(issuer.url)
    await wallet.credential(await tokenFor(worker, wallet), newKeys(1))
    const url = `${issuer.url}/sessions/${worker.id}/revocation`
    const requested_at = Math.floor(Date.now() / 1000) - 500
    const order = { reason_class: 'compliance', held_by: 'unit-7', requested_at, emergency: true }
    expect((await sendJson(url, order, issuer.operatorKey)).status).to.equal(202)
    const row = issuer.db
      .prepare(
        `SELECT e.requested_at, n.held_by FROM status_event AS e
         JOIN status_notice AS n ON n.event = e.id ORDER BY e.id DESC LIMIT 1`,
      )
      .get()
    expect(row).to.deep.equal({ requested_at, held_by: 'unit-7' })
    const { body } = await send(`${issuer.url}/status-notices`, {
      headers: { authorization: `Bearer ${issuer.operatorKey}` },
    })
    expect(JSON.stringify(body)).not.to.include('unit-7').and.not.include('compliance')
  })

  it('writes nothing about a person, no image and no token into log or database', async () => {
    const worker = await beginSession(issuer.url)
    await worker.upload('document', 'ok IMAGE-BYTES')
    await worker.upload('selfie', 'ok OTHER-BYTES')
    await worker.submit()
    const offer = await worker.offer()
    const stored = JSON.stringify(
      ['session', 'offer', 'artefact', 'issued_key', 'used_once'].map((table) =>
        issuer.db.prepare(`SELECT * FROM ${table}`).all(),
      ),
    )
    const { code } = { code: JSON.stringify(offer.body.credential_offer).match(/[\w-]{43}/)?.[0] }
    const secrets = [worker.token, code, offer.body.credential_offer_uri, issuer.reviewerKey]
    for (const secret of [...secrets, 'IMAGE-BYTES', 'OTHER-BYTES']) {
      expect(stored).to.not.contain(String(secret))
      expect(lines()).to.not.contain(String(secret))
    }
    expect(lines()).to.not.match(/MUSTERFRAU|LISTHIT|1990-02-28/)
    expect(lines()).to.not.contain(worker.id)
  })
})
