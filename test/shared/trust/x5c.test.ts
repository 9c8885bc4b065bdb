import { expect } from 'chai'
import { generateEs256Key } from '../../../shared/key/signer.software.ts'
import { systemRandom } from '../../../shared/random.ts'
import {
  issueIntermediateCertificate,
  issueLeafCertificate,
} from '../../../shared/trust/certificate.ts'
import { verifyX5c, x509Hash } from '../../../shared/trust/x5c.ts'
import { NOW, type TestAuthority, testAuthority } from '../../support/pki.ts'
import { refuses } from '../../support/refusal.ts'

const DAY = 86_400

describe('verifyX5c', () => {
  let authority: TestAuthority
  before(async () => {
    authority = await testAuthority('attestation')
  })
  const verify = (x5c: unknown, overrides = {}) =>
    verifyX5c(x5c, { role: 'attestation', anchors: authority.anchors, now: NOW, ...overrides })

  it('accepts a leaf under a named anchor and says who it speaks for', async () => {
    const { signer, x5c } = await authority.leaf()
    const { leaf, authorityKeyIds } = verify(x5c)
    expect(leaf.publicJwk).to.deep.equal(signer.publicJwk)
    expect(leaf.sanUris).to.deep.equal(['https://issuer.example'])
    expect(leaf.sanDns).to.deep.equal(['issuer.example'])
    expect(leaf.organisation).to.equal('Carnet test')
    expect(authorityKeyIds).to.have.length(1)
  })

  it('refuses x5c with the anchor in it (HAIP 1.0 §6.1.1)', async () => {
    const { x5c } = await authority.leaf()
    const anchor = Buffer.from(authority.certificate).toString('base64')
    await refuses('anchor_included', () => verify([...x5c, anchor]))
  })

  it('refuses a self-signed leaf (HAIP 1.0 §6.1.1)', async () => {
    const other = await testAuthority('attestation')
    await refuses('self_signed', () => verify([Buffer.from(other.certificate).toString('base64')]))
  })

  it('refuses a leaf of an authority that is not named, even with the same name (RFC 5280 §6.1.3)', async () => {
    const impostor = await testAuthority('attestation')
    const { x5c } = await impostor.leaf()
    await refuses('not_trusted', () => verify(x5c))
  })

  it('refuses everything where no anchor is named', async () => {
    const { x5c } = await authority.leaf()
    await refuses('not_trusted', () => verify(x5c, { anchors: () => [] }))
  })

  it('judges each role by its own anchors and key purpose (RFC 5280 §4.2.1.12)', async () => {
    const { x5c } = await authority.leaf()
    await refuses('not_trusted', () => verify(x5c, { role: 'relying-party-access' as const }))
    const { x5c: other } = await authority.leaf({ role: 'relying-party-access' })
    await refuses('key_usage', () => verify(other))
  })

  it('refuses a leaf before and after its validity, and takes its first and last second (RFC 5280 §4.1.2.5)', async () => {
    const { x5c } = await authority.leaf({ notBefore: NOW - DAY, notAfter: NOW + DAY })
    await refuses('not_yet_valid', () => verify(x5c, { now: NOW - DAY - 1 }))
    await refuses('expired', () => verify(x5c, { now: NOW + DAY + 1 }))
    verify(x5c, { now: NOW - DAY })
    verify(x5c, { now: NOW + DAY })
  })

  it('refuses an anchor after its validity', async () => {
    const { x5c } = await authority.leaf({ notAfter: NOW + 800 * DAY })
    await refuses('expired', () => verify(x5c, { now: NOW + 400 * DAY }))
  })

  it('accepts an intermediate, and refuses a leaf acting as one (RFC 5280 §6.1.4 k)', async () => {
    const intermediate = generateEs256Key()
    const certificate = await issueIntermediateCertificate({
      subject: { commonName: 'Intermediate' },
      publicJwk: intermediate.signer.publicJwk,
      notBefore: NOW - DAY,
      notAfter: NOW + DAY,
      issuer: authority,
      random: systemRandom,
    })
    const under = async (issuer: Uint8Array, pkcs8: string) =>
      issueLeafCertificate({
        subject: { commonName: 'Leaf' },
        publicJwk: generateEs256Key().signer.publicJwk,
        role: 'attestation',
        notBefore: NOW - DAY,
        notAfter: NOW + DAY,
        issuer: { certificate: issuer, pkcs8 },
        random: systemRandom,
      })
    const base64 = (der: Uint8Array) => Buffer.from(der).toString('base64')
    const leaf = await under(certificate, intermediate.pkcs8)
    verify([base64(leaf), base64(certificate)])
    await refuses('not_trusted', () => verify([base64(leaf)]))
    await refuses('chain_invalid', () => verify([base64(certificate), base64(leaf)]))

    const acting = generateEs256Key()
    const { der } = await authority.leaf({ signer: acting.signer })
    const below = await under(der, acting.pkcs8)
    await refuses('chain_invalid', () => verify([base64(below), base64(der)]))
  })

  it('refuses a leaf that is a certificate authority', async () => {
    const key = generateEs256Key()
    const certificate = await issueIntermediateCertificate({
      subject: { commonName: 'Intermediate' },
      publicJwk: key.signer.publicJwk,
      notBefore: NOW - DAY,
      notAfter: NOW + DAY,
      issuer: authority,
      random: systemRandom,
    })
    await refuses('chain_invalid', () => verify([Buffer.from(certificate).toString('base64')]))
  })

  it('refuses what is not an array of base64 certificates (RFC 7515 §4.1.6)', async () => {
    const { der, x5c } = await authority.leaf()
    await refuses('malformed', () => verify(undefined))
    await refuses('malformed', () => verify([]))
    await refuses('malformed', () => verify(x5c[0]))
    await refuses('malformed', () => verify([Buffer.from(der).toString('base64url')]))
    await refuses('malformed', () => verify([`${x5c[0]}\n`]))
    await refuses('malformed', () => verify([Buffer.from([...der, 0]).toString('base64')]))
    await refuses('malformed', () => verify(['AAAA']))
  })

  it('refuses more certificates and larger ones than it reads', async () => {
    const { x5c } = await authority.leaf()
    await refuses('too_large', () => verify(Array(5).fill(x5c[0])))
    await refuses('too_large', () => verify([Buffer.alloc(8193).toString('base64')]))
  })

  it('refuses any certificate with one changed bit', async () => {
    const { der } = await authority.leaf()
    for (const at of [...der.keys()].filter((index) => index % 13 === 0)) {
      const changed = Buffer.from(der)
      changed[at] = (changed[at] as number) ^ 1
      let accepted = true
      try {
        verify([changed.toString('base64')])
      } catch {
        accepted = false
      }
      expect(accepted, `byte ${at}`).to.equal(false)
    }
  })
})

describe('x509Hash', () => {
  it('is SHA-256 over the certificate in DER (OpenID4VP 1.0 §5.9.3)', async () => {
    const authority = await testAuthority('relying-party-access')
    const { x5c } = await authority.leaf()
    expect(x509Hash(x5c[0] as string)).to.match(/^[\w-]{43}$/)
    const { leaf } = verifyX5c(x5c, {
      role: 'relying-party-access',
      anchors: authority.anchors,
      now: NOW,
    })
    expect(Buffer.from(x509Hash(x5c[0] as string), 'base64url').toString('hex')).to.equal(
      leaf.sha256,
    )
  })
})
