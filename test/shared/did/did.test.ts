import { p256 } from '@noble/curves/nist.js'
import { expect } from 'chai'
import { encodeBase64url } from '../../../shared/base64url.ts'
import { createDidAgent } from '../../../shared/did/agent.veramo.ts'
import { isDid, keyOfDocument, parseKeyId } from '../../../shared/did/did.ts'
import { didJwk, didWebUrl, resolveDidJwk, resolveDidWeb } from '../../../shared/did/methods.ts'
import { verifyDidSdJwtVc } from '../../../shared/did/vc.ts'
import type { Fetch } from '../../../shared/fetch.ts'
import type { JsonObject } from '../../../shared/json.ts'
import { generateEs256Key } from '../../../shared/key/signer.software.ts'
import { systemRandom } from '../../../shared/random.ts'
import { issueSdJwt } from '../../../shared/sd-jwt/issue.ts'
import { presentSdJwt } from '../../../shared/sd-jwt/present.ts'
import { didsOf } from '../../../shared/trust/trust-list.ts'
import { NOW, testAuthority } from '../../support/pki.ts'
import { refuses } from '../../support/refusal.ts'

const offline: Fetch = () => Promise.reject(new Error('no network in this test'))
const { signer } = generateEs256Key()

/** A Fetch that answers one document at one address. */
const serving =
  (address: string, document: unknown, status = 200): Fetch =>
  async (input) => {
    expect(String(input)).to.equal(address)
    return new Response(JSON.stringify(document), { status })
  }

describe('the DID agent', () => {
  const agent = createDidAgent({ fetch: offline })

  it('makes a did:key of a P-256 key and resolves it to that key (did:key, p256-pub)', async () => {
    const { did, keyId } = await agent.create('key', signer)
    expect(did).to.match(/^did:key:zDn/)
    const document = await agent.resolve(did)
    const key = keyOfDocument(document, { did, relationship: 'assertionMethod', keyId })
    expect(key).to.deep.equal(signer.publicJwk)
    expect(keyOfDocument(document, { did, relationship: 'authentication' })).to.deep.equal(key)
  })

  it('resolves the published did:key of a P-256 key (did:key test vectors)', async () => {
    const did = 'did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169'
    const key = keyOfDocument(await agent.resolve(did), { did, relationship: 'assertionMethod' })
    expect(key).to.deep.equal({
      kty: 'EC',
      crv: 'P-256',
      x: 'fyNYMN0976ci7xqiSdag3buk-ZCwgXU4kz9XNkBlNUI',
      y: 'hW2ojTNfH7Jbi8--CJUo3OCbH3y5n91g-IMA9MLMbTU',
    })
  })

  for (const [member, x, y] of [
    [
      'x',
      'AJQG89D5La24lfWJ-XE9aGtNK_OX-dkSumqZmrqWdgI',
      'UfD6YnaXZmMpVZIwXigKO-E1HSIK7wi6yCU8Mcm9PNs',
    ],
    [
      'y',
      'myLMYA1Gfz1_2jnLpBMiVFzxrHEEKLQBZUb0madkquE',
      'ANy4ukNAggdrobpasOCwgKJhbQNvaCLZ_UKPeXGwIP0',
    ],
  ] as const) {
    it(`resolves a did:key whose ${member} begins with a zero byte to all of it (RFC 7518 §6.2.1.2)`, async () => {
      const publicJwk = { kty: 'EC', crv: 'P-256', x, y } as const
      const { did } = await agent.create('key', { ...signer, publicJwk })
      const document = await agent.resolve(did)
      const key = keyOfDocument(document, { did, relationship: 'assertionMethod' })
      expect(key).to.deep.equal(publicJwk)
    })
  }

  it('makes a did:jwk and resolves it (did:jwk)', async () => {
    const { did, keyId } = await agent.create('jwk', signer)
    expect(keyId).to.equal(`${did}#0`)
    const document = await agent.resolve(did)
    expect(keyOfDocument(document, { did, relationship: 'assertionMethod', keyId })).to.deep.equal(
      signer.publicJwk,
    )
  })

  it('signs through the Signer port, as @noble/curves agrees', async () => {
    const { did } = await agent.create('key', signer)
    const data = Buffer.from('hello')
    const signature = Buffer.from(await agent.sign(did, data), 'base64url')
    const { x, y } = signer.publicJwk
    const point = Buffer.concat([
      Buffer.from([4]),
      Buffer.from(x, 'base64url'),
      Buffer.from(y, 'base64url'),
    ])
    expect(p256.verify(signature, data, point, { lowS: false })).to.equal(true)
    let signed = true
    try {
      await agent.sign(didJwk(generateEs256Key().signer.publicJwk), data)
    } catch {
      signed = false
    }
    expect(signed, 'a DID that was not made here').to.equal(false)
  })

  it('refuses methods it does not know, and identifiers that are none', async () => {
    await refuses('method_not_supported', () => agent.resolve('did:example:123'))
    await refuses('malformed', () => agent.resolve('did:key:'))
    await refuses('malformed', () => agent.resolve('https://example.com'))
    await refuses('not_resolved', () => agent.resolve('did:key:zDnzzz'))
    await refuses('not_resolved', () => agent.resolve('did:web:issuer.example'))
  })
})

