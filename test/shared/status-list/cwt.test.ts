import { encode, Tagged } from 'cborg'
import { expect } from 'chai'
import { statusListBytes, writeStatus } from '../../../shared/status-list/bits.ts'
import { deflateStatusList } from '../../../shared/status-list/compress.ts'
import { signStatusListCwt, verifyStatusListCwt } from '../../../shared/status-list/cwt.ts'
import { NOW, type TestAuthority, testAuthority } from '../../support/pki.ts'
import { refuses } from '../../support/refusal.ts'

const URI = 'https://issuer.example/status/1'

describe('a status list token in CWT form', () => {
  let authority: TestAuthority
  let leaf: Awaited<ReturnType<TestAuthority['leaf']>>
  const list = statusListBytes(64, 1)
  writeStatus(list, { bits: 1, idx: 9, status: 1 })
  before(async () => {
    authority = await testAuthority('attestation')
    leaf = await authority.leaf()
  })
  const sign = (overrides: object = {}) =>
    signStatusListCwt({
      uri: URI,
      bits: 1,
      list,
      iat: NOW - 60,
      exp: NOW + 3600,
      ttl: 300,
      signer: leaf.signer,
      x5c: leaf.x5c,
      ...overrides,
    })
  const verify = (token: Uint8Array, overrides: object = {}) =>
    verifyStatusListCwt(token, {
      expectedUri: URI,
      anchors: authority.anchors,
      now: NOW,
      ...overrides,
    })
  const lst = deflateStatusList(list)

  /** A token with any headers and claims, signed. */
  async function forge({
    header = {},
    claims = {},
    tag = 18,
    cut = (parts: unknown[]): unknown[] => parts,
  }: {
    header?: Record<number, unknown>
    claims?: Record<number, unknown>
    tag?: number
    cut?: (parts: unknown[]) => unknown[]
  } = {}): Promise<Uint8Array> {
    const asMap = (entries: [number, unknown][], changes: Record<number, unknown>) => {
      const map = new Map<number, unknown>(entries)
      for (const [key, value] of Object.entries(changes)) {
        if (value === undefined) map.delete(Number(key))
        else map.set(Number(key), value)
      }
      return map
    }
    const chain = Buffer.from(leaf.x5c[0] as string, 'base64')
    const protectedHeader = encode(
      asMap(
        [
          [1, -7],
          [16, 'application/statuslist+cwt'],
          [33, chain],
        ],
        header,
      ),
    )
    const payload = encode(
      asMap(
        [
          [2, URI],
          [6, NOW],
          [65_533, { bits: 1, lst }],
        ],
        claims,
      ),
    )
    const input = encode(['Signature1', protectedHeader, new Uint8Array(), payload])
    const signature = await leaf.signer.sign(input)
    return encode(new Tagged(tag, cut([protectedHeader, new Map(), payload, signature])))
  }

  it('is verified and inflated as the JWT form is (Token Status List §5.2)', async () => {
    const verified = verify(await sign())
    expect([...verified.list]).to.deep.equal([...list])
    expect(verified).to.include({ bits: 1, iat: NOW - 60, exp: NOW + 3600, ttl: 300, uri: URI })
    verify(await forge())
  })

  it('must be a tagged COSE_Sign1 of four parts (Token Status List §5.2, RFC 9052 §4.2)', async () => {
    await refuses('malformed', async () => verify(await forge({ tag: 17 })))
    await refuses('malformed', async () =>
      verify(await forge({ cut: (parts) => parts.slice(0, 3) })),
    )
    await refuses('malformed', async () => verify(await forge({ cut: (parts) => [...parts, 1] })))
    await refuses('malformed', () => verify(encode([1, 2, 3, 4])))
    const list = encode([1])
    for (const place of [0, 2]) {
      const cut = (parts: unknown[]) => parts.with(place, list)
      await refuses('malformed', async () => verify(await forge({ cut })))
    }
    await refuses('malformed', () => verify(new Uint8Array()))
  })

  it('must have its typ, ES256 and no crit (RFC 9596, RFC 9053 §2.1)', async () => {
    await refuses('type_mismatch', async () =>
      verify(await forge({ header: { 16: 'application/cwt' } })),
    )
    await refuses('signature_invalid', async () => verify(await forge({ header: { 1: -8 } })))
    await refuses('malformed', async () => verify(await forge({ header: { 2: [1] } })))
  })

  it('must be signed under a trusted chain, by the expected signer where one is named', async () => {
    await refuses('not_trusted', async () => verify(await forge({ header: { 33: undefined } })))
    await refuses('not_trusted', async () => verify(await sign(), { anchors: () => [] }))
    await refuses('signer_unexpected', async () =>
      verify(await sign(), { expectedSignerSha256: '00' }),
    )
    const { signer } = await authority.leaf()
    await refuses('signature_invalid', async () => verify(await sign({ signer })))
  })

  it('must be about its address, current and well-formed (Token Status List §8.3)', async () => {
    await refuses('uri_mismatch', async () => verify(await forge({ claims: { 2: 'other' } })))
    await refuses('expired', async () => verify(await sign({ exp: NOW })))
    await refuses('not_yet_valid', async () => verify(await sign({ iat: NOW + 11 })))
    await refuses('claim_invalid', async () => verify(await forge({ claims: { 6: undefined } })))
    await refuses('claim_invalid', async () => verify(await forge({ claims: { 4: 'soon' } })))
    await refuses('claim_invalid', async () => verify(await forge({ claims: { 65534: 0 } })))
    await refuses('malformed', async () => verify(await forge({ claims: { 65533: undefined } })))
    await refuses('malformed', async () =>
      verify(await forge({ claims: { 65533: { bits: 3, lst } } })),
    )
    await refuses('malformed', async () =>
      verify(await forge({ claims: { 65533: { bits: 1, lst: 'x' } } })),
    )
  })

  it('is refused with bytes after its end, repeated keys, long integers and deep nesting (RFC 8949 §4.2.1)', async () => {
    const token = await sign()
    await refuses('malformed', () => verify(Buffer.concat([token, Buffer.from([0])])))
    await refuses('malformed', () => verify(Buffer.from('d284a201260126', 'hex')))
    await refuses('malformed', () => verify(Buffer.from('d818', 'hex')))
    await refuses('malformed', () => verify(Buffer.alloc(100_000, 0x81)))
    await refuses('too_large', () => verify(new Uint8Array((8 << 20) + 1)))
  })

  it('has no byte that can be changed', async () => {
    const token = await sign()
    for (let at = 0; at < token.length; at += 11) {
      const changed = Buffer.from(token)
      changed[at] = (changed[at] as number) ^ 1
      let accepted = true
      try {
        verify(changed)
      } catch {
        accepted = false
      }
      expect(accepted, `byte ${at}`).to.equal(false)
    }
  })
})
