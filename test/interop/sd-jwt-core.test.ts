import { createPublicKey, hash, randomBytes, verify as verifyNode } from 'node:crypto'
import { SDJwtInstance } from '@sd-jwt/core'
import { SDJwtVcInstance } from '@sd-jwt/sd-jwt-vc'
import { expect } from 'chai'
import { encodeBase64url } from '../../shared/base64url.ts'
import { sha256Base64url } from '../../shared/hash.ts'
import { signJwt } from '../../shared/jose/jws.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import { generateEs256Key } from '../../shared/key/signer.software.ts'
import type { PublicJwk, Signer } from '../../shared/key/signer.ts'
import { systemRandom } from '../../shared/random.ts'
import type { SdJwtError } from '../../shared/sd-jwt/error.ts'
import { issueSdJwt } from '../../shared/sd-jwt/issue.ts'
import { presentSdJwt } from '../../shared/sd-jwt/present.ts'
import { verifySdJwtVc } from '../../shared/sd-jwt/vc.ts'
import { verifySdJwt } from '../../shared/sd-jwt/verify.ts'
import { type TestAuthority, testAuthority } from '../support/pki.ts'
import { HOLDER_KEY, ISSUER_KEY, PRESENTATION } from '../support/rfc9901.ts'

const DAY = 86_400
const now = Math.floor(Date.now() / 1000) // the library reads the clock itself
const holder = generateEs256Key().signer
const AUDIENCE = 'x509_hash:verifier'
const NONCE = 'nonce-1'

const hasher = (data: string | ArrayBuffer) =>
  new Uint8Array(hash('sha256', typeof data === 'string' ? data : new Uint8Array(data), 'buffer'))
const signWith = (signer: Signer) => async (data: string) =>
  encodeBase64url(await signer.sign(Buffer.from(data)))