describe('keyOfDocument', () => {
  const did = 'did:web:issuer.example'
  const method = {
    id: `${did}#1`,
    controller: did,
    type: 'JsonWebKey2020',
    publicKeyJwk: { ...signer.publicJwk },
  }
  const document: JsonObject = { id: did, verificationMethod: [method], assertionMethod: ['#1'] }
  const key = (
    changes: JsonObject,
    relationship: 'assertionMethod' | 'authentication' = 'assertionMethod',
  ) => keyOfDocument({ ...document, ...changes }, { did, relationship, keyId: `${did}#1` })

  it('takes a key that stands in the relationship, by reference or embedded (DID Core §5.3)', () => {
    expect(key({})).to.deep.equal(signer.publicJwk)
    expect(key({ verificationMethod: [], assertionMethod: [method] })).to.deep.equal(
      signer.publicJwk,
    )
  })

  it('refuses one that does not (DID Core §5.3)', async () => {
    await refuses('key_not_found', () => key({}, 'authentication'))
    await refuses('key_not_found', () => key({ assertionMethod: [] }))
    await refuses('key_not_found', () => key({ assertionMethod: [`${did}#2`] }))
  })

  it('refuses another controller, another subject, and an ambiguous key (DID Core §5.1.1, §5.2.1)', async () => {
    const foreign = { ...method, controller: 'did:web:other.example' }
    await refuses('key_not_found', () => key({ verificationMethod: [foreign] }))
    await refuses('document_invalid', () => key({ id: 'did:web:other.example' }))
    await refuses('key_not_found', () => key({ verificationMethod: [method, method] }))
  })

  it('refuses a private key and another curve', async () => {
    const leaked = { ...method, publicKeyJwk: { ...signer.publicJwk, d: 'AA' } }
    await refuses('document_invalid', () => key({ verificationMethod: [leaked] }))
    const { publicKeyJwk: _jwk, ...keyless } = method
    await refuses('document_invalid', () => key({ verificationMethod: [keyless] }))
    await refuses('document_invalid', () => key({ verificationMethod: 'x' }))
    await refuses('document_invalid', () => key({ verificationMethod: Array(65).fill(method) }))
  })
})

