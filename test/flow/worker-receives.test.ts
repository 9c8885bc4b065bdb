import { expect } from 'chai'
import { systemClock } from '../../shared/clock.ts'
import { fixturePipeline } from '../support/evidence.ts'
import { openIssuer, type TestIssuer } from '../support/issuer.ts'
import { sendJson, submittedSession } from '../support/issuer-client.ts'
import { postgresDatabase } from '../support/postgres.ts'
import { type TestWallet, testWallet } from '../support/wallet.ts'

const ENGINES = [
  ['SQLite', async () => ':memory:'],
  ['PostgreSQL', postgresDatabase],
] as const

for (const [engine, database] of ENGINES) {
  describe(`a worker receives a credential from our issuer on ${engine}`, () => {
    let issuer: TestIssuer
    let wallet: TestWallet
    before(async () => {
      issuer = await openIssuer(fixturePipeline(), { path: await database() })
    })
    after(() => issuer.close())
    beforeEach(async () => {
      wallet = testWallet({ now: systemClock(), fetch })
      await wallet.init({ trustList: issuer.trustList, trustSigner: issuer.trustListKey })
    })
    afterEach(() => wallet.dispose())

    it('after one mistyped transaction code, in two copies whose status is valid and then revoked', async () => {
      const session = await submittedSession(issuer.url)
      const { body } = await session.offer()
      const offer = body.credential_offer_uri as string
      const wrong = body.tx_code === '000000' ? '000001' : '000000'
      const mistyped = await wallet.run(['receive', offer, '--tx-code', wrong])
      expect(mistyped.status).to.equal(6)
      const received = await wallet.run(['receive', '--tx-code', body.tx_code])
      expect(received, received.err).to.include({ status: 0 })
      expect(received.out).to.match(/^received urn:carnet:identity:1 from .*, 2 copies\n/)

      await issuer.publish()
      expect((await wallet.run(['status'])).out.match(/: valid, /g)).to.have.lengthOf(2)
      const revoked = await sendJson(
        `${issuer.url}/sessions/${session.id}/revocation`,
        { reason_class: 'holder_request' },
        issuer.operatorKey,
      )
      expect(revoked.status, JSON.stringify(revoked.body)).to.equal(202)
      await issuer.publish()
      expect((await wallet.run(['status'])).out.match(/: revoked: /g)).to.have.lengthOf(2)
    })

    it('from an offer that holds it by value', async () => {
      const { body } = await (await submittedSession(issuer.url)).offer()
      const offer = JSON.stringify(body.credential_offer)
      const { status, err } = await wallet.run(['receive', offer, '--tx-code', body.tx_code])
      expect(status, err).to.equal(0)
    })

    it('and is told when the offer was used before', async () => {
      const { body } = await (await submittedSession(issuer.url)).offer()
      const argv = ['receive', JSON.stringify(body.credential_offer), '--tx-code', body.tx_code]
      await wallet.run(argv)
      const again = await wallet.run(argv)
      expect(again.status).to.equal(6)
      expect(again.err).to.match(/the offer was used or has expired/)
    })
  })
}