const verifyUnder = (jwk: PublicJwk) => (data: string, signature: string) =>
  verifyNode(
    'sha256',
    Buffer.from(data),
    { key: createPublicKey({ key: { ...jwk }, format: 'jwk' }), dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  )
const saltGenerator = () => randomBytes(16).toString('base64url')

describe('@sd-jwt/sd-jwt-vc 0.20.0', () => {
  let authority: TestAuthority
  let leaf: Awaited<ReturnType<TestAuthority['leaf']>>
  let library: SDJwtVcInstance
  before(async () => {
    authority = await testAuthority('attestation')
    leaf = await authority.leaf({ notBefore: now - DAY, notAfter: now + DAY })
    library = new SDJwtVcInstance({
      signer: signWith(leaf.signer),
      signAlg: 'ES256',
      verifier: verifyUnder(leaf.signer.publicJwk),
      hasher,
      hashAlg: 'sha-256',
      saltGenerator,
      kbSigner: signWith(holder),
      kbSignAlg: 'ES256',
      kbVerifier: (data, signature, payload) =>
        verifyUnder(payload.cnf?.jwk as unknown as PublicJwk)(data, signature),
    })
  })

  const claims: JsonObject = {
    iss: 'https://issuer.example',
    iat: now - 60,
    exp: now + DAY,
    vct: 'urn:carnet:identity:1',
    cnf: { jwk: { ...holder.publicJwk } },
    given_name: 'Erika',
    family_name: 'Mustermann',
    age_equal_or_over: { 18: true, 21: true },
    address: { locality: 'Köln', country: 'DE' },
    nationalities: ['UT', 'DE'],
  }
  const ours = (compact: string) =>
    verifySdJwtVc(compact, {
      anchors: authority.anchors,
      now,
      keyBinding: { expectedAudience: AUDIENCE, expectedNonce: NONCE, maxAgeSeconds: 300 },
    })

  describe('interoperates', () => {
    it('verifies what we issue and present', async () => {
      const sdJwt = await issueSdJwt({
        header: { typ: 'dc+sd-jwt', x5c: leaf.x5c },
        claims,
        disclosable: [
          ['given_name'],
          ['family_name'],
          ['age_equal_or_over', '18'],
          ['age_equal_or_over', '21'],
          ['address'],
          ['address', 'country'],
          ['nationalities', null],
        ],
        decoys: 2,
        signer: leaf.signer,
        random: systemRandom,
      })
      const presented = await presentSdJwt({
        sdJwt,
        disclose: [
          ['given_name'],
          ['age_equal_or_over', '18'],
          ['address', 'country'],
          ['nationalities', 1],
        ],
        keyBinding: { signer: holder, audience: AUDIENCE, nonce: NONCE, now },
      })
      const { payload, kb } = await library.verify(presented, { keyBindingNonce: NONCE })
      const own = ours(presented)
      expect(payload).to.deep.equal(own.claims)
      expect(payload).to.deep.include({
        given_name: 'Erika',
        age_equal_or_over: { 18: true },
        address: { locality: 'Köln', country: 'DE' },
        nationalities: ['DE'],
      })
      expect(kb?.payload).to.deep.equal(own.keyBinding)
    })

    it('reads the published presentation as we do (RFC 9901 §5.2)', async () => {
      const core = new SDJwtInstance({
        verifier: verifyUnder(ISSUER_KEY),
        hasher,
        hashAlg: 'sha-256',
        kbVerifier: verifyUnder(HOLDER_KEY),
      })
      const { payload } = await core.verify(PRESENTATION, { keyBindingNonce: '1234567890' })
      const { claims: own } = verifySdJwt(PRESENTATION, {
        issuerKey: ISSUER_KEY,
        now: 1_748_536_865,
        keyBinding: {
          expectedAudience: 'https://verifier.example.org',
          expectedNonce: '1234567890',
          maxAgeSeconds: 60,
        },
      })
      expect(payload).to.deep.equal(own)
    })

    it('issues and presents what we verify', async () => {
      const frame = {
        _sd: ['given_name', 'family_name', 'address'],
        age_equal_or_over: { _sd: ['18', '21'] },
        address: { _sd: ['country'] },
        nationalities: { _sd: [0, 1] },
        _sd_decoy: 2,
      }
      const sdJwt = await library.issue(claims as never, frame as never, {
        header: { typ: 'dc+sd-jwt', x5c: leaf.x5c },
      })
      const presented = await library.present(
        sdJwt,
        { family_name: true, address: { country: true }, nationalities: { 0: true } } as never,
        { kb: { payload: { iat: now, aud: AUDIENCE, nonce: NONCE } } },
      )
      const { claims: verified } = ours(presented)
      expect(verified).to.deep.include({
        family_name: 'Mustermann',
        address: { locality: 'Köln', country: 'DE' },
        nationalities: ['UT'],
        age_equal_or_over: {},
      })
      expect(verified).to.not.have.property('given_name')
    })
  })

  const disclosure = (...array: Json[]) => {
    const text = encodeBase64url(JSON.stringify(array))
    return { text, digest: sha256Base64url(text) }
  }
  const name = disclosure('salt-1', 'given_name', 'Erika')
  const { given_name: _name, ...clear } = claims
  const { exp: _exp, ...withoutExp } = clear
  const { vct: _vct, ...withoutVct } = clear

  interface Forgery {
    payload?: JsonObject
    disclosures?: readonly { text: string }[]
    header?: JsonObject
    binding?: JsonObject
    bindingHeader?: JsonObject
    edit?: (compact: string) => string
  }
  async function forge({
    payload = { ...clear, _sd: [name.digest], _sd_alg: 'sha-256' },
    disclosures = [name],
    header = {},
    binding = {},
    bindingHeader = {},
    edit = (compact) => compact,
  }: Forgery): Promise<string> {
    const own = { typ: 'dc+sd-jwt', x5c: leaf.x5c, ...header }
    const jwt = await signJwt({ header: own, payload, signer: leaf.signer })
    const presented = edit([jwt, ...disclosures.map(({ text }) => text), ''].join('~'))
    const bound = {
      iat: now,
      aud: AUDIENCE,
      nonce: NONCE,
      sd_hash: sha256Base64url(presented),
      ...binding,
    }
    const own2 = { typ: 'kb+jwt', ...bindingHeader }
    return presented + (await signJwt({ header: own2, payload: bound, signer: holder }))
  }

  const exp = disclosure('salt', 'exp', now + DAY)
  const nbf = disclosure('salt', 'nbf', now - DAY)
  const cnf = disclosure('salt', 'cnf', { jwk: { ...holder.publicJwk } })
  const vct = disclosure('salt', 'vct', 'urn:carnet:identity:1')
  const { cnf: _cnf, ...withoutCnf } = clear
  const spaced = (() => {
    const text = encodeBase64url('["salt","given_name",{"a":1,"a":2}]')
    return { text, digest: sha256Base64url(text) }
  })()
  const sd = (base: JsonObject, ...digests: string[]) => ({
    ...base,
    _sd: digests,
    _sd_alg: 'sha-256',
  })

  /** What it is, our code, the clause, and whether the library takes it. The table of docs/conformance.md is made of these rows. */
  const rows: [string, string, string, 'takes' | 'refuses', Forgery][] = [
    [
      'key binding JWT for another audience',
      'key_binding_invalid',
      'RFC 9901 §7.3 step 5 g',
      'takes',
      { binding: { aud: 'other' } },
    ],
    [
      'key binding JWT 115 days old',
      'key_binding_invalid',
      '§7.3 step 5 f',
      'takes',
      { binding: { iat: now - 10_000_000 } },
    ],
    [
      'key binding JWT from the future',
      'key_binding_invalid',
      '§7.3 step 5 f',
      'refuses',
      { binding: { iat: now + 10_000 } },
    ],
    [
      'key binding JWT that has expired',
      'key_binding_invalid',
      '§7.3 step 5 i',
      'refuses',
      { binding: { exp: now - 1 } },
    ],
    [
      'key binding JWT with unknown crit',
      'key_binding_invalid',
      'RFC 7515 §4.1.11',
      'takes',
      { bindingHeader: { crit: ['x'], x: 1 } },
    ],
    [
      'key binding JWT of another type',
      'key_binding_invalid',
      '§7.3 step 5 e',
      'refuses',
      { bindingHeader: { typ: 'JWT' } },
    ],
    [
      'credential of type at+jwt',
      'type_mismatch',
      'SD-JWT VC §3.2.1',
      'takes',
      { header: { typ: 'at+jwt' } },
    ],
    [
      'credential with unknown crit',
      'malformed',
      'RFC 7515 §4.1.11',
      'takes',
      { header: { crit: ['x'], x: 1 } },
    ],
    [
      'disclosure no digest refers to',
      'disclosure_unreferenced',
      '§7.1 step 5',
      'refuses',
      { disclosures: [name, disclosure('s', 'admin', true)] },
    ],
    ['disclosure sent twice', 'disclosure_repeated', '§4', 'takes', { disclosures: [name, name] }],
    [
      'digest twice in the payload',
      'digest_repeated',
      '§7.1 step 4',
      'refuses',
      { payload: sd(clear, name.digest, name.digest) },
    ],
    [
      'disclosed name that exists in the clear',
      'claim_exists',
      '§7.1 step 3 c 2 iii',
      'refuses',
      (() => {
        const iss = disclosure('s', 'iss', 'https://evil.example')
        return { payload: sd(clear, iss.digest), disclosures: [iss] }
      })(),
    ],
    [
      'disclosure named _sd',
      'claim_name_not_allowed',
      '§7.1 step 3 c 2 ii',
      'takes',
      (() => {
        const bad = disclosure('s', '_sd', ['x'])
        return { payload: sd(clear, bad.digest), disclosures: [bad] }
      })(),
    ],
    [
      'disclosure named ...',
      'claim_name_not_allowed',
      '§7.1 step 3 c 2 ii',
      'takes',
      (() => {
        const bad = disclosure('s', '...', 'x')
        return { payload: sd(clear, bad.digest), disclosures: [bad] }
      })(),
    ],
    [
      'exp in a disclosure',
      'claim_not_disclosable',
      'SD-JWT VC §3.2.2.2',
      'takes',
      { payload: sd(withoutExp, exp.digest), disclosures: [exp] },
    ],
    [
      'exp in a disclosure that is kept back',
      'claim_missing',
      'RFC 9901 §7.1 step 6',
      'takes',
      { payload: sd(withoutExp, exp.digest), disclosures: [] },
    ],
    [
      'nbf in a disclosure',
      'claim_not_disclosable',
      'SD-JWT VC §3.2.2.2',
      'takes',
      { payload: sd(clear, nbf.digest), disclosures: [nbf] },
    ],
    [
      'cnf in a disclosure',
      'claim_not_disclosable',
      'SD-JWT VC §3.2.2.2',
      'takes',
      { payload: sd(withoutCnf, cnf.digest), disclosures: [cnf] },
    ],
    [
      'vct in a disclosure',
      'claim_not_disclosable',
      'SD-JWT VC §3.2.2.2',
      'takes',
      { payload: sd(withoutVct, vct.digest), disclosures: [vct] },
    ],
    [
      'no vct',
      'claim_missing',
      'SD-JWT VC §3.2.2.2',
      'takes',
      { payload: sd(withoutVct, name.digest) },
    ],
    [
      '_sd_alg md5',
      'hash_algorithm',
      '§7.1 step 2 d',
      'refuses',
      { payload: { ...clear, _sd: [name.digest], _sd_alg: 'md5' } },
    ],
    [
      'property disclosure of four elements',
      'disclosure_invalid',
      '§7.1 step 3 c 2 i',
      'refuses',
      (() => {
        const bad = disclosure('s', 'a', 1, 2)
        return { payload: sd(clear, bad.digest), disclosures: [bad] }
      })(),
    ],
    [
      'member beside an element digest',
      'malformed',
      '§4.2.4.2',
      'takes',
      (() => {
        const element = disclosure('s', 'x')
        return {
          payload: { ...clear, list: [{ '...': element.digest, more: 1 }] },
          disclosures: [element],
        }
      })(),
    ],
    [
      'repeated member in a disclosure',
      'disclosure_invalid',
      'RFC 8259 §4',
      'takes',
      { payload: sd(clear, spaced.digest), disclosures: [spaced] },
    ],
    [
      'disclosure with unused bits set',
      'disclosure_invalid',
      'RFC 7515 §2',
      'takes',
      (() => {
        // 13 bytes leave four unused bits in the last character
        const text = disclosure('s', 'abc', 1).text.replace(/A$|Q$|g$|w$/, (last) =>
          last === 'A' ? 'B' : last === 'Q' ? 'R' : last === 'g' ? 'h' : 'x',
        )
        return { payload: sd(clear, sha256Base64url(text)), disclosures: [{ text }] }
      })(),
    ],
    [
      'issuer of another name than the certificate',
      'issuer_invalid',
      'SD-JWT VC §3.5',
      'takes',
      { payload: sd({ ...clear, iss: 'https://other.example' }, name.digest) },
    ],
    [
      'issuer key of nobody’s chain (x5c unread)',
      'issuer_invalid',
      'HAIP 1.0 §6.1.1',
      'takes',
      { header: { x5c: ['AAAA'] } },
    ],
    [
      'credential expired',
      'expired',
      '§7.1 step 6',
      'refuses',
      { payload: sd({ ...clear, exp: now - 60 }, name.digest) },
    ],
  ]

  describe('differs', () => {
    it('takes the well-formed presentation, as we do', async () => {
      const compact = await forge({})
      ours(compact)
      await library.verify(compact, { keyBindingNonce: NONCE })
    })

    for (const [what, code, clause, library020, forgery] of rows) {
      it(`we refuse: ${what} (${clause}); the library ${library020} it`, async () => {
        const compact = await forge(forgery)
        let refusal: unknown
        try {
          ours(compact)
        } catch (error) {
          refusal = error
        }
        expect((refusal as SdJwtError | undefined)?.code, 'our verdict').to.equal(code)
        let taken = true
        try {
          await library.verify(compact, { keyBindingNonce: NONCE })
        } catch {
          taken = false
        }
        expect(taken ? 'takes' : 'refuses', 'the library').to.equal(library020)
      })
    }

    it('leaves a key binding JWT unread when its caller names no nonce; our policy has no such case', async () => {
      const compact = await forge({ binding: { nonce: 'of another transaction' } })
      await library.verify(compact)
      expect(() => ours(compact)).to.throw('nonce is not the expected one')
    })
  })
})
