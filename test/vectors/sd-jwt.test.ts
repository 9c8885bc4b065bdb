import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { JsonObject } from '../../shared/json.ts'
import type { PublicJwk } from '../../shared/key/signer.ts'
import { parseSdJwtJson } from '../../shared/sd-jwt/json-serialization.ts'
import { parseSdJwt, type SdJwt } from '../../shared/sd-jwt/parse.ts'
import {
  type KeyBindingPolicy,
  parseIssuerJwt,
  verifyParsedSdJwt,
  verifySdJwt,
} from '../../shared/sd-jwt/verify.ts'
import { external } from '../support/external.ts'
import { ISSUER_KEY } from '../support/rfc9901.ts'

const ISSUED_AT = 1_683_000_000

function verify(sdJwt: SdJwt, { now, keyBinding }: { now: number; keyBinding: KeyBindingPolicy }) {
  const issuerKey = ISSUER_KEY
  return verifyParsedSdJwt(sdJwt, parseIssuerJwt(sdJwt), { issuerKey, now, keyBinding }).claims
}

/** Each case holds an issuance, a presentation, and what a verifier must end up with. */
for (const folder of [
  'vectors/rfc9901-sd-jwt/examples',
  'vectors/sd-jwt-python/testcases',
  'vectors/sd-jwt-python/examples',
  'vectors/sd-jwt-vc-draft/examples',
]) {
  describe(`published cases of ${folder}`, () => {
    it('verify to their verified contents', function () {
      const root = external(this, folder)
      const names = readdirSync(root, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name)
      expect(names.length).to.be.greaterThan(2)
      for (const name of names) {
        const read = (file: string) => readFileSync(join(root, name, file), 'utf8').trim()
        const isJson = existsSync(join(root, name, 'sd_jwt_presentation.json'))
        const parse = (stem: string): SdJwt => {
          if (!isJson) return parseSdJwt(read(`${stem}.txt`))
          const text = JSON.parse(read(`${stem}.json`)) as unknown
          return parseSdJwtJson(typeof text === 'string' ? text : JSON.stringify(text))
        }
        const bound = existsSync(join(root, name, 'kb_jwt_payload.json'))
        const { iat, nonce, aud } = (
          bound ? JSON.parse(read('kb_jwt_payload.json')) : { iat: ISSUED_AT }
        ) as { iat: number; nonce: string; aud: string }
        const keyBinding: KeyBindingPolicy = bound
          ? { expectedAudience: aud, expectedNonce: nonce, maxAgeSeconds: 60 }
          : 'not_required'
        // One holder key is a shortened RSA key, which is refused here as any key but P-256 is.
        const { cnf } = JSON.parse(read('sd_jwt_payload.json')) as {
          cnf?: { jwk: { kty: string } }
        }
        if (cnf?.jwk.kty === 'RSA') {
          const refused = () => verify(parse('sd_jwt_presentation'), { now: iat, keyBinding })
          expect(refused).to.throw('cnf.jwk is not a key')
          continue
        }
        const claims = verify(parse('sd_jwt_presentation'), { now: iat, keyBinding })
        expect(claims, name).to.deep.equal(JSON.parse(read('verified_contents.json')))
        const all = verify(parse('sd_jwt_issuance'), { now: ISSUED_AT, keyBinding: 'not_required' })
        const userClaims = JSON.parse(read('user_claims.json')) as JsonObject
        for (const claim of Object.keys(userClaims)) expect(all, name).to.have.property(claim)
      }
    })
  })
}

interface TextTokens {
  issuer_public_jwk: PublicJwk
  tokens: {
    section: string
    value: string
    issuer_signature_valid_with_example_key?: boolean
    kb_jwt_payload?: { nonce: string; aud: string; iat: number }
  }[]
}

for (const file of [
  'vectors/rfc9901-sd-jwt/tokens-from-text.json',
  'vectors/sd-jwt-vc-draft/tokens-from-text.json',
]) {
  it(`the tokens of ${file} verify`, function () {
    const { issuer_public_jwk: issuerKey, tokens } = JSON.parse(
      readFileSync(external(this, file), 'utf8'),
    ) as TextTokens
    let verified = 0
    for (const {
      value,
      section,
      issuer_signature_valid_with_example_key: valid,
      kb_jwt_payload: kb,
    } of tokens) {
      if (!valid || !value.includes('~')) continue
      const result = verifySdJwt(value, {
        issuerKey,
        now: kb?.iat ?? ISSUED_AT,
        keyBinding: kb
          ? { expectedAudience: kb.aud, expectedNonce: kb.nonce, maxAgeSeconds: 60 }
          : 'not_required',
      })
      expect(Object.keys(result.claims), section).to.not.include('_sd')
      verified++
    }
    expect(verified).to.be.greaterThan(2)
  })
}
