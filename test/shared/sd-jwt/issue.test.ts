import { expect } from 'chai'
import fc from 'fast-check'
import { parseJwt } from '../../../shared/jose/jws.ts'
import type { Json, JsonObject } from '../../../shared/json.ts'
import { generateEs256Key } from '../../../shared/key/signer.software.ts'
import { systemRandom } from '../../../shared/random.ts'
import { type ClaimPath, type ConcretePath, valueAt } from '../../../shared/sd-jwt/claim-path.ts'
import { issueSdJwt } from '../../../shared/sd-jwt/issue.ts'
import { parseSdJwtJson, renderSdJwtJson } from '../../../shared/sd-jwt/json-serialization.ts'
import { parseSdJwt } from '../../../shared/sd-jwt/parse.ts'
import { disclosedBy, holdSdJwt, presentSdJwt } from '../../../shared/sd-jwt/present.ts'
import { verifySdJwt } from '../../../shared/sd-jwt/verify.ts'
import { refuses } from '../../support/refusal.ts'
import { scriptedRandom } from '../../support/scripted-random.ts'

const NOW = 1_782_864_000
const { signer } = generateEs256Key()
const header = { typ: 'example+sd-jwt' }

const issue = (claims: JsonObject, disclosable: readonly ClaimPath[], options: object = {}) =>
  issueSdJwt({ header, claims, disclosable, signer, random: systemRandom, ...options })
const verify = (compact: string) =>
  verifySdJwt(compact, { issuerKey: signer.publicJwk, now: NOW, keyBinding: 'not_required' })
const payloadOf = (compact: string) => parseJwt(parseSdJwt(compact).issuerJwt).payload

