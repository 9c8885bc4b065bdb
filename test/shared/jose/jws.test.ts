import { expect } from 'chai'
import { encodeBase64url } from '../../../shared/base64url.ts'
import { parsePublicJwk } from '../../../shared/jose/jwk.ts'
import { parseJwt, signJwt, verifyJwt, verifyJwtSignature } from '../../../shared/jose/jws.ts'
import { generateEd25519Key, generateEs256Key } from '../../../shared/key/signer.software.ts'
import { refuses } from '../../support/refusal.ts'

const NOW = 1_782_864_000
const { signer } = generateEs256Key()

const token = (payload = {}, header = {}) =>
  signJwt({ header: { typ: 'test+jwt', ...header }, payload, signer })
const verify = (jwt: string, options = {}) =>
  verifyJwt(jwt, { key: signer.publicJwk, typ: 'test+jwt', now: NOW, ...options })

describe('verifyJwt', () => {
  it('accepts what signJwt made, under ES256 and Ed25519', async () => {
    const { payload } = verify(await token({ iss: 'a', iat: NOW, exp: NOW + 1 }))
    expect(payload).to.deep.equal({ iss: 'a', iat: NOW, exp: NOW + 1 })
    const edwards = generateEd25519Key().signer
    const jwt = await signJwt({ header: { typ: 'test+jwt' }, payload: {}, signer: edwards })
    verify(jwt, { key: edwards.publicJwk })
  })

  it('verifies the published example (RFC 7515 Appendix A.3)', () => {
    const key = parsePublicJwk({
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    })
    const jwt =
      'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q'
    verifyJwtSignature(parseJwt(jwt), key)
  })

  it('verifies the published example (RFC 8037 Appendix A.4)', () => {
    const jwt =
      'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg'
    const [header = '', payload = '', signature = ''] = jwt.split('.')
    const parsed = {
      header: { alg: 'EdDSA' },
      payload: {},
      signingInput: `${header}.${payload}`,
      signature: Buffer.from(signature, 'base64url'),
    }
    const x = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'
    verifyJwtSignature(parsed, { kty: 'OKP', crv: 'Ed25519', x })
  })

  it('refuses another typ (RFC 8725 §3.11)', async () => {
    await refuses('type_mismatch', async () => verify(await token({}, { typ: 'JWT' })))
  })

  it('refuses an algorithm that is not the key’s own (RFC 8725 §3.1)', async () => {
    const jwt = await token()
    const [, payload, signature] = jwt.split('.')
    for (const alg of ['none', 'HS256', 'ES384', 'EdDSA', 'es256', '']) {
      const header = encodeBase64url(JSON.stringify({ typ: 'test+jwt', alg }))
      await refuses('algorithm_not_allowed', () => verify(`${header}.${payload}.${signature}`))
    }
  })

  it('refuses crit and b64, because no extension is understood (RFC 7515 §4.1.11, RFC 7797 §6)', async () => {
    await refuses('critical_header', async () => verify(await token({}, { crit: ['exp'] })))
    await refuses('critical_header', async () => verify(await token({}, { b64: true })))
  })

  it('refuses a repeated member in header and payload (RFC 7515 §4, RFC 7519 §4)', async () => {
    const [header, payload, signature] = (await token()).split('.')
    const twice = encodeBase64url('{"alg":"ES256","typ":"test+jwt","alg":"ES256"}')
    await refuses('malformed', () => verify(`${twice}.${payload}.${signature}`))
    await refuses('malformed', () =>
      verify(`${header}.${encodeBase64url('{"a":1,"a":1}')}.${signature}`),
    )
  })

  it('refuses padding, white space, other alphabets and unused bits (RFC 7515 §2)', async () => {
    const jwt = await token({ iss: 'a' })
    const flipped = `${jwt.slice(0, -1)}${jwt.endsWith('A') ? 'B' : String.fromCharCode(jwt.charCodeAt(jwt.length - 1) + 1)}`
    for (const bad of [`${jwt}=`, `${jwt}\n`, ` ${jwt}`, jwt.replace('.', '.\n'), flipped]) {
      await refuses('malformed', () => verify(bad))
    }
  })

  it('refuses what does not have three parts (RFC 7515 §7.1)', async () => {
    const jwt = await token()
    for (const bad of ['', '.', '..', jwt.slice(0, jwt.lastIndexOf('.')), `${jwt}.`, `.${jwt}`]) {
      await refuses('malformed', () => verify(bad))
    }
  })

  it('refuses a DER signature and one of another length (RFC 7518 §3.4)', async () => {
    const jwt = await token()
    const input = jwt.slice(0, jwt.lastIndexOf('.'))
    for (const length of [0, 63, 65, 70]) {
      const signature = encodeBase64url(Buffer.alloc(length, 1))
      await refuses('signature_invalid', () => verify(`${input}.${signature}`))
    }
    await refuses('signature_invalid', () =>
      verify(`${input}.${encodeBase64url(Buffer.alloc(64))}`),
    )
  })

  it('refuses from the second of exp on (RFC 7519 §4.1.4)', async () => {
    const jwt = await token({ exp: NOW })
    verify(jwt, { now: NOW - 1 })
    await refuses('expired', () => verify(jwt))
  })

  it('takes nbf and iat up to 10 seconds ahead and no further (FAPI 2.0 §5.3.2.1)', async () => {
    verify(await token({ nbf: NOW + 10, iat: NOW + 10 }))
    await refuses('not_yet_valid', async () => verify(await token({ nbf: NOW + 11 })))
    await refuses('not_yet_valid', async () => verify(await token({ iat: NOW + 11 })))
  })

  it('requires a recent iat where a greatest age is given', async () => {
    verify(await token({ iat: NOW - 60 }), { maxAge: 60 })
    await refuses('too_old', async () => verify(await token({ iat: NOW - 61 }), { maxAge: 60 }))
    await refuses('claim_invalid', async () => verify(await token({}), { maxAge: 60 }))
  })

  it('refuses a time claim that is not a number (RFC 7519 §2)', async () => {
    for (const name of ['exp', 'nbf', 'iat']) {
      await refuses('claim_invalid', async () => verify(await token({ [name]: String(NOW) })))
      await refuses('claim_invalid', async () => verify(await token({ [name]: null })))
    }
  })

  it('refuses a token longer, and JSON deeper, than it reads', async () => {
    await refuses('too_large', async () => verify('a'.repeat((1 << 20) + 1)))
    const deep = `{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`
    const [header, , signature] = (await token()).split('.')
    await refuses('malformed', () => verify(`${header}.${encodeBase64url(deep)}.${signature}`))
  })
})

describe('headers that are remembered', () => {
  it('are the same for the same text, cannot be changed, and are forgotten after a while', async () => {
    const jwt = await token({ iss: 'a' })
    const { header } = parseJwt(jwt)
    expect(Object.isFrozen(header)).to.equal(true)
    expect(parseJwt(jwt).header).to.deep.equal({ alg: 'ES256', typ: 'test+jwt' })
    for (let other = 0; other < 300; other++) {
      parseJwt(`${encodeBase64url(JSON.stringify({ alg: 'ES256', other }))}.e30.`)
    }
    verify(jwt)
    expect(parseJwt(jwt).header).to.not.equal(header)
  })

  it('are refused each time when they are wrong', async () => {
    const bad = `${encodeBase64url('{"alg":"ES256","crit":["x"]}')}.e30.`
    await refuses('critical_header', () => parseJwt(bad))
    await refuses('critical_header', () => parseJwt(bad))
  })
})
