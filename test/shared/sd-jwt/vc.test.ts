import { expect } from 'chai'
import type { JsonObject } from '../../../shared/json.ts'
import { generateEs256Key } from '../../../shared/key/signer.software.ts'
import { systemRandom } from '../../../shared/random.ts'
import type { ClaimPath } from '../../../shared/sd-jwt/claim-path.ts'
import { issueSdJwt } from '../../../shared/sd-jwt/issue.ts'
import { presentSdJwt } from '../../../shared/sd-jwt/present.ts'
import { readSdJwtVc, verifySdJwtVc } from '../../../shared/sd-jwt/vc.ts'
import { NOW, type TestAuthority, testAuthority } from '../../support/pki.ts'
import { refuses } from '../../support/refusal.ts'

const DAY = 86_400
const holder = generateEs256Key().signer
const keyBinding = {
  expectedAudience: 'x509_hash:verifier',
  expectedNonce: 'nonce-1',
  maxAgeSeconds: 300,
}

describe('verifySdJwtVc', () => {
  let authority: TestAuthority
  let leaf: Awaited<ReturnType<TestAuthority['leaf']>>
  before(async () => {
    authority = await testAuthority('attestation')
    leaf = await authority.leaf()
  })

  const base: JsonObject = {
    iss: 'https://issuer.example',
    iat: NOW - DAY,
    exp: NOW + DAY,
    vct: 'urn:carnet:identity:1',
    cnf: { jwk: { ...holder.publicJwk } },
    status: { status_list: { idx: 7, uri: 'https://issuer.example/status/1' } },
    given_name: 'Erika',
    family_name: 'Mustermann',
    age_equal_or_over: { 18: true, 21: true },
    nationalities: ['UT', 'DE'],
  }
  const disclosable: ClaimPath[] = [
    ['given_name'],
    ['family_name'],
    ['age_equal_or_over', '18'],
    ['age_equal_or_over', '21'],
    ['nationalities', null],
  ]
  const issue = ({
    claims = {},
    header = {},
    disclose = disclosable,
  }: {
    claims?: JsonObject
    header?: JsonObject
    disclose?: readonly ClaimPath[]
  } = {}) =>
    issueSdJwt({
      header: { typ: 'dc+sd-jwt', x5c: leaf.x5c, ...header },
      claims: { ...base, ...claims },
      disclosable: disclose,
      signer: leaf.signer,
      random: systemRandom,
    })
  const present = (sdJwt: string, disclose: readonly ClaimPath[] = [['given_name']]) =>
    presentSdJwt({
      sdJwt,
      disclose,
      keyBinding: { signer: holder, audience: 'x509_hash:verifier', nonce: 'nonce-1', now: NOW },
    })
  const verify = (compact: string, overrides = {}) =>
    verifySdJwtVc(compact, { anchors: authority.anchors, now: NOW, keyBinding, ...overrides })

  it('accepts a presentation of some claims and says what was shown', async () => {
    const verified = verify(
      await present(await issue(), [
        ['given_name'],
        ['age_equal_or_over', '18'],
        ['nationalities', 1],
      ]),
    )
    expect(verified.vct).to.equal('urn:carnet:identity:1')
    expect(verified.issuer).to.equal('https://issuer.example')
    expect(verified.holderKey).to.deep.equal(holder.publicJwk)
    expect(verified.status).to.deep.equal({ idx: 7, uri: 'https://issuer.example/status/1' })
    expect(verified.claims).to.deep.equal({
      iss: base.iss,
      iat: base.iat,
      exp: base.exp,
      vct: base.vct,
      cnf: base.cnf,
      status: base.status,
      given_name: 'Erika',
      age_equal_or_over: { 18: true },
      nationalities: ['DE'],
    })
    expect(verified.keyBinding).to.include({ aud: 'x509_hash:verifier', nonce: 'nonce-1' })
    expect(verified.disclosedPaths).to.have.deep.members([
      ['given_name'],
      ['age_equal_or_over', '18'],
      ['nationalities', 0],
    ])
  })

  it('requires typ dc+sd-jwt (SD-JWT VC §3.2.1)', async () => {
    for (const typ of ['JWT', 'vc+sd-jwt', 'at+jwt']) {
      await refuses('type_mismatch', async () =>
        verify(await present(await issue({ header: { typ } }))),
      )
    }
  })

  it('requires an x5c of the attestation role that ends at an anchor (HAIP 1.0 §6.1.1)', async () => {
    const stranger = await testAuthority('attestation')
    const presented = await present(await issue())
    await refuses('issuer_invalid', () => verify(presented, { anchors: stranger.anchors }))
    const access = await testAuthority('relying-party-access')
    const { x5c } = await access.leaf({ signer: leaf.signer })
    await refuses('issuer_invalid', async () =>
      verify(await present(await issue({ header: { x5c } }))),
    )
  })

  it('binds iss to the certificate (SD-JWT VC §3.5)', async () => {
    const claims = { iss: 'https://other.example' }
    await refuses('issuer_invalid', async () => verify(await present(await issue({ claims }))))
    const path = { iss: 'https://issuer.example/tenant' }
    expect(verify(await present(await issue({ claims: path }))).issuer).to.equal(path.iss)
    await refuses('issuer_invalid', async () =>
      verify(await present(await issue({ claims: { iss: 'https://issuer.example:8443' } }))),
    )
  })

  it('refuses an iss that is no text or no identifier (SD-JWT VC §3.2.2.2, §3.5)', async () => {
    for (const [iss, code] of [
      [7, 'claim_invalid'],
      [['https://issuer.example'], 'claim_invalid'],
      [null, 'claim_invalid'],
      ['issuer.example', 'issuer_invalid'],
      ['http://issuer.example', 'issuer_invalid'],
    ] as const) {
      await refuses(code, async () => verify(await present(await issue({ claims: { iss } }))))
    }
  })

  it('takes the first URI of the certificate where there is no iss (SD-JWT VC §3.2.2.2)', async () => {
    const { iss: _iss, ...claims } = base
    const sdJwt = await issueSdJwt({
      header: { typ: 'dc+sd-jwt', x5c: leaf.x5c },
      claims,
      disclosable,
      signer: leaf.signer,
      random: systemRandom,
    })
    expect(verify(await present(sdJwt)).issuer).to.equal('https://issuer.example')
  })

  it('requires an expected vct', async () => {
    const presented = await present(await issue())
    verify(presented, { expectedVcts: ['urn:carnet:identity:1'] })
    await refuses('vct_unexpected', () => verify(presented, { expectedVcts: ['urn:other:1'] }))
    await refuses('claim_missing', async () =>
      verify(await present(await issue({ claims: { vct: '' } }))),
    )
  })

  it('requires exp unless the policy says otherwise (RFC 9901 §7.1 step 6)', async () => {
    const { exp: _exp, ...rest } = base
    const sdJwt = await issueSdJwt({
      header: { typ: 'dc+sd-jwt', x5c: leaf.x5c },
      claims: rest,
      disclosable,
      signer: leaf.signer,
      random: systemRandom,
    })
    const presented = await present(sdJwt)
    await refuses('claim_missing', () => verify(presented))
    verify(presented, { requiredClaims: [] })
  })

  it('refuses a status that does not say where (Token Status List §6.2)', async () => {
    for (const status of [
      {},
      { status_list: {} },
      { status_list: { idx: 1.5, uri: 'https://a.example' } },
      { status_list: { idx: -1, uri: 'https://a.example' } },
      { status_list: { idx: '1', uri: 'https://a.example' } },
      { status_list: { idx: 1, uri: 'relative' } },
    ]) {
      await refuses('claim_invalid', async () =>
        verify(await present(await issue({ claims: { status } }))),
      )
    }
  })

  it('reads a held credential without verifying it', async () => {
    const read = readSdJwtVc(await issue())
    expect(read.claims.given_name).to.equal('Erika')
    expect(read.vct).to.equal('urn:carnet:identity:1')
    expect(read.holderKey).to.deep.equal(holder.publicJwk)
    expect(read.status?.idx).to.equal(7)
  })
})