describe('did:jwk', () => {
  it('resolves the published example (did:jwk specification)', () => {
    const did =
      'did:jwk:eyJjcnYiOiJQLTI1NiIsImt0eSI6IkVDIiwieCI6ImFjYklRaXVNczNpOF91c3pFakoydHBUdFJNNEVVM3l6OTFQSDZDZEgyVjAiLCJ5IjoiX0tjeUxqOXZXTXB0bm1LdG00NkdxRHo4d2Y3NEk1TEtncmwyR3pIM25TRSJ9'
    const key = keyOfDocument(resolveDidJwk(did), { did, relationship: 'assertionMethod' })
    expect(key.x).to.equal('acbIQiuMs3i8_uszEjJ2tpTtRM4EU3yz91PH6CdH2V0')
  })

  it('gives no signing key for a key that is for encryption', async () => {
    const did = `did:jwk:${encodeBase64url(JSON.stringify({ ...signer.publicJwk, use: 'enc' }))}`
    await refuses('key_not_found', () =>
      keyOfDocument(resolveDidJwk(did), { did, relationship: 'assertionMethod' }),
    )
  })

  it('refuses what is not a public P-256 key', async () => {
    const of = (jwk: object) => `did:jwk:${encodeBase64url(JSON.stringify(jwk))}`
    await refuses('malformed', () => resolveDidJwk(of({ ...signer.publicJwk, d: 'AA' })))
    await refuses('malformed', () => resolveDidJwk(of({ kty: 'OKP', crv: 'Ed25519', x: 'AA' })))
    await refuses('document_invalid', () => resolveDidJwk(of([])))
    await refuses('document_invalid', () => resolveDidJwk('did:jwk:AAAA'))
    await refuses('malformed', () => resolveDidJwk('did:jwk:a'))
    await refuses('malformed', () => resolveDidJwk('did:key:zDn'))
  })
})

describe('did:web', () => {
  it('is found at its well-known or its own path (did:web §2.5.2)', () => {
    expect(didWebUrl('did:web:issuer.example')).to.equal(
      'https://issuer.example/.well-known/did.json',
    )
    expect(didWebUrl('did:web:issuer.example:u:a')).to.equal('https://issuer.example/u/a/did.json')
    expect(didWebUrl('did:web:issuer.example%3A8443')).to.equal(
      'https://issuer.example:8443/.well-known/did.json',
    )
  })

  it('is refused when it would name anything else than a host and a path', async () => {
    for (const did of [
      'did:web:',
      'did:web:a%2Fb',
      'did:web:a:..',
      'did:web:a:%2E%2E',
      'did:web:user%40host',
      'did:web:a%',
      'did:web:host%3Aport',
      'did:key:a',
    ]) {
      await refuses('malformed', () => didWebUrl(did))
    }
  })

  it('must be answered with its own document, whole and in time', async () => {
    const did = 'did:web:issuer.example'
    const url = 'https://issuer.example/.well-known/did.json'
    expect(await resolveDidWeb(did, serving(url, { id: did }))).to.deep.equal({ id: did })
    await refuses('document_invalid', () =>
      resolveDidWeb(did, serving(url, { id: 'did:web:other' })),
    )
    await refuses('document_invalid', () => resolveDidWeb(did, serving(url, [])))
    await refuses('document_invalid', () => resolveDidWeb(did, serving(url, 'x'.repeat(70_000))))
    await refuses('not_resolved', () => resolveDidWeb(did, serving(url, { id: did }, 404)))
    await refuses('not_resolved', () => resolveDidWeb(did, offline))
  })
})

describe('isDid and parseKeyId', () => {
  it('take identifiers and key identifiers only (DID Core §3.1, §3.2)', () => {
    expect(isDid('did:key:zDn')).to.equal(true)
    for (const text of [
      'did:',
      'did:key',
      'DID:key:a',
      'did:key:a#b',
      'did:key:a?b',
      'did:key:a/b',
      ' did:key:a',
    ]) {
      expect(isDid(text), text).to.equal(false)
    }
    expect(parseKeyId('did:key:a#b')).to.deep.equal({ did: 'did:key:a', keyId: 'did:key:a#b' })
    for (const text of ['did:key:a', 'did:key:a#', 'did:key:a#b#c', '#b']) {
      expect(parseKeyId(text), text).to.equal(undefined)
    }
  })
})

