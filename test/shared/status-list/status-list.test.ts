import { deflateSync } from 'node:zlib'
import { expect } from 'chai'
import fc from 'fast-check'
import { encodeBase64url } from '../../../shared/base64url.ts'
import { signJwt } from '../../../shared/jose/jws.ts'
import { generateEs256Key } from '../../../shared/key/signer.software.ts'
import {
  readStatus,
  type StatusBits,
  statusListBytes,
  writeStatus,
} from '../../../shared/status-list/bits.ts'
import { createStatusListCache } from '../../../shared/status-list/cache.ts'
import { deflateStatusList, inflateStatusList } from '../../../shared/status-list/compress.ts'
import { resolveStatus } from '../../../shared/status-list/resolve.ts'
import { signStatusListToken, verifyStatusListToken } from '../../../shared/status-list/token.ts'
import { NOW, type TestAuthority, testAuthority } from '../../support/pki.ts'
import { refuses } from '../../support/refusal.ts'

const URI = 'https://issuer.example/status/1'
const HOUR = 3600

describe('status bits', () => {
  it('read the published one-bit list (Token Status List §4.1)', () => {
    // byte_array = [0xb9, 0xa3], statuses 1,0,0,1,1,1,0,1,1,1,0,0,0,1,0,1
    const list = new Uint8Array([0xb9, 0xa3])
    const statuses = Array.from({ length: 16 }, (_, idx) => readStatus(list, 1, idx))
    expect(statuses).to.deep.equal([1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1])
  })

  it('read the published two-bit list (Token Status List §4.1)', () => {
    // byte_array = [0xc9, 0x44, 0xf9], statuses 1,2,0,3,0,1,0,1,1,2,3,3
    const list = new Uint8Array([0xc9, 0x44, 0xf9])
    const statuses = Array.from({ length: 12 }, (_, idx) => readStatus(list, 2, idx))
    expect(statuses).to.deep.equal([1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3])
  })

  it('have no status outside of the list or between indexes (Token Status List §8.3)', () => {
    const list = statusListBytes(16, 1)
    for (const idx of [16, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '1' as never]) {
      expect(readStatus(list, 1, idx)).to.equal(undefined)
    }
    expect(readStatus(list, 1, 15)).to.equal(0)
  })

  it('keep what was written and change nothing else', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<StatusBits>(1, 2, 4, 8),
        fc.array(fc.record({ idx: fc.nat(99), status: fc.nat(255) }), { maxLength: 50 }),
        (bits, writes) => {
          const list = statusListBytes(100, bits)
          const model = new Map<number, number>()
          for (const { idx, status } of writes) {
            const fitting = status % 2 ** bits
            writeStatus(list, { bits, idx, status: fitting })
            model.set(idx, fitting)
          }
          for (let idx = 0; idx < 100; idx++) {
            expect(readStatus(list, bits, idx)).to.equal(model.get(idx) ?? 0)
          }
        },
      ),
    )
  })

  it('refuse to write what does not fit', () => {
    const list = statusListBytes(8, 2)
    expect(() => writeStatus(list, { bits: 2, idx: 8, status: 1 })).to.throw(RangeError)
    expect(() => writeStatus(list, { bits: 2, idx: 0, status: 4 })).to.throw(RangeError)
    expect(() => writeStatus(list, { bits: 2, idx: 0.5, status: 1 })).to.throw(RangeError)
    expect(() => writeStatus(list, { bits: 2, idx: 0, status: -1 })).to.throw(RangeError)
  })
})

describe('inflateStatusList', () => {
  it('gives back what was compressed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (list) => {
        expect([...inflateStatusList(deflateStatusList(list))]).to.deep.equal([...list])
      }),
    )
  })

  it('inflates the published list (Token Status List §4.2)', () => {
    const list = inflateStatusList(Buffer.from('eNrbuRgAAhcBXQ', 'base64url'))
    expect([...list]).to.deep.equal([0xb9, 0xa3])
  })

  it('refuses a bomb before it is inflated', async () => {
    const bomb = deflateSync(Buffer.alloc(1 << 25), { level: 9 })
    expect(bomb.length).to.be.lessThan(40_000)
    await refuses('too_large', () => inflateStatusList(bomb))
  })

  it('refuses bytes after the end, a cut stream and something else', async () => {
    const compressed = deflateStatusList(new Uint8Array(100))
    await refuses('malformed', () =>
      inflateStatusList(Buffer.concat([compressed, Buffer.from([0])])),
    )
    await refuses('malformed', () => inflateStatusList(compressed.subarray(0, -1)))
    await refuses('malformed', () => inflateStatusList(Buffer.from('hello')))
    await refuses('malformed', () => inflateStatusList(Buffer.alloc(0)))
  })
})

