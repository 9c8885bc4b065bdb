import { expect } from 'chai'
import {
  credentialOfferSchema,
  offerLink,
  PRE_AUTHORIZED_CODE_GRANT,
  parseOfferLink,
} from '../../../shared/oid4vci/offer.ts'

const offer = {
  credential_issuer: 'https://issuer.example',
  credential_configuration_ids: ['identity'],
  grants: { [PRE_AUTHORIZED_CODE_GRANT]: { 'pre-authorized_code': 'abc', tx_code: { length: 6 } } },
}

describe('parseOfferLink (OpenID4VCI 1.0 §4.1)', () => {
  it('reads an offer by reference from what offerLink makes, and the bare address', () => {
    const uri = 'https://issuer.example/offers/1?x=y'
    expect(parseOfferLink(offerLink(uri))).to.deep.equal({ by: 'reference', uri })
    expect(parseOfferLink(uri)).to.deep.equal({ by: 'reference', uri })
  })

  it('reads an offer by value under any scheme', () => {
    const text = `haip-vci://?credential_offer=${encodeURIComponent(JSON.stringify(offer))}`
    expect(parseOfferLink(text)).to.deep.equal({ by: 'value', offer })
  })

  it('refuses both parameters, one twice, broken JSON, and what is no link', () => {
    const uri = 'https%3A%2F%2Fa.example'
    for (const text of [
      `openid-credential-offer://?credential_offer=%7B%7D&credential_offer_uri=${uri}`,
      `openid-credential-offer://?credential_offer_uri=${uri}&credential_offer_uri=${uri}`,
      'openid-credential-offer://?credential_offer=%7B',
      'openid-credential-offer://?credential_offer_uri=nowhere',
      'openid-credential-offer://?other=1',
      'no link',
    ]) {
      expect(parseOfferLink(text), text).to.equal(undefined)
    }
  })
})

describe('credentialOfferSchema (OpenID4VCI 1.0 §4.1.1)', () => {
  const accepts = (changes: object) =>
    credentialOfferSchema.safeParse({ ...offer, ...changes }).success

  it('accepts the offer and ignores members that it does not know', () => {
    expect(accepts({ later: true })).to.equal(true)
  })

  it('refuses the same configuration twice, none, and an issuer that is no https URL', () => {
    expect(accepts({ credential_configuration_ids: ['a', 'a'] })).to.equal(false)
    expect(accepts({ credential_configuration_ids: [] })).to.equal(false)
    expect(accepts({ credential_issuer: 'http://issuer.example' })).to.equal(false)
    expect(accepts({ credential_issuer: 'https://issuer.example?a=b' })).to.equal(false)
    expect(accepts({ credential_issuer: 'https://user@issuer.example' })).to.equal(false)
    expect(accepts({ credential_issuer: 'http://127.0.0.1:4100' })).to.equal(true)
  })
})
