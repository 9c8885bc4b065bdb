import { expect } from 'chai'
import { encodeBase64url } from '../../../shared/base64url.ts'
import { sha256Base64url } from '../../../shared/hash.ts'
import { signJwt } from '../../../shared/jose/jws.ts'
import type { Json, JsonObject } from '../../../shared/json.ts'
import { generateEs256Key } from '../../../shared/key/signer.software.ts'
import { parseSdJwt } from '../../../shared/sd-jwt/parse.ts'
import { verifySdJwt } from '../../../shared/sd-jwt/verify.ts'
import { refuses } from '../../support/refusal.ts'
import {
  HOLDER_KEY,
  ISSUANCE,
  ISSUER_KEY,
  PID_PRESENTATION,
  PRESENTATION,
  RECURSIVE,
  STRUCTURED,
} from '../../support/rfc9901.ts'

const NOW = 1_782_864_000
const issuer = generateEs256Key().signer
const holder = generateEs256Key().signer
const keyBinding = { expectedAudience: 'verifier', expectedNonce: 'n-1', maxAgeSeconds: 300 }

/** A disclosure as any issuer could write it, and its digest. */
function disclosure(...array: Json[]): { text: string; digest: string } {
  const text = encodeBase64url(JSON.stringify(array))
  return { text, digest: sha256Base64url(text) }
}

/** Signs any payload, right or wrong, and appends any disclosures. */
async function forge(
  payload: JsonObject,
  disclosures: readonly { text: string }[] = [],
  header: JsonObject = {},
) {
  const jwt = await signJwt({
    header: { typ: 'example+sd-jwt', ...header },
    payload,
    signer: issuer,
  })
  return [jwt, ...disclosures.map(({ text }) => text), ''].join('~')
}

const verify = (compact: string, overrides: object = {}) =>
  verifySdJwt(compact, {
    issuerKey: issuer.publicJwk,
    now: NOW,
    keyBinding: 'not_required',
    ...overrides,
  })

