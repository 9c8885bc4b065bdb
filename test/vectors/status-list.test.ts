import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { parseJwt, verifyJwtSignature } from '../../shared/jose/jws.ts'
import type { PublicJwk } from '../../shared/key/signer.ts'
import { readStatus, type StatusBits } from '../../shared/status-list/bits.ts'
import { inflateStatusList } from '../../shared/status-list/compress.ts'
import { parseStatusListCwt, verifyParsedStatusListCwt } from '../../shared/status-list/cwt.ts'
import { readStatusReference } from '../../shared/status-list/reference.ts'
import { readStatusListClaims } from '../../shared/status-list/token.ts'
import { external } from '../support/external.ts'

describe('the vectors of Token Status List', () => {
  const read = (context: Mocha.Context) =>
    JSON.parse(
      readFileSync(external(context, 'vectors/token-status-list/status-list-vectors.json'), 'utf8'),
    )

  it('of section 4 hold every status', function () {
    for (const { bits, byte_array_hex: hex, json, statuses } of read(this).short) {
      const list = inflateStatusList(Buffer.from(json.lst, 'base64url'))
      expect(Buffer.from(list).toString('hex')).to.equal(hex)
      const found = (statuses as number[]).map((_, idx) =>
        readStatus(list, bits as StatusBits, idx),
      )
      expect(found).to.deep.equal(statuses)
    }
  })

  it('of appendix C hold every listed status and no other', function () {
    for (const { bits, json, expected_nonzero_or_listed: statuses } of read(this).appendix) {
      const list = inflateStatusList(Buffer.from(json.lst, 'base64url'))
      expect(list.length).to.equal(((1 << 20) * bits) / 8)
      const expected = new Map(
        Object.entries(statuses).map(([idx, status]) => [Number(idx), status]),
      )
      for (let idx = 0; idx < 1 << 20; idx++) {
        const status = readStatus(list, bits as StatusBits, idx)
        if (status !== (expected.get(idx) ?? 0)) expect.fail(`index ${idx} of ${bits} bits`)
      }
    }
  })

  it('have a token that verifies and says what it holds', function () {
    const {
      status_list_token_jwt: [token = ''],
      public_jwk: key,
    } = read(this) as {
      status_list_token_jwt: string[]
      public_jwk: PublicJwk
    }
    const parsed = parseJwt(token)
    verifyJwtSignature(parsed, key)
    expect(parsed.header.typ).to.equal('statuslist+jwt')
    const { list, bits, uri } = readStatusListClaims(
      parsed.payload,
      'https://example.com/statuslists/1',
    )
    expect(uri).to.equal(parsed.payload.sub)
    expect([...list]).to.deep.equal([0xb9, 0xa3])
    expect(bits).to.equal(1)
  })

  it('have a CWT that verifies and says what it holds', function () {
    const { cwt_hex: cwt, public_jwk: key } = read(this) as {
      cwt_hex: { status_list_token: string }
      public_jwk: PublicJwk
    }
    const parsed = parseStatusListCwt(Buffer.from(cwt.status_list_token, 'hex'))
    const expectedUri = 'https://example.com/statuslists/1'
    const verified = verifyParsedStatusListCwt(parsed, { key, expectedUri, now: 1_686_920_170 })
    expect([...verified.list]).to.deep.equal([0xb9, 0xa3])
    expect(verified).to.include({ iat: 1_686_920_170, exp: 2_291_720_170, ttl: 43_200 })
  })

  it('have referenced tokens whose status is read', function () {
    const file = external(this, 'vectors/token-status-list/tokens-from-text.json')
    const { tokens } = JSON.parse(readFileSync(file, 'utf8')) as {
      tokens: { section: string; value: string }[]
    }
    const referenced = tokens.filter(({ section }) => section.includes('Referenced Token in JOSE'))
    expect(referenced.length).to.be.greaterThan(0)
    for (const { value } of referenced) {
      const { payload } = parseJwt(value.split('~')[0] as string)
      const reference = readStatusReference(payload)
      expect(reference?.uri).to.be.a('string')
      expect(reference?.idx).to.be.a('number')
    }
  })
})
