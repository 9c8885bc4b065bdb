import { expect } from 'chai'
import { ProtocolError } from '../../../shared/error.ts'
import { sha256Base64url } from '../../../shared/hash.ts'
import { signJwt } from '../../../shared/jose/jws.ts'
import { jwkThumbprint } from '../../../shared/jose/thumbprint.ts'
import { generateEs256Key } from '../../../shared/key/signer.software.ts'
import { createDpopProof, verifyDpopProof } from '../../../shared/oauth/dpop.ts'
import { systemRandom } from '../../../shared/random.ts'

const now = 1_800_000_000
const url = 'https://issuer.example/credential'
const accessToken = 'access-token'
const { signer } = generateEs256Key()
const expected = {
  expectedMethod: 'POST',
  expectedUrl: url,
  accessToken,
  isNonce: (nonce: string) => nonce === 'n-1',
  now,
}
const own = { method: 'POST', url, nonce: 'n-1', accessToken, signer, random: systemRandom, now }

function codeOf(proof: string, changes: Partial<typeof expected> = {}): string {
  try {
    verifyDpopProof(proof, { ...expected, ...changes })
    return 'accepted'
  } catch (error) {
    if (error instanceof ProtocolError) return error.code
    throw error
  }
}

describe('verifyDpopProof', () => {
  const payload = {
    jti: 'j',
    htm: 'POST',
    htu: url,
    iat: now,
    nonce: 'n-1',
    ath: sha256Base64url(accessToken),
  }
  const signed = (claims: object, header: object = {}) =>
    signJwt({
      header: { typ: 'dpop+jwt', jwk: { ...signer.publicJwk }, ...header },
      payload: { ...payload, ...claims },
      signer,
    })

  it('accepts what createDpopProof makes and answers key and jti (RFC 9449 §4.3)', async () => {
    const proof = verifyDpopProof(await createDpopProof(own), expected)
    expect(proof.jkt).to.equal(jwkThumbprint(signer.publicJwk))
    expect(proof.jti).to.have.length.greaterThan(20)
  })

  it('leaves query and fragment out of htu (RFC 9449 §4.2)', async () => {
    expect(codeOf(await createDpopProof({ ...own, url: `${url}?a=1#b` }))).to.equal('accepted')
  })

  it('refuses another method, address or access token', async () => {
    const proof = await createDpopProof(own)
    expect(codeOf(proof, { expectedMethod: 'GET' })).to.equal('invalid_dpop_proof')
    expect(codeOf(proof, { expectedUrl: `${url}/` })).to.equal('invalid_dpop_proof')
    expect(codeOf(proof, { accessToken: 'another' })).to.equal('invalid_dpop_proof')
  })

  it('refuses a proof of another time, however fresh its nonce (FAPI 2.0 §5.3.2.1)', async () => {
    expect(codeOf(await signed({ iat: now + 10 }))).to.equal('accepted')
    expect(codeOf(await signed({ iat: now + 61 }))).to.equal('invalid_dpop_proof')
    expect(codeOf(await signed({ iat: now - 301 }))).to.equal('invalid_dpop_proof')
    expect(codeOf(await signed({ iat: '1800000000' }))).to.equal('invalid_dpop_proof')
  })

  it('asks for the nonce where it is missing or another (RFC 9449 §9)', async () => {
    expect(codeOf(await createDpopProof({ ...own, nonce: undefined }))).to.equal('use_dpop_nonce')
    expect(codeOf(await createDpopProof({ ...own, nonce: 'n-0' }))).to.equal('use_dpop_nonce')
  })

  it('refuses another type, a private key in the header, another signer, a missing jti', async () => {
    expect(codeOf(await signed({}, { typ: 'jwt' }))).to.equal('invalid_dpop_proof')
    expect(codeOf(await signed({}, { jwk: { ...signer.publicJwk, d: 'AA' } }))).to.equal(
      'invalid_dpop_proof',
    )
    const other = generateEs256Key().signer
    expect(codeOf(await signed({}, { jwk: { ...other.publicJwk } }))).to.equal('invalid_dpop_proof')
    expect(codeOf(await signed({ jti: '' }))).to.equal('invalid_dpop_proof')
    expect(codeOf('no proof')).to.equal('invalid_dpop_proof')
  })
})