describe('issueSdJwt', () => {
  it('takes its salts from the injected Random, in the order of the claims (RFC 9901 §4.2.1, §4.2.2)', async () => {
    const drawn = Buffer.alloc(18 * 32)
    drawn.fill(0xff, 18, 36)
    const compact = await issue(
      { family_name: 'Möbius', nationalities: ['FR'] },
      [['family_name'], ['nationalities', 0]],
      { random: scriptedRandom([drawn]) },
    )
    const [name = '', element = ''] = parseSdJwt(compact).disclosures.map((text) =>
      Buffer.from(text, 'base64url').toString(),
    )
    expect(JSON.parse(name)).to.deep.equal(['A'.repeat(24), 'family_name', 'Möbius'])
    expect(JSON.parse(element)).to.deep.equal(['_'.repeat(24), 'FR'])
  })

  it('draws as many salts as there are disclosures', async () => {
    const claims = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`c${index}`, index]),
    )
    const compact = await issue(
      claims,
      Object.keys(claims).map((name) => [name]),
    )
    const salts = parseSdJwt(compact).disclosures.map(
      (text) => JSON.parse(Buffer.from(text, 'base64url').toString())[0] as string,
    )
    expect(new Set(salts).size).to.equal(100)
  })

  it('salts every disclosure with at least 128 fresh bits (RFC 9901 §9.3)', async () => {
    const compact = await issue({ a: 1, b: 1, c: [1, 1] }, [['a'], ['b'], ['c', null]])
    const salts = parseSdJwt(compact).disclosures.map(
      (text) => JSON.parse(Buffer.from(text, 'base64url').toString())[0] as string,
    )
    expect(new Set(salts).size).to.equal(4)
    for (const salt of salts) expect(Buffer.from(salt, 'base64url')).to.have.length(18)
  })

  it('makes disclosures that are JSON arrays of text in any script (RFC 9901 §4.2.1)', async () => {
    const names = ['Möbius', '港', '😀', 'a"\\\n\u0007', '\ud800', 'plain', '']
    for (const length of [1, 2, 3, names.length]) {
      const claims = Object.fromEntries(
        names.slice(-length).map((name, at) => [`${name}${at}`, name]),
      )
      const compact = await issue(
        claims,
        Object.keys(claims).map((name) => [name]),
      )
      expect(verify(compact).claims).to.deep.equal(claims)
    }
  })

  it('refuses a claim that JSON cannot say (RFC 8259 §3, §6)', async () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, undefined, 1n, () => 1]) {
      await refuses('claim_invalid', () => issue({ a: value as never }, []))
      await refuses('claim_invalid', () => issue({ a: [value as never] }, [['a', 0]]))
    }
  })

  it('hides the order of claims (RFC 9901 §4.2.4.1)', async () => {
    for (let round = 0; round < 5; round++) {
      const digests = payloadOf(
        await issue({ a: 1, b: 2, c: 3, d: 4 }, [['a'], ['b'], ['c'], ['d']]),
      )._sd as string[]
      expect(digests).to.deep.equal([...digests].sort())
    }
  })

  it('adds decoys that look like digests and vanish (RFC 9901 §4.2.5)', async () => {
    const claims = { a: 1, list: ['x', 'y'], plain: { z: 1 }, plainList: ['z'] }
    const compact = await issue(claims, [['a'], ['list', 1]], { decoys: 3 })
    const payload = payloadOf(compact)
    const digests = payload._sd as string[]
    expect(digests).to.have.length(4)
    for (const digest of digests) expect(digest).to.match(/^[\w-]{43}$/)
    expect(payload.list as Json[]).to.have.length(5)
    expect(payload.plain).to.deep.equal({ z: 1 })
    expect(payload.plainList).to.deep.equal(['z'])
    expect(verify(compact).claims).to.deep.equal(claims)
  })

  it('never puts a decoy where a digest could not be', async () => {
    const positions = new Set<number>()
    const first = new Set<boolean>()
    for (let round = 0; round < 60; round++) {
      const compact = await issue({ a: 1, list: ['x'] }, [['a'], ['list', 0]], { decoys: 1 })
      const held = holdSdJwt(compact)
      const real = held.placed.find(({ path }) => path[0] === 'a')?.disclosure.digest as string
      const element = held.placed.find(({ path }) => path[0] === 'list')?.disclosure
        .digest as string
      const payload = payloadOf(compact)
      positions.add((payload._sd as string[]).indexOf(real))
      first.add(((payload.list as JsonObject[])[0] as JsonObject)['...'] === element)
    }
    expect([...positions].sort()).to.deep.equal([0, 1])
    expect(first.size).to.equal(2)
  })

  it('joins what a wildcard and an index ask of the same element (RFC 9901 §4.2.6)', async () => {
    const claims = {
      list: [
        { a: 1, b: 2 },
        { a: 3, b: 4 },
      ],
    }
    for (const [disclosable, count] of [
      [
        [
          ['list', null],
          ['list', 0, 'a'],
        ],
        3,
      ],
      [
        [
          ['list', 1],
          ['list', null, 'a'],
        ],
        3,
      ],
      [
        [
          ['list', null, 'a'],
          ['list', 0, 'b'],
        ],
        3,
      ],
      [
        [
          ['list', null, 'a'],
          ['list', 0, 'a'],
          ['list', 0],
        ],
        3,
      ],
    ] as const) {
      const compact = await issue(claims, disclosable)
      expect(parseSdJwt(compact).disclosures).to.have.length(count)
      expect(verify(compact).claims).to.deep.equal(claims)
    }
  })

  it('has no _sd_alg when nothing is disclosable', async () => {
    expect(payloadOf(await issue({ a: 1 }, []))).to.deep.equal({ a: 1 })
  })

  it('refuses to make validity claims disclosable (RFC 9901 §9.7, SD-JWT VC §3.2.2.2)', async () => {
    for (const path of [['exp'], ['nbf'], ['cnf'], ['cnf', 'jwk']]) {
      await refuses('claim_not_disclosable', () =>
        issue({ exp: 1, nbf: 1, cnf: { jwk: {} } }, [path]),
      )
    }
    for (const name of ['iss', 'vct', 'status', 'vct#integrity']) {
      const options = { header: { typ: 'dc+sd-jwt' } }
      await refuses('claim_not_disclosable', () => issue({ [name]: 'x' }, [[name]], options))
      await issue({ [name]: 'x' }, [[name]])
    }
  })

  it('refuses reserved names (RFC 9901 §4.1)', async () => {
    for (const claims of [
      { _sd: [] },
      { a: { '...': 'x' } },
      { _sd_alg: 'x' },
      JSON.parse('{"__proto__":1}'),
    ]) {
      await refuses('claim_name_not_allowed', () => issue(claims, []))
    }
  })

  it('refuses a path that names nothing, which would leave a claim in the clear', async () => {
    for (const path of [
      ['b'],
      ['a', 'x'],
      ['list', 2],
      ['list', 'x'],
      ['empty', null],
      ['o', 'p'],
    ]) {
      const claims = { a: 1, list: [1], empty: [], o: {} }
      await refuses('claim_missing', () => issue(claims, [path]))
    }
  })

  it('gives the same bytes for the same claims, salts and key, but for the signature', async () => {
    const random = () => {
      let next = 0
      return (length: number) => new Uint8Array(length).fill(next++)
    }
    const one = await issue({ a: 1, b: [1, 2] }, [['a'], ['b', null]], {
      random: random(),
      decoys: 2,
    })
    const two = await issue({ a: 1, b: [1, 2] }, [['a'], ['b', null]], {
      random: random(),
      decoys: 2,
    })
    expect(payloadOf(one)).to.deep.equal(payloadOf(two))
    expect(parseSdJwt(one).disclosures).to.deep.equal(parseSdJwt(two).disclosures)
  })
})

