import { createHash } from 'node:crypto'
import { encode, Tagged } from 'cborg'
import { expect } from 'chai'
import { encodeBase64url } from '../../../shared/base64url.ts'
import { generateEs256Key } from '../../../shared/key/signer.software.ts'
import { systemRandom } from '../../../shared/random.ts'
import { issueSdJwt } from '../../../shared/sd-jwt/issue.ts'
import { holdSdJwt } from '../../../shared/sd-jwt/present.ts'
import { recogniseCredential } from '../../../wallet-cli/format/recognise.sphereon.ts'

const json = (value: object) => encodeBase64url(JSON.stringify(value))

function mdoc(): string {
  const item = encode(
    new Map<string, unknown>([
      ['digestID', 0],
      ['random', new Uint8Array(16)],
      ['elementIdentifier', 'family_name'],
      ['elementValue', 'Mustermann'],
    ]),
  )
  const date = (text: string) => new Tagged(0, text)
  const key = new Map<number, unknown>([
    [1, 2],
    [-1, 1],
    [-2, new Uint8Array(32).fill(1)],
    [-3, new Uint8Array(32).fill(2)],
  ])
  const mso = encode({
    version: '1.0',
    digestAlgorithm: 'SHA-256',
    valueDigests: {
      'org.iso.18013.5.1': new Map([[0, createHash('sha256').update(item).digest()]]),
    },
    deviceKeyInfo: { deviceKey: key },
    docType: 'org.iso.18013.5.1.mDL',
    validityInfo: {
      signed: date('2026-01-01T00:00:00Z'),
      validFrom: date('2026-01-01T00:00:00Z'),
      validUntil: date('2030-01-01T00:00:00Z'),
    },
  })
  const issuerAuth = [
    encode(new Map([[1, -7]])),
    new Map([[33, new Uint8Array(10)]]),
    encode(new Tagged(24, mso)),
    new Uint8Array(64),
  ]
  const nameSpaces = { 'org.iso.18013.5.1': [new Tagged(24, item)] }
  return encodeBase64url(encode({ nameSpaces, issuerAuth }))
}

describe('recogniseCredential', () => {
  it('reads an SD-JWT VC as our own decoder does', async () => {
    const compact = await issueSdJwt({
      header: { typ: 'dc+sd-jwt' },
      claims: {
        iss: 'https://issuer.example',
        vct: 'urn:carnet:identity:1',
        given_name: 'Erika',
        address: { country: 'DE', locality: 'Köln' },
        nationalities: ['UT', 'DE'],
      },
      disclosable: [['given_name'], ['address'], ['address', 'country'], ['nationalities', null]],
      signer: generateEs256Key().signer,
      random: systemRandom,
    })
    const recognised = recogniseCredential(compact)
    expect(recognised).to.deep.include({
      format: 'dc+sd-jwt',
      types: ['urn:carnet:identity:1'],
      issuer: 'https://issuer.example',
    })
    expect(recognised?.claims).to.deep.equal(holdSdJwt(compact).claims)
  })

  const subject = { id: 'did:example:worker', given_name: 'Erika' }
  const w3c = {
    '@context': ['https://www.w3.org/2018/credentials/v1'],
    type: ['VerifiableCredential', 'IdentityCredential'],
    credentialSubject: subject,
  }

  it('reads a W3C credential as JWT', () => {
    const payload = { iss: 'did:example:issuer', nbf: 1, vc: w3c }
    const jwt = `${json({ alg: 'ES256', typ: 'JWT' })}.${json(payload)}.AAAA`
    expect(recogniseCredential(`${jwt}\n`)).to.deep.equal({
      format: 'jwt_vc_json',
      types: w3c.type,
      issuer: 'did:example:issuer',
      claims: subject,
    })
  })

  it('reads a W3C credential with a linked-data proof', () => {
    const credential = {
      ...w3c,
      issuer: { id: 'did:example:issuer' },
      issuanceDate: '2026-01-01T00:00:00Z',
      proof: {
        type: 'DataIntegrityProof',
        created: '2026-01-01T00:00:00Z',
        proofPurpose: 'assertionMethod',
        proofValue: 'z',
        verificationMethod: 'did:example:issuer#1',
      },
    }
    expect(recogniseCredential(JSON.stringify(credential))).to.deep.equal({
      format: 'ldp_vc',
      types: w3c.type,
      issuer: 'did:example:issuer',
      claims: subject,
    })
  })

  it('reads an mdoc', () => {
    const recognised = recogniseCredential(mdoc())
    expect(recognised).to.deep.include({ format: 'mso_mdoc', types: ['org.iso.18013.5.1.mDL'] })
    expect(recognised?.claims).to.deep.equal({ 'org.iso.18013.5.1': { family_name: 'Mustermann' } })
  })

  it('does not take anything else for a credential', () => {
    for (const text of [
      '',
      'hello',
      '{',
      '{"a":1}',
      '[]',
      'a.b.c',
      'a.b.c~',
      json({ a: 1 }),
      '{"vc":{}}',
    ]) {
      expect(recogniseCredential(text), text).to.equal(undefined)
    }
    expect(recogniseCredential('a'.repeat((1 << 20) + 1))).to.equal(undefined)
  })
})
