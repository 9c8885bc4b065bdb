import { expect } from 'chai'
import { systemClock } from '../../../shared/clock.ts'
import { fixturePipeline } from '../../support/evidence.ts'
import { openIssuer, type TestIssuer } from '../../support/issuer.ts'
import { codeOf, newKeys, submittedSession, testWallet } from '../../support/issuer-client.ts'

describe('a pre-authorized code that is used again', () => {
  let issuer: TestIssuer
  let passed = 0
  before(async () => {
    issuer = await openIssuer(fixturePipeline(), { clock: () => systemClock() + passed })
  })
  after(() => issuer.close())
  beforeEach(() => {
    passed = 0
  })

  const redeemed = async () => {
    const { code, txCode } = codeOf(await (await submittedSession(issuer.url)).offer())
    const wallet = testWallet(issuer.url)
    const { body } = await wallet.redeem(code, txCode)
    const again = (tx = txCode) => wallet.redeem(code, tx)
    return { wallet, token: body.access_token as string, again }
  }

  it('at once, by a double click, leaves the first token usable', async () => {
    const { wallet, token, again } = await redeemed()
    passed = 9
    expect((await again()).body.error).to.equal('invalid_grant')
    expect((await wallet.credential(token, newKeys(1))).status).to.equal(200)
  })

  it('later, without its transaction code, takes nothing back', async () => {
    const { wallet, token, again } = await redeemed()
    passed = 11
    expect((await again('000000')).body.error).to.equal('invalid_grant')
    expect((await wallet.credential(token, newKeys(1))).status).to.equal(200)
  })

  it('later, takes back the token that it gave (RFC 6749 §4.1.2)', async () => {
    const { wallet, token, again } = await redeemed()
    passed = 11
    expect((await again()).body.error).to.equal('invalid_grant')
    const answer = await wallet.credential(token, newKeys(1))
    expect([answer.status, answer.body.error]).to.deep.equal([401, 'invalid_token'])
  })
})