describe('presentSdJwt', () => {
  const claims: JsonObject = {
    name: 'Erika',
    address: { locality: 'Köln', country: 'DE' },
    list: ['a', 'b', 'c'],
    open: true,
  }
  const disclosable: ClaimPath[] = [
    ['name'],
    ['address'],
    ['address', 'locality'],
    ['address', 'country'],
    ['list', null],
  ]
  const shown = async (disclose: readonly ClaimPath[]) =>
    verify(await presentSdJwt({ sdJwt: await issue(claims, disclosable), disclose })).claims

  it('discloses what is named and nothing else', async () => {
    expect(await shown([])).to.deep.equal({ list: [], open: true })
    expect(await shown([['name']])).to.deep.equal({ name: 'Erika', list: [], open: true })
    expect(await shown([['list', 1]])).to.deep.equal({ list: ['b'], open: true })
    expect(await shown([['open']])).to.deep.equal({ list: [], open: true })
  })

  it('discloses what stands above a place, and what stands inside it (RFC 9901 §7.2)', async () => {
    expect(await shown([['address', 'country']])).to.deep.include({ address: { country: 'DE' } })
    expect(await shown([['address']])).to.deep.include({ address: claims.address })
    expect(await shown([['list', null]])).to.deep.include({ list: ['a', 'b', 'c'] })
  })

  it('refuses a place that is not in the credential', async () => {
    await refuses('claim_missing', () => shown([['other']]))
    await refuses('claim_missing', () => shown([['name', 'first']]))
    await refuses('claim_missing', () => shown([['list', 3]]))
  })

  it('refuses a credential with a key binding jwt, which no issuer makes (RFC 9901 §7.2 step 1)', async () => {
    const sdJwt = await issue(claims, disclosable)
    await refuses('key_binding_unexpected', () =>
      presentSdJwt({ sdJwt: `${sdJwt}x`, disclose: [] }),
    )
  })

  it('says beforehand what it will disclose', async () => {
    const held = holdSdJwt(await issue(claims, disclosable))
    expect(disclosedBy(held, [['address', 'country']])).to.have.deep.members([
      ['address'],
      ['address', 'country'],
    ])
  })

  it('refuses a held text that is no SD-JWT', async () => {
    await refuses('malformed', () => holdSdJwt('a.b.c~'))
    await refuses('malformed', () => holdSdJwt(''))
  })
})

describe('any claims and any subset', () => {
  const NAMES = ['a', 'b', 'c', 'length', 'constructor', 'toString', 'é', '']
  const { value: arbitrary } = fc.letrec<{ value: Json; object: JsonObject }>((tie) => ({
    object: fc.dictionary(fc.constantFrom(...NAMES), tie('value'), { maxKeys: 4 }),
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.constant(null)),
      fc.array(tie('value'), { maxLength: 4 }),
      tie('object'),
    ),
  }))
  const objects = fc
    .dictionary(fc.constantFrom(...NAMES), arbitrary, { minKeys: 1, maxKeys: 5 })
    .map((object) => JSON.parse(JSON.stringify(object)) as JsonObject)

  function places(value: Json, at: ConcretePath = []): ConcretePath[] {
    if (Array.isArray(value)) {
      return value.flatMap((element: Json, index) => [
        [...at, index],
        ...places(element, [...at, index]),
      ])
    }
    if (typeof value === 'object' && value !== null) {
      const object = value as JsonObject
      return Object.keys(object).flatMap((name) => [
        [...at, name],
        ...places(object[name] as Json, [...at, name]),
      ])
    }
    return []
  }

  it('come back whole when all is disclosed, and never show a place that was not asked for', async () => {
    await fc.assert(
      fc.asyncProperty(
        objects,
        fc.infiniteStream(fc.boolean()),
        fc.nat(3),
        async (claims, coin, decoys) => {
          const flip = () => coin.next().value as boolean
          const all = places(claims)
          const disclosable = all.filter(flip)
          const sdJwt = await issue(claims, disclosable, { decoys })
          expect(parseSdJwt(sdJwt).disclosures).to.have.length(disclosable.length)
          expect(verify(sdJwt).claims).to.deep.equal(claims)
          const asked = all.filter(flip)
          const { disclosedPaths } = verify(await presentSdJwt({ sdJwt, disclose: asked }))
          const held = holdSdJwt(sdJwt)
          const announced = disclosedBy(held, asked)
          expect(disclosedPaths).to.have.length(announced.length)
          for (const path of announced) {
            const related = asked.some((place) => {
              const length = Math.min(place.length, path.length)
              return place.slice(0, length).join('\0') === path.slice(0, length).join('\0')
            })
            expect(related).to.equal(true)
            expect(valueAt(claims, path as ConcretePath)).to.not.equal(undefined)
          }
        },
      ),
      { numRuns: 150 },
    )
  })
})

