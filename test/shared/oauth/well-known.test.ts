import { expect } from 'chai'
import { wellKnownUrl } from '../../../shared/oauth/well-known.ts'

describe('wellKnownUrl', () => {
  const url = (identifier: string) => wellKnownUrl(identifier, 'openid-credential-issuer')

  it('inserts between host and path and keeps a trailing slash (OpenID4VCI 1.0 §12.2.2)', () => {
    const inserted = 'https://a.example/.well-known/openid-credential-issuer'
    expect(url('https://a.example')).to.equal(inserted)
    expect(url('https://a.example/tenant')).to.equal(`${inserted}/tenant`)
    expect(url('https://a.example/tenant/')).to.equal(`${inserted}/tenant/`)
  })
})
