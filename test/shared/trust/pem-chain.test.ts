import { expect } from 'chai'
import { pemOfX5c, x5cOfPem } from '../../../shared/trust/pem-chain.ts'
import { testAuthority } from '../../support/pki.ts'
import { refuses } from '../../support/refusal.ts'

describe('x5cOfPem', () => {
  it('reads what pemOfX5c renders, in order (RFC 7468 §5)', async () => {
    const authority = await testAuthority('attestation')
    const { x5c } = await authority.leaf()
    const chain = [...x5c, ...(await authority.leaf()).x5c]
    expect(pemOfX5c(chain)).to.match(/^-----BEGIN CERTIFICATE-----\n[^\n]{64}\n/)
    expect(x5cOfPem(pemOfX5c(chain))).to.deep.equal(chain)
  })

  it('reads text around and between certificates, and Windows line ends', () => {
    const pem =
      'subject=CN\r\n-----BEGIN CERTIFICATE-----\r\nAAAA\r\nBBBB\r\n-----END CERTIFICATE-----\r\n'
    expect(x5cOfPem(pem)).to.deep.equal(['AAAABBBB'])
  })

  it('refuses a file without a certificate, such as a key', async () => {
    await refuses('malformed', () =>
      x5cOfPem('-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----'),
    )
    await refuses('malformed', () => x5cOfPem(''))
  })
})