describe('the JSON serialization', () => {
  it('carries the same parts as the compact one (RFC 9901 §8.1)', async () => {
    const compact = await issue({ a: 1, b: 2 }, [['a'], ['b']])
    const parts = parseSdJwt(compact)
    const flattened = JSON.stringify(renderSdJwtJson(parts))
    expect(parseSdJwtJson(flattened)).to.deep.equal(parts)
    const bound = { ...parts, keyBindingJwt: 'x.y.z' }
    expect(parseSdJwtJson(JSON.stringify(renderSdJwtJson(bound)))).to.deep.equal(bound)
    const { payload, ...signature } = renderSdJwtJson(parts)
    const general = JSON.stringify({
      payload,
      signatures: [signature, { protected: 'x', signature: 'y' }],
    })
    expect(parseSdJwtJson(general)).to.deep.equal(parts)
  })

  it('has no disclosures where no header says any (RFC 9901 §8.3)', async () => {
    const parts = parseSdJwt(await issue({ a: 1 }, []))
    const { header: _unprotected, ...plain } = renderSdJwtJson(parts)
    expect(parseSdJwtJson(JSON.stringify(plain))).to.deep.equal(parts)
  })

  it('counts by its first signature alone, which sd_hash covers (RFC 9901 §8.1, RFC 7515 §5.2)', async () => {
    const parts = parseSdJwt(await issue({ a: 1 }, [['a']]))
    const { payload, ...good } = renderSdJwtJson(parts) as Record<string, Json>
    const unsigned = { protected: good.protected as Json, signature: 'AAAA' }
    const verifyJson = (signatures: Json) => {
      const { issuerJwt, disclosures } = parseSdJwtJson(
        JSON.stringify({ payload: payload as Json, signatures }),
      )
      return verify([issuerJwt, ...disclosures, ''].join('~')).claims
    }
    expect(verifyJson([good, unsigned])).to.deep.equal({ a: 1 })
    await refuses('signature_invalid', () =>
      verifyJson([
        { ...unsigned, header: good.header as Json },
        { protected: good.protected as Json, signature: good.signature as Json },
      ]),
    )
  })

  it('keeps protected and unprotected parameters apart (RFC 7515 §7.2.1, §4.1.11)', async () => {
    const good = renderSdJwtJson(parseSdJwt(await issue({ a: 1 }, [['a']])))
    const unprotected = good.header as JsonObject
    const withHeader = (more: JsonObject) =>
      parseSdJwtJson(JSON.stringify({ ...good, header: { ...unprotected, ...more } }))
    expect(withHeader({ note: 'x' }).disclosures).to.have.length(1)
    for (const more of [{ alg: 'none' }, { typ: 'example+sd-jwt' }, { crit: [] }]) {
      await refuses('malformed', () => withHeader(more))
    }
  })

  it('is refused in any other shape (RFC 9901 §8, RFC 7515 §7.2)', async () => {
    const parts = parseSdJwt(await issue({ a: 1 }, [['a']]))
    const good = renderSdJwtJson(parts) as Record<string, Json>
    const unprotected = good.header as JsonObject
    const { payload, ...signature } = good
    const bad: Json[] = [
      'text',
      [],
      {},
      { ...good, payload: 1 },
      { ...good, payload: [good.payload as Json] },
      { ...good, signature: [good.signature as Json] },
      { ...good, protected: [good.protected as Json] },
      { ...good, protected: undefined as never },
      { ...good, header: 1 },
      { ...good, header: null },
      { ...good, header: { disclosures: 'x' } },
      { ...good, header: { disclosures: [1] } },
      { ...good, header: { disclosures: ['a~b'] } },
      { ...good, header: { disclosures: [''] } },
      { ...good, header: { ...unprotected, kb_jwt: 1 } },
      { ...good, header: { ...unprotected, kb_jwt: '' } },
      { ...good, signatures: [] },
      { ...good, signatures: [signature] },
      {
        payload: payload as Json,
        signatures: [signature, { protected: 'x', signature: 'y', header: { disclosures: [] } }],
      },
      { payload: payload as Json, signatures: [1] },
      { payload: payload as Json, signatures: [null] },
      { payload: payload as Json, signatures: [] },
      { payload: payload as Json, signatures: signature },
      { payload: payload as Json, signatures: [signature, 1] },
      { payload: payload as Json, signatures: [signature, { protected: 'x' }] },
      {
        payload: payload as Json,
        signatures: [signature, { protected: 'x', signature: 'y', header: { kb_jwt: 'x' } }],
      },
    ]
    for (const value of bad) await refuses('malformed', () => parseSdJwtJson(JSON.stringify(value)))
    await refuses('malformed', () => parseSdJwtJson('{'))
    await refuses('malformed', () => parseSdJwtJson('{"payload":"a","payload":"b"}'))
  })
})
