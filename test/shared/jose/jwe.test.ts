import { createPrivateKey } from 'node:crypto'
import { expect } from 'chai'
import fc from 'fast-check'
import { CompactEncrypt, compactDecrypt } from 'jose'
import { decodeBase64url, encodeBase64url } from '../../../shared/base64url.ts'
import { decryptJwe, encryptJwe, generateEncryptionKey } from '../../../shared/jose/jwe.ts'
import { systemRandom } from '../../../shared/random.ts'
import { refuses } from '../../support/refusal.ts'

const { publicJwk, pkcs8 } = generateEncryptionKey()
const random = systemRandom
const both = ['A128GCM', 'A256GCM'] as const
const text = Buffer.from('{"vp_token":{}}')
const encrypt = (options: object = {}) =>
  encryptJwe(text, { recipient: publicJwk, enc: 'A256GCM', random, ...options })
const decrypt = (jwe: string, options: object = {}) =>
  decryptJwe(jwe, { pkcs8, expectedKid: publicJwk.kid, allowedEnc: both, ...options })

/** The JWE with another header, which is also the additional authenticated data. */
async function withHeader(change: object): Promise<string> {
  const [header = '', ...rest] = (await encrypt()).split('.')
  const parsed = JSON.parse(decodeBase64url(header)?.toString() as string)
  return [encodeBase64url(JSON.stringify({ ...parsed, ...change })), ...rest].join('.')
}

