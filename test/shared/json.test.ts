import { expect } from 'chai'
import fc from 'fast-check'
import { decodeBase64url, encodeBase64url } from '../../shared/base64url.ts'
import {
  canonicalJson,
  type Json,
  JsonError,
  parseJson,
  parseJsonBytes,
} from '../../shared/json.ts'
import { systemRandom } from '../../shared/random.ts'

describe('parseJson', () => {
  it('reads any JSON text as JSON.parse does, members named like anything', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.boolean(), (text, spaced) => {
        const given = spaced ? JSON.stringify(JSON.parse(text), undefined, ' ') : text
        // a text that repeats a member is another test's matter
        if (JSON.stringify(JSON.parse(text)).length !== text.length) return
        expect(parseJson(given)).to.deep.equal(JSON.parse(given))
      }),
      { numRuns: 300 },
    )
  })

  it('refuses a repeated member at any depth and in any spelling (RFC 7515 §4)', () => {
    for (const text of [
      '{"a":1,"a":1}',
      '{"a":1,"\\u0061":2}',
      '[{"b":{"a":1 , "a" : 2}}]',
      '{"":1,"":2}',
      '{"__proto__":1,"__proto__":2}',
      '{"a:":1,"a:":2}',
      '{"\\"":1,"\\"":2}',
      '{"\\\\":1,"\\\\":2}',
    ]) {
      expect(() => parseJson(text), text).to.throw(JsonError, 'a member is repeated')
    }
  })

  it('is not misled by colons, quotes and backslashes in strings', () => {
    for (const value of [
      { a: '":"', b: '\\', c: '\\"', d: ':\\\\":' },
      { '":"': '{"a":1,"a":2}', ':': [':', { '\\': '\\\\"' }] },
      [':', '"', '\\', '\\\\":'],
      { __proto__x: 1, constructor: 2 },
    ]) {
      expect(parseJson(JSON.stringify(value))).to.deep.equal(value)
    }
    expect(Object.keys(parseJson('{"__proto__":{"a":1}}') as object)).to.deep.equal(['__proto__'])
  })

  it('refuses a repetition that any valid text was given', () => {
    const object = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { minKeys: 1 })
    fc.assert(
      fc.property(object, (value) => {
        const text = JSON.stringify(value)
        const [first] = Object.entries(JSON.parse(text) as Record<string, Json>)
        if (!first) return
        const [name, member] = first
        const repeated = `${text.slice(0, -1)},${JSON.stringify(name)}:${JSON.stringify(member)}}`
        expect(() => parseJson(repeated)).to.throw(JsonError)
      }),
    )
  })

  it('refuses depth and length beyond its bounds, 50,000 levels as well', () => {
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
    expect(parseJson(nested(32))).to.be.an('array')
    expect(() => parseJson(nested(33))).to.throw(JsonError, 'too deeply')
    expect(() => parseJson(nested(50_000))).to.throw(JsonError, 'too deeply')
    expect(() => parseJson(`${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`)).to.throw(JsonError)
    expect(() => parseJson('"aaaa"', { maxLength: 5 })).to.throw(JsonError, 'too long')
  })

  it('refuses what is not JSON (RFC 8259)', () => {
    for (const text of ['', '{', "{'a':1}", '[1,]', 'NaN', '01', '"\u0001"', '{"a":1}x']) {
      expect(() => parseJson(text), text).to.throw(JsonError)
    }
  })
})

describe('parseJsonBytes', () => {
  it('refuses malformed UTF-8 and a byte order mark (RFC 8259 §8.1)', () => {
    expect(parseJsonBytes(Buffer.from('{"é":"港"}'))).to.deep.equal({ é: '港' })
    expect(() => parseJsonBytes(Buffer.from([0x22, 0xff, 0x22]))).to.throw(JsonError, 'UTF-8')
    expect(() => parseJsonBytes(Buffer.from([0x22, 0xc0, 0xaf, 0x22]))).to.throw(JsonError, 'UTF-8')
    expect(() => parseJsonBytes(Buffer.from('\ufeff{}'))).to.throw(JsonError)
    expect(() => parseJsonBytes(Buffer.alloc(10), { maxLength: 9 })).to.throw(JsonError, 'too long')
  })
})

describe('canonicalJson', () => {
  it('is the published text (RFC 8785 §3.2.3)', () => {
    const value = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    }
    expect(Object.values(JSON.parse(canonicalJson(value)) as object)).to.have.members(
      Object.values(value),
    )
    const order = [...canonicalJson(value).matchAll(/:"(\w+)/g)].map(([, word]) => word)
    expect(order).to.deep.equal(['Carriage', 'One', 'Control', 'Latin', 'Euro', 'Emoji', 'Hebrew'])
  })
})

describe('decodeBase64url', () => {
  it('takes exactly the text that its bytes encode to (RFC 4648 §3.5)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const text = encodeBase64url(bytes)
        expect([...(decodeBase64url(text) as Buffer)]).to.deep.equal([...bytes])
      }),
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 12 }), (text) => {
        const bytes = decodeBase64url(text)
        if (bytes) expect(bytes.toString('base64url')).to.equal(text)
      }),
    )
    for (const text of ['QQ==', 'QR', 'A', 'a+b/', 'QQ\n', ' QQ', 'ŁŁŁŁ']) {
      expect(decodeBase64url(text), text).to.equal(undefined)
    }
  })
})

describe('systemRandom', () => {
  it('gives the length that is asked for and never the same bytes again', () => {
    const seen = new Set<string>()
    for (let draw = 0; draw < 2000; draw++) {
      const bytes = systemRandom(16)
      expect(bytes).to.have.length(16)
      seen.add(Buffer.from(bytes).toString('hex'))
    }
    expect(seen.size).to.equal(2000)
    expect(systemRandom(5000)).to.have.length(5000)
    expect(systemRandom(0)).to.have.length(0)
    expect(new Set(systemRandom(5000)).size).to.be.greaterThan(200)
  })

  it('gives bytes that its caller may change', () => {
    const first = systemRandom(32)
    const copy = Uint8Array.from(first)
    systemRandom(32).fill(0)
    expect([...first]).to.deep.equal([...copy])
  })
})
