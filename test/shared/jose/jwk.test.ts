import { generateKeyPairSync } from 'node:crypto'
import { p256 } from '@noble/curves/nist.js'
import { expect } from 'chai'
import fc from 'fast-check'
import { calculateJwkThumbprint } from 'jose'
import { parsePublicJwk } from '../../../shared/jose/jwk.ts'
import { parseJwt, signJwt, verifyJwtSignature } from '../../../shared/jose/jws.ts'
import { jwkThumbprint } from '../../../shared/jose/thumbprint.ts'
import { generateEs256Key } from '../../../shared/key/signer.software.ts'
import { refuses } from '../../support/refusal.ts'
import { HOLDER_KEY } from '../../support/rfc9901.ts'

describe('parsePublicJwk', () => {
  it('keeps the four members of a P-256 key and drops other public ones (RFC 7518 §6.2.1)', () => {
    expect(parsePublicJwk({ ...HOLDER_KEY, kid: 'x', use: 'sig', alg: 'ES256' })).to.deep.equal(
      HOLDER_KEY,
    )
  })

  it('refuses a private or symmetric member (RFC 7518 §6.2.2, §6.4.1)', async () => {
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']) {
      await refuses('key_invalid', () => parsePublicJwk({ ...HOLDER_KEY, [member]: 'AA' }))
    }
  })

  it('refuses other key types and curves', async () => {
    await refuses('key_invalid', () => parsePublicJwk({ ...HOLDER_KEY, kty: 'OKP' }))
    await refuses('key_invalid', () => parsePublicJwk({ ...HOLDER_KEY, crv: 'P-384' }))
    await refuses('key_invalid', () => parsePublicJwk({ kty: 'oct', k: 'AA' }))
    // keys that node:crypto takes, with coordinates of the right form
    const { y } = HOLDER_KEY
    const edwards = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
    await refuses('key_invalid', () => parsePublicJwk({ ...edwards, y }))
    const bitcoin = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey
    await refuses('key_invalid', () => parsePublicJwk(bitcoin.export({ format: 'jwk' })))
    for (const value of [undefined, null, 'x', [], {}]) {
      await refuses('key_invalid', () => parsePublicJwk(value))
    }
  })

  it('refuses coordinates that are not 32 bytes in canonical base64url (RFC 7518 §6.2.1.2)', async () => {
    const { x } = HOLDER_KEY
    for (const bad of [
      x.slice(1),
      `${x}A`,
      `${x}=`,
      x.replace('c', '+'),
      `${x.slice(0, -1)}d`,
      1,
      '',
    ]) {
      await refuses('key_invalid', () => parsePublicJwk({ ...HOLDER_KEY, x: bad }))
    }
  })

  it('refuses a point that is not on the curve (SEC 1 §3.2.2.1)', async () => {
    const { x, y } = HOLDER_KEY
    await refuses('key_invalid', () => parsePublicJwk({ ...HOLDER_KEY, x: y, y: x }))
    const zero = 'A'.repeat(43)
    await refuses('key_invalid', () => parsePublicJwk({ ...HOLDER_KEY, x: zero, y: zero }))
  })

  it('takes exactly the points that @noble/curves takes', () => {
    const { signer } = generateEs256Key()
    const coordinates = fc.uint8Array({ minLength: 32, maxLength: 32 })
    fc.assert(
      fc.property(coordinates, fc.boolean(), (bytes, real) => {
        const x = real ? signer.publicJwk.x : Buffer.from(bytes).toString('base64url')
        const { y } = signer.publicJwk
        const point = Buffer.concat([
          Buffer.from([4]),
          Buffer.from(x, 'base64url'),
          Buffer.from(y, 'base64url'),
        ])
        let onCurve = true
        try {
          p256.Point.fromBytes(point).assertValidity()
        } catch {
          onCurve = false
        }
        let taken = true
        try {
          parsePublicJwk({ kty: 'EC', crv: 'P-256', x, y })
        } catch {
          taken = false
        }
        expect(taken).to.equal(onCurve)
      }),
      { numRuns: 30 },
    )
  })
})

describe('jwkThumbprint', () => {
  it('is the published one for Ed25519 (RFC 8037 Appendix A.3)', () => {
    const x = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'
    expect(jwkThumbprint({ kty: 'OKP', crv: 'Ed25519', x })).to.equal(
      'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
    )
  })

  it('is the published one for P-256 (RFC 9449 §6.1)', () => {
    expect(
      jwkThumbprint({
        kty: 'EC',
        crv: 'P-256',
        x: 'l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs',
        y: '9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA',
      }),
    ).to.equal('0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I')
  })

  it('is the one that jose calculates (RFC 7638 §3)', async () => {
    const { signer } = generateEs256Key()
    expect(jwkThumbprint(signer.publicJwk)).to.equal(
      await calculateJwkThumbprint({ ...signer.publicJwk }, 'sha256'),
    )
  })
})

describe('an ES256 signature', () => {
  it('of ours verifies under @noble/curves, and one of its verifies here', async () => {
    const { signer } = generateEs256Key()
    const jwt = parseJwt(await signJwt({ header: {}, payload: { a: 1 }, signer }))
    const { x, y } = signer.publicJwk
    const point = Buffer.concat([
      Buffer.from([4]),
      Buffer.from(x, 'base64url'),
      Buffer.from(y, 'base64url'),
    ])
    const message = Buffer.from(jwt.signingInput)
    expect(p256.verify(jwt.signature, message, point, { lowS: false })).to.equal(true)

    const { secretKey, publicKey } = p256.keygen()
    const uncompressed = Buffer.from(p256.Point.fromBytes(publicKey).toBytes(false))
    const theirs = parsePublicJwk({
      kty: 'EC',
      crv: 'P-256',
      x: uncompressed.subarray(1, 33).toString('base64url'),
      y: uncompressed.subarray(33).toString('base64url'),
    })
    verifyJwtSignature({ ...jwt, signature: Buffer.from(p256.sign(message, secretKey)) }, theirs)
  })
})