describe('verifyDidSdJwtVc', () => {
  const agent = createDidAgent({ fetch: offline })
  const issuer = generateEs256Key().signer
  const holder = generateEs256Key().signer
  let issuerDid: string
  let issuerKeyId: string
  let holderKeyId: string
  before(async () => {
    const own = await agent.create('key', issuer)
    issuerDid = own.did
    issuerKeyId = own.keyId
    holderKeyId = (await agent.create('jwk', holder)).keyId
  })
  async function present({
    header = {},
    claims = {},
  }: {
    header?: JsonObject
    claims?: JsonObject
  } = {}) {
    const sdJwt = await issueSdJwt({
      header: { typ: 'dc+sd-jwt', kid: issuerKeyId, ...header },
      claims: {
        iss: issuerDid,
        exp: NOW + 60,
        vct: 'urn:carnet:identity:1',
        cnf: { kid: holderKeyId },
        given_name: 'Erika',
        ...claims,
      },
      disclosable: [['given_name']],
      signer: issuer,
      random: systemRandom,
    })
    const keyBinding = { signer: holder, audience: 'v', nonce: 'n', now: NOW }
    return presentSdJwt({ sdJwt, disclose: [['given_name']], keyBinding })
  }
  const trusted = (did: string) =>
    didsOf({
      sequence: 1,
      operator: 'o',
      territory: 'UT',
      issuedAt: NOW - 60,
      nextUpdate: NOW + 60,
      entities: [
        {
          name: 'e',
          services: [
            {
              role: 'attestation',
              name: 's',
              status: 'granted',
              from: NOW - 50,
              certificates: [],
              dids: [did],
            },
          ],
        },
      ],
    })
  const verify = (compact: string, overrides: object = {}) =>
    verifyDidSdJwtVc(compact, {
      anchors: () => [],
      trustedDids: trusted(issuerDid),
      resolveDid: agent.resolve,
      now: NOW,
      keyBinding: { expectedAudience: 'v', expectedNonce: 'n', maxAgeSeconds: 60 },
      ...overrides,
    })

  it('takes an issuer and a holder that are decentralized identifiers', async () => {
    const verified = await verify(await present())
    expect(verified.issuer).to.equal(issuerDid)
    expect(verified.holderKey).to.deep.equal(holder.publicJwk)
    expect(verified.claims.given_name).to.equal('Erika')
    const jwk = await verify(await present({ claims: { cnf: { jwk: { ...holder.publicJwk } } } }))
    expect(jwk.holderKey).to.deep.equal(holder.publicJwk)
  })

  it('takes a chain as before', async () => {
    const authority = await testAuthority('attestation')
    const { x5c } = await authority.leaf({ signer: issuer })
    const claims = { iss: 'https://issuer.example', cnf: { jwk: { ...holder.publicJwk } } }
    const verified = await verify(await present({ header: { x5c }, claims }), {
      anchors: authority.anchors,
    })
    expect(verified).to.have.property('issuerChain')
    await refuses('issuer_invalid', async () => verify(await present({ header: { x5c: [] } })))
  })

  it('refuses an issuer that the trust list does not name, before anything is resolved', async () => {
    let resolved = 0
    const resolveDid = async (did: string) => {
      resolved++
      return agent.resolve(did)
    }
    const other = didJwk(holder.publicJwk)
    await refuses('issuer_invalid', async () =>
      verify(await present(), { trustedDids: trusted(other), resolveDid }),
    )
    await refuses(
      'issuer_invalid',
      async () => verify(await present(), { now: NOW - 55, resolveDid }), // before the service was granted
    )
    expect(resolved).to.equal(0)
  })

  it('refuses an iss that is not the DID of kid, a kid without key, and another key', async () => {
    await refuses('issuer_invalid', async () =>
      verify(await present({ claims: { iss: 'did:key:z' } })),
    )
    await refuses('issuer_invalid', async () =>
      verify(await present({ header: { kid: issuerDid } })),
    )
    await refuses('issuer_invalid', async () => verify(await present({ header: { kid: 1 } })))
    await refuses('issuer_invalid', async () =>
      verify(await present({ header: { kid: `${issuerDid}#x` } })),
    )
    await refuses('signature_invalid', async () => {
      const { did, keyId } = await agent.create('key', holder)
      return verify(await present({ header: { kid: keyId }, claims: { iss: did } }), {
        trustedDids: trusted(did),
      })
    })
  })

  it('refuses a holder that does not resolve, or whose key signed nothing', async () => {
    await refuses('issuer_invalid', async () =>
      verify(await present({ claims: { cnf: { kid: 'did:x:y#z' } } })),
    )
    await refuses('key_binding_invalid', async () =>
      verify(await present({ claims: { cnf: { kid: issuerKeyId } } })),
    )
  })
})
