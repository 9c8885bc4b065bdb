import { p256 } from '@noble/curves/nist.js'
import { expect } from 'chai'
import { parsePublicJwk } from '../../shared/jose/jwk.ts'
import { parseJwt, signJwt, verifyJwtSignature, verifySignature } from '../../shared/jose/jws.ts'
import type { Es256Signer } from '../../shared/key/signer.ts'

/** What every ES256 signer promises, whichever way it keeps its key. RFC 7518 §3.4. */
export function signerContract(open: () => Promise<Es256Signer>): void {
  let signer: Es256Signer
  before(async () => {
    signer = await open()
  })

  it('has a P-256 public key and its algorithm', () => {
    expect(signer.alg).to.equal('ES256')
    expect(parsePublicJwk(signer.publicJwk)).to.deep.equal(signer.publicJwk)
  })

  it('signs 64 raw bytes that node:crypto and @noble/curves take', async () => {
    const { x, y } = signer.publicJwk
    const point = Buffer.concat([
      Buffer.from([4]),
      Buffer.from(x, 'base64url'),
      Buffer.from(y, 'base64url'),
    ])
    for (const text of ['', 'hello', 'x'.repeat(100_000)]) {
      const data = Buffer.from(text)
      const signature = await signer.sign(data)
      expect(signature).to.have.length(64)
      expect(verifySignature(signer.publicJwk, data, signature)).to.equal(true)
      expect(p256.verify(signature, data, point, { lowS: false })).to.equal(true)
      expect(verifySignature(signer.publicJwk, Buffer.from(`${text}.`), signature)).to.equal(false)
    }
  })

  it('signs many things at once, each its own', async () => {
    const texts = Array.from({ length: 40 }, (_, index) => Buffer.from(`text ${index}`))
    const signatures = await Promise.all(texts.map((text) => signer.sign(text)))
    texts.forEach((text, index) => {
      expect(verifySignature(signer.publicJwk, text, signatures[index] as Uint8Array)).to.equal(
        true,
      )
    })
  })

  it('signs a JWT', async () => {
    const jwt = parseJwt(await signJwt({ header: { typ: 'test' }, payload: { a: 1 }, signer }))
    verifyJwtSignature(jwt, signer.publicJwk)
  })
}
