import { expect } from 'chai'
import { encryptJwe, generateEncryptionKey } from '../../../shared/jose/jwe.ts'
import {
  decryptResponse,
  encryptResponse,
  parseAcknowledgement,
  parseResponseForm,
} from '../../../shared/oid4vp/response.ts'
import { systemRandom } from '../../../shared/random.ts'
import { refuses } from '../../support/refusal.ts'

const { publicJwk: recipient, pkcs8 } = generateEncryptionKey()
const own = { pkcs8, expectedKid: recipient.kid }
const sealed = (payload: unknown, enc: 'A128GCM' | 'A256GCM' = 'A128GCM') =>
  encryptJwe(Buffer.from(JSON.stringify(payload)), { recipient, enc, random: systemRandom })

describe('encryptResponse', () => {
  for (const enc of ['A128GCM', 'A256GCM'] as const) {
    it(`makes what decryptResponse reads, with ${enc} (OpenID4VP 1.0 §8.3.1, HAIP 1.0 §5)`, async () => {
      const vpToken = { identity: ['a~b~c'] }
      const jwe = await encryptResponse(
        { vpToken, state: 's1' },
        { recipient, enc, random: systemRandom },
      )
      const header = JSON.parse(Buffer.from(jwe.split('.')[0] ?? '', 'base64url').toString())
      expect(header).to.include({ alg: 'ECDH-ES', enc, kid: recipient.kid })
      expect(await decryptResponse(jwe, own)).to.deep.equal({
        kind: 'presentation',
        vpToken,
        state: 's1',
      })
    })
  }
})

describe('decryptResponse', () => {
  it('reads an encrypted error (OpenID4VP 1.0 §8.3, §8.5)', async () => {
    expect(await decryptResponse(await sealed({ error: 'access_denied' }), own)).to.deep.equal({
      kind: 'error',
      error: 'access_denied',
      state: undefined,
    })
  })

  it('rejects what is encrypted to another key', async () => {
    const other = generateEncryptionKey()
    const jwe = await encryptJwe(Buffer.from('{}'), {
      recipient: other.publicJwk,
      enc: 'A128GCM',
      random: systemRandom,
    })
    await refuses('invalid_request', () => decryptResponse(jwe, own))
  })

  it('rejects a changed byte', async () => {
    const jwe = await sealed({ vp_token: { identity: ['x'] } })
    const parts = jwe.split('.')
    const text = Buffer.from(parts[3] ?? '', 'base64url')
    text.writeUInt8(text.readUInt8(0) ^ 1, 0)
    parts[3] = text.toString('base64url')
    await refuses('invalid_request', () => decryptResponse(parts.join('.'), own))
  })

  for (const [clause, payload] of [
    ['no vp_token', {}],
    ['an empty vp_token', { vp_token: {} }],
    ['a vp_token that is not an object (OpenID4VP 1.0 §8.1)', { vp_token: 'a~b' }],
    ['a presentation outside an array (OpenID4VP 1.0 §8.1)', { vp_token: { identity: 'a~b' } }],
    ['an empty array (OpenID4VP 1.0 §8.1)', { vp_token: { identity: [] } }],
    ['a presentation that is not text', { vp_token: { identity: [{ jwt: 'x' }] } }],
    ['a list', [1]],
  ] as const) {
    it(`rejects ${clause}`, async () => {
      await refuses('invalid_request', async () => decryptResponse(await sealed(payload), own))
    })
  }

  it('rejects a repeated member', async () => {
    const jwe = await encryptJwe(
      Buffer.from('{"vp_token":{"identity":["a"]},"vp_token":{"identity":["b"]}}'),
      { recipient, enc: 'A128GCM', random: systemRandom },
    )
    await refuses('invalid_request', () => decryptResponse(jwe, own))
  })
})

describe('parseResponseForm', () => {
  it('takes an encrypted response or an error in the clear (OpenID4VP 1.0 §8.3.1, §8.5)', () => {
    expect(parseResponseForm({ response: 'jwe' })).to.deep.equal({ kind: 'encrypted', jwe: 'jwe' })
    expect(parseResponseForm({ error: 'access_denied', state: 's', extra: '1' })).to.deep.equal({
      kind: 'error',
      error: 'access_denied',
      state: 's',
    })
  })

  for (const form of [
    {},
    { vp_token: '{"identity":["a"]}' },
    { response: '' },
    { response: 'jwe', error: 'access_denied' },
    { error: 'not "an" error' },
    { error: '' },
    'text',
    undefined,
  ]) {
    it(`rejects ${JSON.stringify(form)}`, async () => {
      await refuses('invalid_request', () => parseResponseForm(form))
    })
  }
})

describe('parseAcknowledgement', () => {
  it('tells where to send the user, if anywhere (OpenID4VP 1.0 §8.2)', () => {
    expect(parseAcknowledgement({})).to.deep.equal({ redirectUri: undefined })
    expect(parseAcknowledgement({ redirect_uri: 'https://driver.example/done' })).to.deep.equal({
      redirectUri: 'https://driver.example/done',
    })
  })

  it('rejects what is not a URL', async () => {
    await refuses('invalid_request', () => parseAcknowledgement({ redirect_uri: 'done' }))
    await refuses('invalid_request', () => parseAcknowledgement([]))
  })
})
