import { expect } from 'chai'
import { parseJwt, signJwt } from '../../../shared/jose/jws.ts'
import { generateEs256Key } from '../../../shared/key/signer.software.ts'
import {
  anchorsOf,
  anchorsOfHistory,
  checkSuccessor,
  requireKind,
  signTrustList,
  type TrustList,
  verifyTrustList,
  verifyTrustListSignature,
} from '../../../shared/trust/trust-list.ts'
import { NOW, testAuthority } from '../../support/pki.ts'
import { refuses } from '../../support/refusal.ts'

const DAY = 86_400
const { signer } = generateEs256Key()

describe('a trust list', () => {
  let certificate: string
  let older: string
  let list: TrustList
  before(async () => {
    certificate = Buffer.from((await testAuthority('attestation')).certificate).toString('base64')
    older = Buffer.from((await testAuthority('attestation')).certificate).toString('base64')
    list = {
      sequence: 2,
      operator: 'Carnet test',
      territory: 'UT',
      issuedAt: NOW - DAY,
      nextUpdate: NOW + DAY,
      entities: [
        {
          name: 'Issuer',
          services: [
            {
              role: 'attestation',
              name: 'Attestation CA',
              status: 'granted',
              from: NOW - 10 * DAY,
              certificates: [certificate],
              history: [{ status: 'granted', from: NOW - 100 * DAY, certificates: [older] }],
            },
            {
              role: 'relying-party-access',
              name: 'Access CA',
              status: 'withdrawn',
              from: NOW - 5 * DAY,
              certificates: [],
              history: [{ status: 'granted', from: NOW - 50 * DAY, certificates: [older] }],
            },
          ],
        },
      ],
    }
  })
  const verify = (jwt: string, now = NOW) =>
    verifyTrustList(jwt, { signerKey: signer.publicJwk, now })

  it('of a sandbox has a type of its own, and follows no other list', async () => {
    const marked = verify(await signTrustList({ ...list, sandbox: true }, signer))
    expect(marked.sandbox).to.equal(true)
    expect(verify(await signTrustList(list, signer))).to.not.have.property('sandbox')
    requireKind(marked, { expectedSandbox: true })
    await refuses('list_invalid', () => requireKind(marked, { expectedSandbox: false }))
    await refuses('list_invalid', () => requireKind(list, { expectedSandbox: true }))
    await refuses('list_invalid', () => checkSuccessor(list, { ...marked, sequence: 3 }))
  })

  it('says after verification what was signed (ETSI TS 119 602 §6)', async () => {
    expect(verify(await signTrustList(list, signer))).to.deep.equal(list)
  })

  it('is refused under another key, with another typ, and after its next update', async () => {
    const jwt = await signTrustList(list, generateEs256Key().signer)
    await refuses('list_invalid', () => verify(jwt))
    const { payload } = parseJwt(await signTrustList(list, signer))
    const typed = await signJwt({ header: { typ: 'JWT' }, payload, signer })
    await refuses('list_invalid', () => verify(typed))
    const good = await signTrustList(list, signer)
    await refuses('expired', () => verify(good, NOW + DAY + 1))
    await refuses('not_yet_valid', () => verify(good, NOW - 2 * DAY))
    expect(verifyTrustListSignature(good, { signerKey: signer.publicJwk })).to.deep.equal(list)
  })

  it('is refused when any member that decides trust is missing or not understood', async () => {
    const { payload } = parseJwt(await signTrustList(list, signer))
    const text = JSON.stringify(payload)
    for (const [from, to, code = 'list_invalid'] of [
      ['"ListAndSchemeInformation"', '"Information"'],
      ['"LoTEVersionIdentifier":1', '"LoTEVersionIdentifier":2'],
      ['urn:carnet:trust-list:1', 'urn:carnet:trust-list:2'],
      ['"LoTESequenceNumber":2', '"LoTESequenceNumber":0'],
      ['"LoTESequenceNumber":2', '"LoTESequenceNumber":1.5'],
      ['"SchemeTerritory":"UT"', '"SchemeTerritory":1'],
      ['"TrustedEntitiesList":[', '"TrustedEntitiesList":[1,'],
      ['"TrustedEntityInformation"', '"EntityInformation"'],
      ['"ServiceInformation"', '"Information"'],
      ['urn:carnet:trust-service:attestation', 'urn:carnet:trust-service:other'],
      ['urn:carnet:trust-status:granted', 'urn:carnet:trust-status:other'],
      ['"NextUpdate"', '"LastUpdate"'],
      ['"ServiceDigitalIdentity"', '"DigitalIdentity"'],
      ['"X509Certificates"', '"Certificates"'],
      ['"X509Certificates":[', '"OtherIds":[1],"X509Certificates":['],
      ['"X509Certificates":[', '"OtherIds":"did:example:1","X509Certificates":['],
      ['"val":"MII', '"val":"NII', 'malformed'],
      ['"ServiceStatus"', '"Status"'],
      ['"TEName":[{"lang":"en","value":"Issuer"}]', '"TEName":[]'],
      ['T00:00:00Z', 'T00:00:00'],
    ] as const) {
      expect(text, from).to.include(from)
      const changed = JSON.parse(text.replace(from, to))
      const jwt = await signJwt({ header: { typ: 'trustlist+jwt' }, payload: changed, signer })
      await refuses(code, () => verify(jwt))
    }
  })

  it('refuses a history that is not newest first', async () => {
    const [entity] = list.entities
    const [service] = entity?.services ?? []
    const history = [{ status: 'granted' as const, from: NOW, certificates: [older] }]
    const wrong = { ...list, entities: [{ name: 'x', services: [{ ...service, history }] }] }
    const jwt = await signTrustList(wrong as TrustList, signer)
    await refuses('list_invalid', () => verify(jwt))
  })

  it('judges a moment by the period that held then, and withdraws anchors', () => {
    const anchors = anchorsOf(list)
    const texts = (at: number, role = 'attestation' as const) =>
      anchors(role, at).map((der) => Buffer.from(der).toString('base64'))
    expect(texts(NOW)).to.deep.equal([certificate])
    expect(texts(NOW - 11 * DAY)).to.deep.equal([older])
    expect(texts(NOW - 101 * DAY)).to.deep.equal([])
    expect(anchors('relying-party-access', NOW)).to.deep.equal([])
    expect(anchors('relying-party-access', NOW - 6 * DAY)).to.have.length(1)
    expect(anchors('wallet-provider', NOW)).to.deep.equal([])
  })

  it('judges a moment by the list that was in force then', () => {
    const first: TrustList = { ...list, sequence: 1, issuedAt: NOW - 20 * DAY, entities: [] }
    const anchors = anchorsOfHistory([first, list])
    expect(anchors('attestation', NOW)).to.have.length(1)
    expect(anchors('attestation', NOW - 2 * DAY)).to.deep.equal([])
    expect(anchors('attestation', NOW - 21 * DAY)).to.deep.equal([])
  })

  it('does not go back', async () => {
    checkSuccessor(list, { ...list, sequence: 3 })
    await refuses('list_invalid', () => checkSuccessor(list, list))
    await refuses('list_invalid', () => checkSuccessor(list, { ...list, sequence: 3, issuedAt: 0 }))
  })
})