describe('encryptJwe and decryptJwe', () => {
  it('carry any bytes under both algorithms, with the kid echoed (OpenID4VP 1.0 §8.3)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), fc.constantFrom(...both), async (plaintext, enc) => {
        const jwe = await encryptJwe(plaintext, { recipient: publicJwk, enc, random })
        const { plaintext: read, header } = await decrypt(jwe)
        expect([...read]).to.deep.equal([...plaintext])
        expect(header).to.include({ alg: 'ECDH-ES', enc, kid: publicJwk.kid })
      }),
      { numRuns: 20 },
    )
  })

  it('agree with jose in both directions, with party information (RFC 7518 §4.6)', async () => {
    for (const enc of both) {
      const apu = Buffer.from('Alice')
      const apv = Buffer.from('Bob')
      const ours = await encryptJwe(text, { recipient: publicJwk, enc, apu, apv, random })
      const { plaintext, protectedHeader } = await compactDecrypt(ours, createPrivateKey(pkcs8))
      expect(Buffer.from(plaintext).equals(text)).to.equal(true)
      expect(protectedHeader.apu).to.equal('QWxpY2U')
      const theirs = await new CompactEncrypt(text)
        .setProtectedHeader({ alg: 'ECDH-ES', enc, kid: publicJwk.kid })
        .setKeyManagementParameters({ apu, apv })
        .encrypt({ ...publicJwk })
      expect((await decrypt(theirs)).plaintext.equals(text)).to.equal(true)
    }
  })

  it('decrypt the published response (OpenID4VP 1.0 §8.3)', async () => {
    const jwk = {
      kty: 'EC',
      crv: 'P-256',
      x: 'YO4epjifD-KWeq1sL2tNmm36BhXnkJ0He-WqMYrp9Fk',
      y: 'Hekpm0zfK7C-YccH5iBjcIXgf6YdUvNUac_0At55Okk',
      d: 'Et-3ce0omz8_TuZ96Df9lp0GAaaDoUnDe6X-CRO7Aww',
    }
    const published = createPrivateKey({ key: jwk, format: 'jwk' }).export({
      format: 'pem',
      type: 'pkcs8',
    })
    const jwe =
      'eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTEyOEdDTSIsImtpZCI6ImFjIiwiZXBrIjp7Imt0eSI6IkVDIiwieCI6Im5ubVZwbTNWM2piaGNhZlFhUkJrU1ZOSGx3Wkh3dC05ck9wSnVmeVlJdWsiLCJ5IjoicjRmakRxd0p5czlxVU9QLV9iM21SNVNaRy0tQ3dPMm1pYzVWU05UWU45ZyIsImNydiI6IlAtMjU2In19..uAYcHRUSSn2X0WPX.yVzlGSYG4qbg0bq18JcUiDRw56yVnbKR8E7S7YlEtzT00RqE3Pw5oTpUG3hdLN4taHZ9gC1kwak8JOnJgQ.1wR024_3-qtAlx1oFIUpQQ'
    const { plaintext } = await decrypt(jwe, { pkcs8: published, expectedKid: 'ac' })
    expect(JSON.parse(plaintext.toString())).to.deep.equal({
      vp_token: { example_credential_id: ['eyJhb...YMetA'] },
    })
  })

  it('refuse a content encryption that is not allowed (HAIP 1.0 §5)', async () => {
    const jwe = await encrypt({ enc: 'A128GCM' })
    await refuses('algorithm_not_allowed', () => decrypt(jwe, { allowedEnc: ['A256GCM'] }))
  })

  it('refuse another key management, zip and crit (RFC 7516 §4.1)', async () => {
    await refuses('algorithm_not_allowed', async () =>
      decrypt(await withHeader({ alg: 'ECDH-ES+A128KW' })),
    )
    await refuses('algorithm_not_allowed', async () => decrypt(await withHeader({ alg: 'dir' })))
    await refuses('algorithm_not_allowed', async () =>
      decrypt(await withHeader({ enc: 'A128CBC-HS256' })),
    )
    await refuses('critical_header', async () => decrypt(await withHeader({ zip: 'DEF' })))
    await refuses('critical_header', async () => decrypt(await withHeader({ crit: ['x'] })))
  })

  it('refuse another kid than the expected one (OpenID4VP 1.0 §8.3)', async () => {
    await refuses('key_invalid', async () => decrypt(await encrypt(), { expectedKid: 'other' }))
    await refuses('key_invalid', async () => decrypt(await withHeader({ kid: undefined })))
  })

  it('refuse an ephemeral key off the curve or with a private member (RFC 7518 §4.6.1.1)', async () => {
    const { kty, crv, x, y } = publicJwk
    await refuses('key_invalid', async () =>
      decrypt(await withHeader({ epk: { kty, crv, x: y, y: x } })),
    )
    await refuses('key_invalid', async () =>
      decrypt(await withHeader({ epk: { kty, crv, x, y, d: x } })),
    )
    await refuses('key_invalid', async () => decrypt(await withHeader({ epk: undefined })))
  })

  it('refuse a changed header, iv, ciphertext or tag (RFC 7516 §5.2)', async () => {
    await refuses('decryption_failed', async () => decrypt(await withHeader({ more: 1 })))
    const parts = (await encrypt()).split('.')
    for (const index of [2, 3, 4]) {
      const bytes = decodeBase64url(parts[index] as string) as Buffer
      bytes[0] = (bytes[0] as number) ^ 1
      const changed = parts.with(index, encodeBase64url(bytes))
      await refuses('decryption_failed', () => decrypt(changed.join('.')))
    }
  })

  it('refuse a short iv or tag, an encrypted key, and other than five parts (RFC 7516 §5.2)', async () => {
    const parts = (await encrypt()).split('.')
    const short = encodeBase64url((decodeBase64url(parts[4] as string) as Buffer).subarray(0, 12))
    await refuses('malformed', () => decrypt(parts.with(4, short).join('.')))
    await refuses('malformed', () => decrypt(parts.with(2, 'AAAA').join('.')))
    await refuses('malformed', () => decrypt(parts.with(1, 'AAAA').join('.')))
    await refuses('malformed', () => decrypt(parts.with(4, `${parts[4]}=`).join('.')))
    await refuses('malformed', () => decrypt(parts.with(0, encodeBase64url('[]')).join('.')))
    await refuses('malformed', () =>
      decrypt(parts.with(0, encodeBase64url('{"a":1,"a":1}')).join('.')),
    )
    await refuses('malformed', () => decrypt(parts.slice(0, 4).join('.')))
    await refuses('malformed', () => decrypt([...parts, ''].join('.')))
    await refuses('malformed', async () => decrypt(await withHeader({ apu: 'a=' })))
    await refuses('too_large', () => decrypt('a'.repeat((8 << 20) + 1)))
  })
})