describe('verifySdJwt', () => {
  describe('RFC 9901 published presentations', () => {
    const at = 1_748_536_865
    const published = {
      issuerKey: ISSUER_KEY,
      now: at,
      keyBinding: {
        expectedAudience: 'https://verifier.example.org',
        expectedNonce: '1234567890',
        maxAgeSeconds: 60,
      },
    }

    it('accepts the presentation with key binding (RFC 9901 §5.2)', () => {
      const { claims, holderKey, disclosedPaths } = verify(PRESENTATION, published)
      expect(holderKey).to.deep.equal(HOLDER_KEY)
      expect(claims.family_name).to.equal('Doe')
      expect(claims.given_name).to.equal('John')
      expect(claims.nationalities).to.deep.equal(['US'])
      expect(claims.address).to.deep.equal({
        street_address: '123 Main St',
        locality: 'Anytown',
        region: 'Anystate',
        country: 'US',
      })
      expect(claims).to.not.have.any.keys('_sd', '_sd_alg', 'email', 'birthdate')
      expect(disclosedPaths).to.have.deep.members([
        ['family_name'],
        ['address'],
        ['given_name'],
        ['nationalities', 0],
      ])
    })

    it('accepts an issuance, structured, recursive and PID examples (RFC 9901 §5.1, Appendix A.1 to A.3)', () => {
      const without = { ...published, keyBinding: 'not_required' }
      expect(verify(ISSUANCE, without).claims.nationalities).to.deep.equal(['US', 'DE'])
      expect(verify(STRUCTURED, without).claims.address).to.deep.equal({
        region: '港区',
        country: 'JP',
      })
      const recursive = verify(RECURSIVE, without).claims.verified_claims as JsonObject
      expect(recursive.claims).to.deep.include({ given_name: 'Max', family_name: 'Müller' })
      expect((recursive.verification as JsonObject).evidence).to.deep.equal([{ method: 'pipp' }])
      const pid = verify(PID_PRESENTATION, published)
      expect(pid.claims.age_equal_or_over).to.deep.equal({ 18: true })
    })

    it('refuses the presentation for another verifier, nonce or moment', async () => {
      const other = (binding: object) => () =>
        verify(PRESENTATION, { ...published, keyBinding: { ...published.keyBinding, ...binding } })
      await refuses('key_binding_invalid', other({ expectedAudience: 'https://other.example' }))
      await refuses('key_binding_invalid', other({ expectedNonce: '1234567891' }))
      await refuses('key_binding_invalid', () =>
        verify(PRESENTATION, { ...published, now: at + 61 }),
      )
      await refuses('key_binding_invalid', () =>
        verify(PRESENTATION, { ...published, now: at - 11 }),
      )
    })

    it('refuses the presentation with any one character changed', () => {
      const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
      for (let index = 0; index < PRESENTATION.length; index += 7) {
        const character = PRESENTATION[index] as string
        const changed = character === '~' ? '.' : alphabet[(alphabet.indexOf(character) + 1) % 64]
        const text = PRESENTATION.slice(0, index) + changed + PRESENTATION.slice(index + 1)
        let accepted = true
        try {
          verify(text, published)
        } catch {
          accepted = false
        }
        expect(accepted, `character ${index}`).to.equal(false)
      }
    })
  })

  const name = disclosure('salt-1', 'given_name', 'Erika')
  const element = disclosure('salt-2', 'DE')
  const good: JsonObject = { iss: 'issuer', exp: NOW + 60, _sd: [name.digest], _sd_alg: 'sha-256' }

  it('separates the parts at tildes, the last one required (RFC 9901 §4, §7.1 step 1)', async () => {
    const compact = await forge(good, [name])
    expect(verify(compact).claims).to.deep.equal({
      iss: 'issuer',
      exp: NOW + 60,
      given_name: 'Erika',
    })
    await refuses('malformed', () => verify(compact.split('~')[0] as string))
    await refuses('malformed', () => verify(`~${compact}`))
    await refuses('malformed', () => verify(compact.replace('~', '~~')))
    await refuses('malformed', () => verify(''))
    await refuses('malformed', () => verify('~'))
  })

  it('accepts a header typ of any application and refuses an alg that is not the key’s (§7.1 step 2 a)', async () => {
    verify(await forge(good, [name], { typ: 'anything' }))
    const [jwt = '', ...rest] = (await forge(good, [name])).split('~')
    for (const alg of ['none', 'HS256', 'RS256']) {
      const parts = jwt.split('.')
      parts[0] = encodeBase64url(JSON.stringify({ alg }))
      await refuses('signature_invalid', () => verify([parts.join('.'), ...rest].join('~')))
    }
  })

  it('verifies the issuer’s signature (§7.1 step 2 b)', async () => {
    const compact = await forge(good, [name])
    await refuses('signature_invalid', () => verify(compact, { issuerKey: holder.publicJwk }))
  })

  it('refuses crit, which nobody here understands (RFC 7515 §4.1.11)', async () => {
    await refuses('malformed', async () => verify(await forge(good, [name], { crit: ['x'] })))
  })

  it('understands sha-256, and only that (§7.1 step 2 d)', async () => {
    const { _sd_alg: _dropped, ...implied } = good
    verify(await forge(implied, [name])) // §4.1.1: "a default value of sha-256"
    for (const algorithm of ['sha-512', 'md5', 'SHA-256', null, '']) {
      await refuses('hash_algorithm', async () =>
        verify(await forge({ ...good, _sd_alg: algorithm }, [name])),
      )
    }
  })

  it('ignores a digest without disclosure, in objects and arrays (§7.1 step 3 c 1, d)', async () => {
    const payload = {
      _sd: [name.digest, sha256Base64url('decoy')],
      list: ['a', { '...': element.digest }],
    }
    expect(verify(await forge(payload)).claims).to.deep.equal({ list: ['a'] })
    expect(verify(await forge(payload, [element])).claims).to.deep.equal({ list: ['a', 'DE'] })
  })

  it('refuses a disclosure that is not canonical base64url over JSON (§7.1 step 3 a)', async () => {
    for (const text of [
      'WyJh',
      `${name.text}=`,
      'a+b/',
      encodeBase64url('{"a":1}'),
      encodeBase64url('"a"'),
    ]) {
      const bad = { text, digest: sha256Base64url(text) }
      await refuses('disclosure_invalid', async () =>
        verify(await forge({ _sd: [bad.digest] }, [bad])),
      )
    }
  })

  it('refuses a property disclosure that does not have three elements (§7.1 step 3 c 2 i)', async () => {
    for (const bad of [
      element,
      disclosure('salt'),
      disclosure('salt', 'name', 'value', 'more'),
      disclosure('salt', 1, 'value'),
      disclosure(1, 'name', 'value'),
      disclosure(),
    ]) {
      await refuses('disclosure_invalid', async () =>
        verify(await forge({ _sd: [bad.digest] }, [bad])),
      )
    }
  })

  it('refuses a property disclosure named _sd or ... (§7.1 step 3 c 2 ii)', async () => {
    for (const reserved of ['_sd', '...', '_sd_alg', '__proto__']) {
      const bad = disclosure('salt', reserved, ['x'])
      await refuses('claim_name_not_allowed', async () =>
        verify(await forge({ _sd: [bad.digest] }, [bad])),
      )
    }
  })

  it('refuses a disclosed claim that exists at its level already (§7.1 step 3 c 2 iii)', async () => {
    const issuerAgain = disclosure('salt', 'iss', 'evil')
    await refuses('claim_exists', async () =>
      verify(await forge({ iss: 'issuer', _sd: [issuerAgain.digest] }, [issuerAgain])),
    )
    const again = disclosure('salt-9', 'given_name', 'Max')
    await refuses('claim_exists', async () =>
      verify(await forge({ _sd: [name.digest, again.digest] }, [name, again])),
    )
    const elsewhere = { given_name: 'Max', below: { _sd: [name.digest] } }
    expect(verify(await forge(elsewhere, [name])).claims).to.deep.equal({
      given_name: 'Max',
      below: { given_name: 'Erika' },
    })
  })

  it('inserts at the level of _sd and goes on inside (§7.1 step 3 c 2 iv, v)', async () => {
    const inner = disclosure('salt-3', 'country', 'DE')
    const outer = disclosure('salt-4', 'address', { _sd: [inner.digest], locality: 'Köln' })
    const payload = { _sd: [outer.digest] }
    expect(verify(await forge(payload, [outer, inner])).claims).to.deep.equal({
      address: { locality: 'Köln', country: 'DE' },
    })
    expect(verify(await forge(payload, [outer])).claims).to.deep.equal({
      address: { locality: 'Köln' },
    })
  })

  it('refuses an element disclosure that does not have two elements (§7.1 step 3 c 3 i)', async () => {
    await refuses('disclosure_invalid', async () =>
      verify(await forge({ list: [{ '...': name.digest }] }, [name])),
    )
  })

  it('replaces an element and goes on inside (§7.1 step 3 c 3 ii, iii)', async () => {
    const inner = disclosure('salt-5', 'b')
    const outer = disclosure('salt-6', ['a', { '...': inner.digest }])
    const { claims, disclosedPaths } = verify(
      await forge({ list: [{ '...': outer.digest }] }, [inner, outer]),
    )
    expect(claims).to.deep.equal({ list: [['a', 'b']] })
    expect(disclosedPaths).to.deep.equal([
      ['list', 0],
      ['list', 0, 1],
    ])
  })

  it('removes _sd and _sd_alg, leaving an empty object (§7.1 step 3 e, f)', async () => {
    const payload = { address: { _sd: [sha256Base64url('x')] }, _sd: [], _sd_alg: 'sha-256' }
    expect(verify(await forge(payload)).claims).to.deep.equal({ address: {} })
  })

  it('refuses a digest that is encountered more than once (§7.1 step 4)', async () => {
    const repeated: [JsonObject, { text: string }[]][] = [
      [{ _sd: [name.digest, name.digest] }, [name]],
      [{ _sd: [name.digest, name.digest] }, []],
      [{ _sd: [name.digest], below: { _sd: [name.digest] } }, [name]],
      [{ _sd: [element.digest], list: [{ '...': element.digest }] }, []],
    ]
    for (const [payload, disclosures] of repeated) {
      await refuses('digest_repeated', async () => verify(await forge(payload, disclosures)))
    }
    const outer = disclosure('salt', 'below', { _sd: [name.digest] })
    await refuses('digest_repeated', async () =>
      verify(await forge({ _sd: [outer.digest, name.digest] }, [outer, name])),
    )
  })

  it('refuses a disclosure that no digest refers to (§7.1 step 5)', async () => {
    const admin = disclosure('salt', 'is_admin', true)
    await refuses('disclosure_unreferenced', async () => verify(await forge(good, [name, admin])))
    const orphan = disclosure('salt', 'below', { _sd: [name.digest] })
    await refuses('disclosure_unreferenced', async () =>
      verify(await forge({ _sd: [] }, [orphan, name])),
    )
  })

  it('refuses a disclosure that is sent twice (§4: "MUST NOT be included more than once")', async () => {
    await refuses('disclosure_repeated', async () => verify(await forge(good, [name, name])))
  })

  it('refuses _sd that is not an array of strings and a digest with company (§4.2.4)', async () => {
    for (const payload of [
      { _sd: name.digest },
      { _sd: [1] },
      { _sd: {} },
      { list: [{ '...': 1 }] },
      { list: [{ '...': element.digest, more: 1 }] },
    ]) {
      await refuses('malformed', async () => verify(await forge(payload)))
    }
    await refuses('claim_name_not_allowed', async () => verify(await forge({ a: { '...': 'x' } })))
  })

  it('judges validity by the processed claims (§7.1 step 6)', async () => {
    await refuses('expired', async () => verify(await forge({ ...good, exp: NOW }, [name])))
    await refuses('not_yet_valid', async () =>
      verify(await forge({ ...good, nbf: NOW + 11 }, [name])),
    )
    await refuses('not_yet_valid', async () =>
      verify(await forge({ ...good, iat: NOW + 11 }, [name])),
    )
    await refuses('claim_invalid', async () =>
      verify(await forge({ ...good, exp: 'soon' }, [name])),
    )
    const issuedLater = disclosure('salt', 'iat', NOW + 100)
    await refuses('not_yet_valid', async () =>
      verify(await forge({ _sd: [issuedLater.digest] }, [issuedLater])),
    )
    const { exp: _dropped, ...forever } = good
    await refuses('claim_missing', async () =>
      verify(await forge(forever, [name]), { requiredClaims: ['exp'] }),
    )
  })

  it('refuses a validity claim that is disclosed (§9.7)', async () => {
    for (const bad of [
      disclosure('salt', 'exp', NOW + 60),
      disclosure('salt', 'nbf', NOW),
      disclosure('salt', 'cnf', { jwk: { ...holder.publicJwk } }),
    ]) {
      await refuses('claim_not_disclosable', async () =>
        verify(await forge({ _sd: [bad.digest] }, [bad])),
      )
    }
    const inside = disclosure('salt', 'jwk', { ...holder.publicJwk })
    await refuses('claim_not_disclosable', async () =>
      verify(await forge({ cnf: { _sd: [inside.digest] } }, [inside])),
    )
  })

  it('refuses a repeated member anywhere, which another reader might read otherwise', async () => {
    const text = encodeBase64url('["salt","a",{"b":1,"b":2}]')
    const bad = { text, digest: sha256Base64url(text) }
    await refuses('disclosure_invalid', async () =>
      verify(await forge({ _sd: [bad.digest] }, [bad])),
    )
  })

  it('does not let a member named __proto__ through', async () => {
    const text = encodeBase64url('["salt","a",{"__proto__":{"polluted":true}}]')
    const bad = { text, digest: sha256Base64url(text) }
    await refuses('claim_name_not_allowed', async () =>
      verify(await forge({ _sd: [bad.digest] }, [bad])),
    )
    expect(({} as { polluted?: boolean }).polluted).to.equal(undefined)
  })

  describe('key binding', () => {
    const bound = { ...good, cnf: { jwk: { ...holder.publicJwk } } }
    async function bind(
      payload: JsonObject = {},
      {
        header = {},
        signer = holder,
        over = bound,
      }: { header?: JsonObject; signer?: typeof holder; over?: JsonObject } = {},
    ) {
      const presented = await forge(over, [name])
      const claims = {
        iat: NOW,
        aud: 'verifier',
        nonce: 'n-1',
        sd_hash: sha256Base64url(presented),
        ...payload,
      }
      return (
        presented +
        (await signJwt({ header: { typ: 'kb+jwt', ...header }, payload: claims, signer }))
      )
    }
    const check = (compact: string, overrides: object = {}) =>
      verify(compact, { keyBinding, ...overrides })

    it('is accepted when every step holds (RFC 9901 §7.3)', async () => {
      const { holderKey, keyBinding: claims } = check(await bind())
      expect(holderKey).to.deep.equal(holder.publicJwk)
      expect(claims?.nonce).to.equal('n-1')
    })

    it('is required by policy and not by what arrived (§7.3 step 1, 5 a)', async () => {
      await refuses('key_binding_missing', async () => check(await forge(bound, [name])))
      await refuses('key_binding_unexpected', async () => verify(await bind()))
    })

    it('needs the holder’s key in the issuer-signed part (§7.3 step 5 b)', async () => {
      await refuses('key_binding_invalid', async () => check(await bind({}, { over: good })))
      for (const cnf of [
        {},
        { kid: 'x' },
        { jwk: {} },
        { jwk: { ...holder.publicJwk, d: 'AA' } },
        'x',
      ]) {
        await refuses('claim_invalid', async () =>
          check(await bind({}, { over: { ...good, cnf } })),
        )
      }
    })

    it('is signed by the holder with an allowed algorithm (§7.3 step 5 c, d)', async () => {
      await refuses('key_binding_invalid', async () => check(await bind({}, { signer: issuer })))
      const compact = await bind()
      const parts = parseSdJwt(compact)
      const [, payload, signature] = (parts.keyBindingJwt as string).split('.')
      const none = encodeBase64url(JSON.stringify({ alg: 'none', typ: 'kb+jwt' }))
      const unsigned = [parts.issuerJwt, ...parts.disclosures, `${none}.${payload}.`].join('~')
      const renamed = [
        parts.issuerJwt,
        ...parts.disclosures,
        `${none}.${payload}.${signature}`,
      ].join('~')
      await refuses('key_binding_invalid', () => check(unsigned))
      await refuses('key_binding_invalid', () => check(renamed))
    })

    it('has the type kb+jwt (§7.3 step 5 e)', async () => {
      await refuses('key_binding_invalid', async () =>
        check(await bind({}, { header: { typ: 'JWT' } })),
      )
    })

    it('was made within the window (§7.3 step 5 f)', async () => {
      check(await bind({ iat: NOW - 300 }))
      check(await bind({ iat: NOW + 10 }))
      for (const iat of [NOW - 301, NOW + 11, 'now', null]) {
        await refuses('key_binding_invalid', async () => check(await bind({ iat })))
      }
    })

    it('is for this transaction and this verifier (§7.3 step 5 g)', async () => {
      for (const payload of [
        { nonce: 'n-2' },
        { nonce: null },
        { aud: 'other' },
        { aud: ['verifier'] },
        { aud: null },
      ]) {
        await refuses('key_binding_invalid', async () => check(await bind(payload)))
      }
    })

    it('is over the disclosures that were sent, in their order (§7.3 step 5 h)', async () => {
      const second = disclosure('salt-7', 'family_name', 'Mustermann')
      const over = { ...bound, _sd: [name.digest, second.digest] }
      const compact = await bind({}, { over })
      check(compact)
      const { issuerJwt, disclosures, keyBindingJwt } = parseSdJwt(compact)
      await refuses('key_binding_invalid', () =>
        check([issuerJwt, ...disclosures, second.text, keyBindingJwt].join('~')),
      )
      await refuses('key_binding_invalid', () => check([issuerJwt, keyBindingJwt].join('~')))
      await refuses('key_binding_invalid', async () => check(await bind({ sd_hash: null })))
    })

    it('is a valid JWT in all other respects (§7.3 step 5 i)', async () => {
      await refuses('key_binding_invalid', async () => check(await bind({ exp: NOW })))
      await refuses('key_binding_invalid', async () => check(await bind({ nbf: NOW + 60 })))
      await refuses('key_binding_invalid', async () =>
        check(await bind({}, { header: { crit: ['x'] } })),
      )
    })
  })

  describe('bounds', () => {
    it('refuses a text longer than it reads, and a million disclosures, at once', async () => {
      await refuses('too_large', () => verify('a'.repeat((1 << 20) + 1)))
      const started = process.hrtime.bigint()
      await refuses('too_large', () => verify(`${'~'.repeat(1_000_000)}`))
      await refuses('too_large', () => verify(`x~${'W10~'.repeat(200_000)}`))
      expect(Number(process.hrtime.bigint() - started) / 1e6).to.be.lessThan(1000)
    })

    it('refuses claims nested deeper than it reads, also through disclosures', async () => {
      const deep = `["salt","a",${'['.repeat(50_000)}${']'.repeat(50_000)}]`
      const bad = { text: encodeBase64url(deep), digest: sha256Base64url(encodeBase64url(deep)) }
      await refuses('disclosure_invalid', async () =>
        verify(await forge({ _sd: [bad.digest] }, [bad])),
      )
      let inner = disclosure('salt', 'x', 1)
      const chain = [inner]
      for (let level = 0; level < 40; level++) {
        inner = disclosure(`salt-${level}`, 'x', { _sd: [inner.digest] })
        chain.unshift(inner)
      }
      await refuses('too_large', async () => verify(await forge({ _sd: [inner.digest] }, chain)))
    })
  })
})
