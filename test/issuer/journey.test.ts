import { expect } from 'chai'
import { systemClock } from '../../shared/clock.ts'
import { verifySdJwtVc } from '../../shared/sd-jwt/vc.ts'
import { fixturePipeline } from '../support/evidence.ts'
import { openIssuer, type TestIssuer } from '../support/issuer.ts'
import { codeOf, newKeys, send, submittedSession, testWallet } from '../support/issuer-client.ts'

describe('the issuer', () => {
  let issuer: TestIssuer
  const pipeline = fixturePipeline()
  before(async () => {
    issuer = await openIssuer(pipeline)
  })
  after(() => issuer.close())

  it('takes a worker from images to two copies in a wallet', async () => {
    const worker = await submittedSession(issuer.url)
    const view = await worker.view()
    expect(view.body).to.deep.include({
      state: 'approved',
      decision: { outcome: 'approve', codes: [] },
    })
    const offer = await worker.offer()
    expect(offer.status).to.equal(201)
    const { code, txCode } = codeOf(offer)
    const byReference = await send(offer.body.credential_offer_uri)
    expect(byReference.body).to.deep.equal(offer.body.credential_offer)
    const wallet = testWallet(issuer.url)
    const token = await wallet.redeem(code, txCode)
    expect(token.status, JSON.stringify(token.body)).to.equal(200)
    expect(token.body.token_type).to.equal('DPoP')
    const keys = newKeys(2)
    const answer = await wallet.credential(token.body.access_token, keys)
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200)
    expect(answer.body.credentials).to.have.length(2)
    for (const { credential } of answer.body.credentials) {
      const { claims } = verifySdJwtVc(credential, {
        anchors: issuer.anchors,
        now: systemClock(),
        expectedVcts: ['urn:carnet:identity:1'],
        keyBinding: 'not_required',
      })
      expect(claims).to.include({ family_name: 'MUSTERFRAU', birthdate: '1990-02-28' })
    }
  })
})
