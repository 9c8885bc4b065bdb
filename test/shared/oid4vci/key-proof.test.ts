import { expect } from 'chai'
import { ProtocolError } from '../../../shared/error.ts'
import { signJwt } from '../../../shared/jose/jws.ts'
import { jwkThumbprint } from '../../../shared/jose/thumbprint.ts'
import { generateEs256Key } from '../../../shared/key/signer.software.ts'
import { createKeyProof, verifyKeyProof } from '../../../shared/oid4vci/key-proof.ts'

const now = 1_800_000_000
const issuer = 'https://issuer.example'
const { signer } = generateEs256Key()
const expected = {
  expectedIssuer: issuer,
  expectedClientId: 'wallet',
  isNonce: (nonce: string) => nonce === 'c-1',
  now,
}

function codeOf(proof: unknown): string {
  try {
    verifyKeyProof(proof, expected)
    return 'accepted'
  } catch (error) {
    if (error instanceof ProtocolError) return error.code
    throw error
  }
}

describe('verifyKeyProof (OpenID4VCI 1.0 Appendix F)', () => {
  const signed = (claims: object, header: object = {}) =>
    signJwt({
      header: { typ: 'openid4vci-proof+jwt', jwk: { ...signer.publicJwk }, ...header },
      payload: { aud: issuer, iat: now, nonce: 'c-1', ...claims },
      signer,
    })

  it('accepts what createKeyProof makes and answers the key', async () => {
    const proof = await createKeyProof({ issuer, nonce: 'c-1', signer, now })
    const key = verifyKeyProof(proof, expected)
    expect(key).to.deep.equal({
      jwk: signer.publicJwk,
      jkt: jwkThumbprint(signer.publicJwk),
      nonce: 'c-1',
    })
  })

  it('refuses another audience and another client', async () => {
    expect(codeOf(await signed({ aud: 'https://other.example' }))).to.equal('invalid_proof')
    expect(codeOf(await signed({ iss: 'wallet' }))).to.equal('accepted')
    expect(codeOf(await signed({ iss: 'another' }))).to.equal('invalid_proof')
  })

  it('refuses a proof of another time', async () => {
    expect(codeOf(await signed({ iat: now - 301 }))).to.equal('invalid_proof')
    expect(codeOf(await signed({ iat: now + 61 }))).to.equal('invalid_proof')
  })

  it('tells a missing nonce from a wrong one (§8.3.1.2)', async () => {
    expect(codeOf(await signed({ nonce: undefined }))).to.equal('invalid_proof')
    expect(codeOf(await signed({ nonce: 'c-0' }))).to.equal('invalid_nonce')
  })

  it('refuses more than one key reference, a private key, another type and another signer', async () => {
    expect(codeOf(await signed({}, { kid: 'did:jwk:x' }))).to.equal('invalid_proof')
    expect(codeOf(await signed({}, { x5c: ['AA'] }))).to.equal('invalid_proof')
    expect(codeOf(await signed({}, { typ: 'JWT' }))).to.equal('invalid_proof')
    const other = generateEs256Key().signer
    expect(codeOf(await signed({}, { jwk: { ...other.publicJwk } }))).to.equal('invalid_proof')
    expect(codeOf(await signed({}, { jwk: { ...signer.publicJwk, d: 'AA' } }))).to.equal(
      'invalid_proof',
    )
    expect(codeOf({ jwt: 'x' })).to.equal('invalid_proof')
  })
})
