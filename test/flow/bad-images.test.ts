import { expect } from 'chai'
import sharp from 'sharp'
import { type DemoFaces, demoFaces } from '../../demo/specimen/faces.ts'
import { WORKER } from '../../demo/specimen/holders.ts'
import { drawPassport } from '../../demo/specimen/passport.ts'
import { openPipeline } from '../../issuer/evidence/pipeline.onnx.ts'
import type { EvidencePipeline } from '../../issuer/evidence/pipeline.ts'
import { openIssuer, type TestIssuer } from '../support/issuer.ts'
import {
  beginSession,
  newKeys,
  type Reply,
  testWallet,
  tokenFor,
} from '../support/issuer-client.ts'
import { pixelBomb } from '../support/pixel-bomb.ts'

/** Real images over HTTP, read by the real networks: what cannot be used is refused, and the session goes on. */
describe('a worker who sends one wrong image after another', () => {
  let pipeline: EvidencePipeline
  let issuer: TestIssuer
  let faces: DemoFaces
  before(async function () {
    this.timeout(180_000)
    pipeline = await openPipeline()
    faces = await demoFaces()
    issuer = await openIssuer(pipeline)
  })
  after(async () => {
    await issuer.close()
    await pipeline.close()
  })
  const refused = ({ status, body }: Reply) => [status, body.code]

  it('is told each time what to send instead, loses nothing, and gets the credential', async () => {
    const worker = await beginSession(issuer.url)
    const plain = await sharp({
      create: { width: 640, height: 480, channels: 3, background: '#7a8' },
    })
      .jpeg()
      .toBuffer()
    const text = Buffer.from('%PDF-1.7 this is no image')

    expect(refused(await worker.upload('document', text))).to.deep.equal([
      415,
      'image_not_supported',
    ])
    expect(refused(await worker.upload('document', pixelBomb(60_000, 60_000)))).to.deep.equal([
      422,
      'image_too_large',
    ])
    expect(refused(await worker.upload('document', faces.selfie))).to.deep.equal([
      422,
      'document_not_found',
    ])
    const page = await drawPassport({ holder: WORKER, portrait: faces.portrait, font: faces.font })
    const accepted = await worker.upload('document', page)
    expect(accepted.body).to.deep.equal({ uploaded: 'document', warnings: [], remedies: {} })

    // The same image once more is the same answer; as the other image it is refused.
    expect((await worker.upload('document', page)).body).to.deep.equal(accepted.body)
    expect(refused(await worker.upload('selfie', page))[1]).to.equal('already_uploaded')
    expect(refused(await worker.upload('selfie', plain))).to.deep.equal([422, 'face_not_found'])
    expect(refused(await worker.upload('selfie', faces.group))).to.deep.equal([
      422,
      'face_multiple',
    ])
    expect((await worker.upload('selfie', faces.selfie)).status).to.equal(200)

    const { body } = await worker.submit()
    expect(body.state, JSON.stringify(body)).to.equal('approved')
    const wallet = testWallet(issuer.url)
    const answer = await wallet.credential(await tokenFor(worker, wallet), newKeys(2))
    expect(answer.body.credentials).to.have.length(2)
  }).timeout(60_000)
})