describe('a status list token', () => {
  let authority: TestAuthority
  let leaf: Awaited<ReturnType<TestAuthority['leaf']>>
  let list: Uint8Array
  before(async () => {
    authority = await testAuthority('attestation')
    leaf = await authority.leaf()
    list = statusListBytes(1024, 2)
    writeStatus(list, { bits: 2, idx: 1, status: 1 })
    writeStatus(list, { bits: 2, idx: 2, status: 2 })
    writeStatus(list, { bits: 2, idx: 3, status: 3 })
  })
  const signToken = (overrides: object = {}) =>
    signStatusListToken({
      uri: URI,
      bits: 2,
      list,
      iat: NOW - 60,
      exp: NOW + HOUR,
      ttl: 300,
      signer: leaf.signer,
      x5c: leaf.x5c,
      ...overrides,
    })
  const signClaims = (claims: object, header: object = {}) =>
    signJwt({
      header: { typ: 'statuslist+jwt', x5c: leaf.x5c, ...header },
      payload: {
        sub: URI,
        iat: NOW,
        status_list: { bits: 1, lst: encodeBase64url(deflateStatusList(new Uint8Array(2))) },
        ...claims,
      },
      signer: leaf.signer,
    })
  const verify = (token: string, overrides: object = {}) =>
    verifyStatusListToken(token, {
      expectedUri: URI,
      anchors: authority.anchors,
      now: NOW,
      ...overrides,
    })

  it('is verified and inflated', async () => {
    const verified = verify(await signToken())
    expect(verified.bits).to.equal(2)
    expect([...verified.list]).to.deep.equal([...list])
    expect(verified.iat).to.equal(NOW - 60)
    expect(verified.ttl).to.equal(300)
    expect(verified.tokenSha256).to.match(/^[0-9a-f]{64}$/)
  })

  it('must have the type statuslist+jwt (Token Status List §5.1)', async () => {
    await refuses('type_mismatch', async () => verify(await signClaims({}, { typ: 'JWT' })))
  })

  it('must be about the address it was fetched from (Token Status List §8.3)', async () => {
    const other = { expectedUri: `${URI}0` }
    await refuses('uri_mismatch', async () => verify(await signToken(), other))
  })

  it('must be signed under a trusted chain, by the expected signer where one is named', async () => {
    const stranger = await testAuthority('attestation')
    await refuses('not_trusted', async () =>
      verify(await signToken(), { anchors: stranger.anchors }),
    )
    const other = await authority.leaf()
    await refuses('signature_invalid', async () =>
      verify(await signToken({ signer: other.signer })),
    )
    await refuses('signer_unexpected', async () =>
      verify(await signToken(), { expectedSignerSha256: '00' }),
    )
  })

  it('must be neither expired nor from the future (Token Status List §8.3)', async () => {
    await refuses('expired', async () => verify(await signToken({ exp: NOW })))
    await refuses('not_yet_valid', async () => verify(await signToken({ iat: NOW + 11 })))
  })

  it('must have every claim in its form (Token Status List §5.1)', async () => {
    await refuses('claim_invalid', async () => verify(await signClaims({ iat: undefined })))
    await refuses('claim_invalid', async () => verify(await signClaims({ ttl: 0 })))
    await refuses('claim_invalid', async () => verify(await signClaims({ ttl: '300' })))
    await refuses('malformed', async () => verify(await signClaims({ status_list: undefined })))
    for (const bits of [0, 3, 16, '1', undefined]) {
      await refuses('malformed', async () =>
        verify(await signClaims({ status_list: { bits, lst: 'eNrbuRgAAhcBXQ' } })),
      )
    }
    for (const lst of ['eNrbuRgAAhcBXQ==', 'eNrb+RgAAhcBXQ', '', 1]) {
      await refuses('malformed', async () =>
        verify(await signClaims({ status_list: { bits: 1, lst } })),
      )
    }
  })

  describe('resolveStatus', () => {
    const resolve = (idx: number, overrides: object = {}) =>
      resolveStatus(
        { uri: URI, idx },
        {
          fetchToken: () => signToken(),
          anchors: authority.anchors,
          now: NOW,
          cache: createStatusListCache(),
          maxStalenessSeconds: HOUR,
          ...overrides,
        },
      )

    it('says valid, revoked and suspended (Token Status List §7.1)', async () => {
      expect((await resolve(0)).verdict).to.equal('valid')
      expect((await resolve(1)).verdict).to.equal('revoked')
      expect((await resolve(2)).verdict).to.equal('suspended')
    })

    it('never takes for valid what it cannot say, and gives the reason', async () => {
      const cases: [string, object, number?][] = [
        ['status_not_understood', {}, 3],
        ['index_out_of_range', {}, 1024],
        ['index_out_of_range', {}, 0.5],
        ['credential_expired', { credentialExpires: NOW }],
        ['list_unreachable', { fetchToken: () => Promise.reject(new Error('down')) }],
        ['list_malformed', { fetchToken: async () => 'nonsense' }],
        ['list_stale', { maxStalenessSeconds: 59 }],
        ['list_not_trusted', { anchors: () => [] }],
        ['list_expired', { fetchToken: () => signToken({ exp: NOW - 1 }) }],
        ['list_uri_mismatch', { fetchToken: () => signToken({ uri: 'https://a.example/' }) }],
      ]
      for (const [reason, overrides, idx = 0] of cases) {
        const verdict = await resolve(idx, overrides)
        expect(verdict.verdict, reason).to.equal('undetermined')
        expect(verdict.reason).to.equal(reason)
      }
    })

    it('does not fetch for an expired credential (Token Status List §8.3)', async () => {
      let fetched = false
      const fetchToken = async () => {
        fetched = true
        return signToken()
      }
      await resolve(0, { credentialExpires: NOW - 1, fetchToken })
      expect(fetched).to.equal(false)
    })

    it('fetches once within ttl, again after it, and keeps nothing past exp (Token Status List §13.7)', async () => {
      let fetches = 0
      const cache = createStatusListCache()
      const fetchToken = async () => {
        fetches++
        return signToken()
      }
      const at = (now: number) => resolve(0, { cache, fetchToken, now })
      await at(NOW)
      await at(NOW + 299)
      expect(fetches).to.equal(1)
      await at(NOW + 300)
      expect(fetches).to.equal(2)
      const down = () => Promise.reject(new Error('down'))
      const late = await resolve(0, { cache, fetchToken: down, now: NOW + 601 })
      expect(late.reason).to.equal('list_unreachable')
    })

    it('refuses a list older than the one it saw before', async () => {
      const cache = createStatusListCache()
      await resolve(0, { cache })
      const fetchToken = () => signToken({ iat: NOW - 61 })
      const verdict = await resolve(0, { cache, fetchToken, now: NOW + 300 })
      expect(verdict.reason).to.equal('list_went_back')
    })

    it('takes the signer that the caller expects and no other, cached or not', async () => {
      const cache = createStatusListCache()
      const expecting = (accepts: boolean) => resolve(0, { cache, acceptsSigner: () => accepts })
      expect((await expecting(false)).reason).to.equal('list_signer_unexpected')
      expect((await expecting(true)).verdict).to.equal('valid')
      expect((await expecting(false)).reason).to.equal('list_signer_unexpected')
    })

    describe('of an issuer that is a decentralized identifier', () => {
      const { signer } = generateEs256Key()
      const didKey = { keyId: 'did:example:1#0', publicJwk: signer.publicJwk }
      const signUnderKid = (header: object = { kid: didKey.keyId }) =>
        signJwt({
          header: { typ: 'statuslist+jwt', ...header },
          payload: {
            sub: URI,
            iat: NOW,
            status_list: { bits: 1, lst: encodeBase64url(deflateStatusList(new Uint8Array(2))) },
          },
          signer,
        })
      const asked = (overrides: object = {}) =>
        resolve(0, { fetchToken: () => signUnderKid(), anchors: () => [], didKey, ...overrides })

      it('takes a list under the key that signed the credential', async () => {
        expect((await asked()).verdict).to.equal('valid')
      })

      it('refuses it for any other issuer, and from the cache too', async () => {
        const cache = createStatusListCache()
        expect((await asked({ cache })).verdict).to.equal('valid')
        const other = generateEs256Key().signer.publicJwk
        for (const [reason, overrides] of [
          ['list_not_trusted', { didKey: undefined }],
          ['list_not_trusted', { didKey: { ...didKey, keyId: 'did:example:2#0' } }],
          ['list_signature_invalid', { didKey: { ...didKey, publicJwk: other } }],
        ] as const) {
          expect((await asked(overrides)).reason).to.equal(reason)
          expect((await asked({ cache, ...overrides })).reason, 'from the cache').to.equal(reason)
        }
      })

      it('judges a token with a chain by its chain, and one without either not at all', async () => {
        for (const header of [{ kid: didKey.keyId, x5c: leaf.x5c }, {}, { kid: 1 }]) {
          const verdict = await asked({ fetchToken: () => signUnderKid(header) })
          expect(verdict.reason).to.equal('list_not_trusted')
        }
      })
    })

    it('gives the token as evidence', async () => {
      const { token, tokenSha256, iat } = await resolve(1)
      expect(token).to.be.a('string')
      expect(verify(token as string).tokenSha256).to.equal(tokenSha256)
      expect(iat).to.equal(NOW - 60)
    })
  })

  it('is cached under a bound on entries and bytes, the longest unused first out', async () => {
    const cache = createStatusListCache({ maxEntries: 2 })
    const entry = { token: 't', statusList: verify(await signToken()), fetchedAt: NOW }
    cache.set('a', entry)
    cache.set('b', entry)
    cache.get('a')
    cache.set('c', entry)
    expect(cache.get('b')).to.equal(undefined)
    expect(cache.get('a')).to.equal(entry)
    const small = createStatusListCache({ maxBytes: 300 })
    small.set('a', entry)
    small.set('b', entry)
    expect(small.get('a')).to.equal(undefined)
    expect(small.get('b')).to.equal(entry)
  })
})
