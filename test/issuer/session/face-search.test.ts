import { expect } from 'chai'
import { blockFace, type FaceBook, openFaceBook } from '../../../issuer/evidence/face/face-book.ts'
import { openFaceStoreFile } from '../../../issuer/evidence/face/face-store.sqlite.ts'
import type { FaceStore } from '../../../issuer/evidence/face/face-store.ts'
import { systemRandom } from '../../../shared/random.ts'
import { evidenceWith, fixturePipeline } from '../../support/evidence.ts'
import { openIssuer, type TestIssuer } from '../../support/issuer.ts'
import { beginSession, send, sendJson } from '../../support/issuer-client.ts'

const KEY = Buffer.alloc(32, 3)

describe('a search among the faces that an issuer keeps', function () {
  this.timeout(20_000)
  const pipeline = fixturePipeline()
  const faces: Record<string, Float32Array> = {}
  const faceOf = (word: string): Float32Array => {
    const numbers = new Float32Array(16)
    numbers[Object.keys(faces).length % 16] = 1
    faces[word] ??= numbers
    return faces[word]
  }
  // The word that a picture ends in says whose it is.
  const readSelfie = pipeline.readSelfie
  pipeline.readSelfie = async (upload) => {
    const word = Buffer.from(upload).toString().split(' ').at(-1) ?? ''
    return { ...(await readSelfie(upload)), face: new Map([['fixture-model', faceOf(word)]]) }
  }
  const model = pipeline.searchModel ?? { id: '', sha256: '' }
  let store: FaceStore
  let close: () => Promise<void>
  let book: FaceBook
  let issuer: TestIssuer

  before(async () => {
    ;({ store, close } = openFaceStoreFile(':memory:'))
    const settings = { store, key: KEY, seconds: 86_400, threshold: 0.6, random: systemRandom }
    book = openFaceBook(settings)
    await book.open(model)
    issuer = await openIssuer(pipeline, { faces: book })
  })
  after(async () => {
    await issuer.close()
    await close()
  })

  let pictures = 0
  const decided = async (word: string, name = `NAME${pictures}`) => {
    pictures += 1
    const { date_of_expiry } = pipeline.evidence.document.fields
    pipeline.evidence = evidenceWith({
      fields: { family_name: name, date_of_expiry: date_of_expiry?.value },
    })
    const worker = await beginSession(issuer.url)
    await worker.upload('document', `ok document ${pictures}`)
    await worker.upload('selfie', `ok selfie ${pictures} ${word}`)
    const { body } = await worker.submit()
    return { id: worker.id, body, view: async () => (await worker.view()).body }
  }
  const dossier = async (id: string) =>
    (
      await send(`${issuer.url}/reviews/${id}`, {
        headers: { authorization: `Bearer ${issuer.reviewerKey}` },
      })
    ).body
  const tidy = () =>
    book.tidy(async (id) => (await issuer.store.session(id))?.state, Math.floor(Date.now() / 1000))

  it('refers a face that comes back, names the other session to the reviewer and to nobody else', async () => {
    const first = await decided('ada')
    expect(first.body.state).to.equal('approved')
    expect((await decided('ben')).body.state).to.equal('approved')
    const second = await decided('ada')
    expect(second.body.decision).to.deep.equal({ outcome: 'refer', codes: ['person_reviews'] })
    expect(JSON.stringify([second.body, await second.view()])).to.not.match(
      new RegExp(`${first.id}|duplicate|blocklist|face_search`),
    )
    const seen = await dossier(second.id)
    expect(seen.decision.codes).to.deep.equal(['duplicate_suspected'])
    expect(seen.face_search).to.deep.equal({
      model,
      threshold: 0.6,
      compared: 2,
      hits: [{ list: 'seen', id: first.id, value: 1, sameData: false }],
      assurance: 'not_assured',
    })
  })

  it('says nothing of somebody who comes again under their own name', async () => {
    expect((await decided('eve', 'EVERLASTING')).body.state).to.equal('approved')
    expect((await decided('eve', 'EVERLASTING')).body.state).to.equal('approved')
    expect((await decided('eve', 'OTHERWISE')).body.state).to.equal('referred')
  })

  it('tells a worker of a rejection what it rests on, and of neither list', async () => {
    const blocked = { name: 'case-17', model, template: new Map([[model.id, faceOf('cid')]]) }
    await blockFace({ store, key: KEY, random: systemRandom }, blocked, 4_000_000_000)
    pipeline.evidence = evidenceWith({ fields: { date_of_expiry: '2020-01-01' } })
    const { id, body, view } = await decided('cid')
    pipeline.evidence = evidenceWith()
    expect((await dossier(id)).decision.codes).to.deep.equal([
      'document_expired',
      'face_on_blocklist',
    ])
    const told = { outcome: 'reject', codes: ['document_expired'] }
    expect([body.decision, (await view()).decision]).to.deep.equal([told, told])
  })

  it('never rejects for a face on the blocklist; a person does, with a reason', async () => {
    const { id, body, view } = await decided('cid')
    expect(body.decision).to.deep.equal({ outcome: 'refer', codes: ['person_reviews'] })
    const [hit] = (await dossier(id)).face_search.hits
    expect(hit).to.deep.equal({ list: 'blocklist', id: 'case-17', value: 1, sameData: false })
    const decision = { outcome: 'reject', reason: 'the same person as in case 17' }
    await sendJson(`${issuer.url}/reviews/${id}`, decision, issuer.reviewerKey)
    expect((await view()).decision.codes).to.deep.equal(['rejected_by_person'])
    await tidy()
    const { kept } = await store.changes(undefined)
    expect(kept.map((face) => face.id))
      .to.include('case-17')
      .and.not.include(id)
  })

  it('keeps nobody who was rejected, and issues to whom a person approved', async () => {
    pipeline.evidence = evidenceWith({ fields: { date_of_expiry: '2020-01-01' } })
    expect((await decided('dan')).body.state).to.equal('rejected')
    pipeline.evidence = evidenceWith()
    await tidy()
    expect((await decided('dan')).body.state).to.equal('approved')
    const again = await decided('dan')
    const decision = { outcome: 'approve', reason: 'lost the first wallet' }
    const answer = await sendJson(`${issuer.url}/reviews/${again.id}`, decision, issuer.reviewerKey)
    expect(answer.body.state).to.equal('approved')
  })

  it('searches nothing where it is not switched on', async () => {
    const without = await openIssuer(pipeline)
    const worker = await beginSession(without.url)
    await worker.upload('document', 'ok document off')
    await worker.upload('selfie', 'ok selfie ada')
    expect((await worker.submit()).body.state).to.equal('approved')
    await without.close()
  })
})
