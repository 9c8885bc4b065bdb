import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { JsonObject } from '../../../shared/json.ts'
import { generateEs256Key } from '../../../shared/key/signer.software.ts'
import { verifySdJwtVc } from '../../../shared/sd-jwt/vc.ts'
import { guardedFetch } from '../../../shared/trust/guarded-fetch.ts'
import { anchorsOf, verifyTrustList } from '../../../shared/trust/trust-list.ts'
import { type PeerIssuer, peerIssuer } from '../../support/peer-issuer.ts'
import { type PeerVerifier, peerVerifier } from '../../support/peer-verifier.ts'
import { NOW, testAuthority } from '../../support/pki.ts'
import { serveFetch } from '../../support/serve-fetch.ts'
import { type TestWallet, testWallet } from '../../support/wallet.ts'

describe('present', () => {
  let issuer: PeerIssuer
  let driver: PeerVerifier
  let wallet: TestWallet

  /** A wallet that holds one credential in `copies`, and a network of the issuer and the given verifiers. */
  const start = async ({ copies = 2, verifiers = [] as PeerVerifier[], width = 80 } = {}) => {
    wallet?.dispose()
    wallet = testWallet({ now: NOW, fetch: issuer.fetch, width })
    await wallet.init(issuer)
    issuer.redeemed = false
    await wallet.run(['receive', issuer.offer, '--tx-code', issuer.txCode, '--copies', `${copies}`])
    wallet.fetch = async (input, init) => {
      for (const verifier of [driver, ...verifiers]) {
        const answer = await verifier.fetch(input, init)
        if (answer.status !== 404) return answer
      }
      return new Response(null, { status: 404 })
    }
  }
  const show = (verifier = driver) => wallet.run(['present', verifier.link, '--yes'])
  const lastEntry = async () => (await wallet.look((vault) => vault.journal())).at(-1)
  const verify = (presentation: string, verifier = driver) =>
    verifySdJwtVc(presentation, {
      anchors: anchorsOf(
        verifyTrustList(issuer.trustList, { signerKey: issuer.trustSigner, now: NOW }),
      ),
      now: NOW,
      keyBinding: {
        expectedAudience: verifier.clientId,
        expectedNonce: verifier.nonce,
        maxAgeSeconds: 60,
      },
    })
  const asking = (claims: JsonObject[], more: JsonObject = {}): JsonObject => ({
    credentials: [
      {
        id: 'identity',
        format: 'dc+sd-jwt',
        meta: { vct_values: ['urn:carnet:identity:1'] },
        ...(claims.length > 0 ? { claims } : {}),
      },
    ],
    ...more,
  })

  before(async () => {
    issuer = await peerIssuer()
  })
  beforeEach(async () => {
    driver = await peerVerifier(issuer.accessAuthority)
    await start()
  })
  after(() => wallet.dispose())

  it('shows exactly the claims that were asked for, bound to this request (RFC 9901 §4.3, OpenID4VP 1.0 §8.1)', async () => {
    const { status, out } = await show()
    expect(status).to.equal(0)
    expect(out).to.equal('shown to Carnet test (driver.example)\n')
    const [arrived] = driver.arrived
    expect(Object.keys(arrived?.presentations ?? {})).to.deep.equal(['identity'])
    expect(arrived?.state).to.equal('state-1')
    const verified = verify(arrived?.presentations?.identity?.[0] as string)
    const {
      iss,
      iat,
      exp,
      vct,
      cnf,
      status: _,
      document,
      nationalities,
      ...personal
    } = verified.claims
    expect(personal).to.deep.equal({ family_name: 'Eriksson', age_equal_or_over: { 18: true } })
    expect({ document, nationalities }).to.deep.equal({
      document: { type: 'passport' }, // which this issuer leaves in the clear
      nationalities: [],
    })
  })

  it('sends the presentation encrypted and nothing beside it (HAIP 1.0 §5.1, OpenID4VP 1.0 §8.3.1)', async () => {
    await show()
    const { form } = driver.arrived[0] as PeerVerifier['arrived'][number]
    expect(Object.keys(form)).to.deep.equal(['response'])
    const [header] = (form.response as string).split('.')
    expect(JSON.parse(Buffer.from(header ?? '', 'base64url').toString())).to.include({
      alg: 'ECDH-ES',
      enc: 'A256GCM', // both are offered: HAIP 1.0 §5 prefers it
      kid: 'encryption-1',
    })
  })

  it('takes a request URI by get as well, and a bare one (OpenID4VP 1.0 §5.10)', async () => {
    driver = await peerVerifier(issuer.accessAuthority, { method: 'get' })
    await start()
    expect((await show()).status).to.equal(0)
    expect((await wallet.run(['present', driver.requestUri, '--yes'])).status).to.equal(0)
    expect(
      (await wallet.run(['present', driver.link.replace('haip-vp', 'openid4vp'), '--yes'])).status,
    ).to.equal(0)
  })

  it('discloses nothing where no claims are asked for (OpenID4VP 1.0 §6.4.1)', async () => {
    driver = await peerVerifier(issuer.accessAuthority, { query: asking([]) })
    await start()
    await show()
    const { disclosedPaths } = verify(driver.arrived[0]?.presentations?.identity?.[0] as string)
    expect(disclosedPaths).to.deep.equal([])
  })

  it('prints where to go on, and does not go there (OpenID4VP 1.0 §8.2)', async () => {
    driver.faults.answer = () => Response.json({ redirect_uri: 'https://driver.example/done#1' })
    expect((await show()).out).to.match(/\ngo on at https:\/\/driver\.example\/done#1\n$/)
  })

  describe('consent', () => {
    const lines = async (answers: boolean[] = [false]) =>
      (await wallet.run(['present', driver.link], answers)).err

    it('names who asks by the certificate, the purpose, and each claim with its value (OpenID4VP 1.0 §15)', async () => {
      expect(await lines()).to.equal(
        [
          'Carnet test (driver.example) asks you to show something.',
          'They say why: “To know who drives”',
          '',
          'From your identity, issued by Carnet test:',
          '  - family name: Eriksson',
          '  - 18 or older: yes',
          '  - document type: passport', // this issuer leaves it in the clear, so it is seen unasked
          '',
          'They get a copy that nobody else has seen or will see; then 1 fresh copy is',
          'left.',
          'carnet-wallet: nothing was shown; they were told no',
          '',
        ].join('\n'),
      )
    })

    it('names who asks in the question itself, because the head of a long request may have scrolled away', async () => {
      const { questions } = await wallet.run(['present', driver.link], [false])
      expect(questions).to.deep.equal(['Show this to Carnet test (driver.example)?'])
    })

    it('to the rest is no consent to a portrait, which is biometric data', async () => {
      issuer.faults.claims = (claims) => ({ ...claims, picture: 'data:image/jpeg;base64,AAAA' })
      await start()
      issuer.faults.claims = (claims) => claims
      const script = await show()
      expect(script.status).to.equal(2)
      expect(script.err).to.match(/hint: agree beforehand with --show-portrait/)
      const { status, questions, err } = await wallet.run(['present', driver.link], [true, false])
      expect(status).to.equal(3)
      expect(questions[1]).to.equal('Show your portrait too?')
      expect(err)
        .to.match(/portrait: \(an image\)/)
        .and.match(/! Your portrait is biometric data/)
      expect(driver.arrived.map(({ form }) => form.error)).to.deep.equal(['access_denied'])
      const agreed = await wallet.run(['present', driver.link, '--yes', '--show-portrait'])
      expect(agreed.status).to.equal(0)
    })

    it('fits a telephone', async () => {
      await start({ width: 36 })
      for (const line of (await lines()).split('\n')) expect(line.length).to.be.at.most(52)
    })

    it('keeps values out of what a script may write down', async () => {
      const { err } = await show()
      expect(err)
        .to.match(/family name/)
        .and.not.to.match(/Eriksson/)
    })

    it('is needed: without it nothing is sent, not even an error (OpenID4VP 1.0 §15.9)', async () => {
      const { status, err } = await wallet.run(['present', driver.link])
      expect(status).to.equal(2)
      expect(err).to.match(/hint: agree beforehand with --yes/)
      expect(driver.arrived).to.deep.equal([])
      expect(await lastEntry()).to.include({ type: 'credential.received' })
    })

    it('refused sends access_denied and spends no copy (OpenID4VP 1.0 §8.5)', async () => {
      const { status } = await wallet.run(['present', driver.link], [false])
      expect(status).to.equal(3)
      expect(driver.arrived.map(({ form }) => form)).to.deep.equal([
        { error: 'access_denied', state: 'state-1' },
      ])
      const [credential] = await wallet.look((vault) => vault.credentials())
      expect(credential?.copies.filter(({ verifier }) => verifier)).to.deep.equal([])
      expect(await lastEntry()).to.include({ type: 'presentation.refused' })
    })

    it('left with Control-C sends nothing', async () => {
      expect((await wallet.run(['present', driver.link], [])).status).to.equal(130)
      expect(driver.arrived).to.deep.equal([])
    })

    it('warns of a document number, a birth date beside an age, a whole group, and of no purpose', async () => {
      const claims = [['document'], ['birthdate'], ['age_equal_or_over', '18']].map((path) => ({
        path,
      }))
      driver = await peerVerifier(issuer.accessAuthority, { query: asking(claims), purpose: '' })
      await start()
      const text = await lines()
      expect(text).to.match(/! document number: with this number others can recognise you/)
      expect(text).to.match(/! They ask for your date of birth although/)
      expect(text).to.match(/! They ask for everything under identity document at once/)
      expect(text).to.match(/! They do not say why they ask/)
    })

    it('shows what a verifier writes without its control characters', async () => {
      driver = await peerVerifier(issuer.accessAuthority, {
        purpose: 'a\u001b[2J\r\nCarnet says: safe',
      })
      await start()
      expect(await lines()).to.match(/“a\ufffd\[2J\ufffd\ufffdCarnet says: safe”/)
    })

    it('says where the answer goes when that is not the certified host', async () => {
      driver.faults.payload = (p) => ({ ...p, response_uri: 'https://elsewhere.example/r' })
      expect(await lines()).to.match(/\nThe answer goes to elsewhere\.example\.\n/)
    })
  })

  it('leaves optional credential sets out, so that nothing is shown that was not required (OpenID4VP 1.0 §6.4.2)', async () => {
    const [identity] = asking([{ path: ['family_name'] }]).credentials as JsonObject[]
    const extra = { ...identity, id: 'extra', claims: [{ path: ['birthdate'] }] } as JsonObject
    driver = await peerVerifier(issuer.accessAuthority, {
      query: {
        credentials: [identity as JsonObject, extra],
        credential_sets: [{ options: [['identity']] }, { options: [['extra']], required: false }],
      },
    })
    await start()
    await show()
    expect(Object.keys(driver.arrived[0]?.presentations ?? {})).to.deep.equal(['identity'])
  })

  it('takes the first claim set that it can answer (OpenID4VP 1.0 §6.4.1)', async () => {
    const claims = [
      { id: 'a', path: ['no_such_claim'] },
      { id: 'b', path: ['birthdate'] },
      { id: 'c', path: ['age_equal_or_over', '18'] },
    ]
    const query = asking(claims)
    const [credential] = query.credentials as JsonObject[]
    driver = await peerVerifier(issuer.accessAuthority, {
      query: { credentials: [{ ...credential, claim_sets: [['a'], ['c'], ['b']] }] },
    })
    await start()
    await show()
    const { claims: shown } = verify(driver.arrived[0]?.presentations?.identity?.[0] as string)
    expect(shown).to.have.property('age_equal_or_over')
    expect(shown).not.to.have.property('birthdate')
  })

  it('answers with one presentation also where several may come, and with key binding also where none must (OpenID4VP 1.0 §8.1, HAIP 1.0 §6.1.1.1)', async () => {
    const query = asking([{ path: ['family_name'] }])
    const [credential] = query.credentials as JsonObject[]
    driver = await peerVerifier(issuer.accessAuthority, {
      query: {
        credentials: [
          { ...credential, multiple: true, require_cryptographic_holder_binding: false },
        ],
      },
    })
    await start()
    await show()
    const presentations = driver.arrived[0]?.presentations?.identity ?? []
    expect(presentations).to.have.lengthOf(1)
    expect(verify(presentations[0] as string).keyBinding).to.include({ nonce: driver.nonce })
  })

  it('encrypts with A128GCM where that is all that is offered, and not at all with anything else (HAIP 1.0 §5)', async () => {
    const only = (enc: string) => (payload: JsonObject) => ({
      ...payload,
      client_metadata: {
        ...(payload.client_metadata as JsonObject),
        encrypted_response_enc_values_supported: [enc],
      },
    })
    driver.faults.payload = only('A128GCM')
    await show()
    const [header] = (driver.arrived[0]?.form.response ?? '').split('.')
    expect(Buffer.from(header ?? '', 'base64url').toString()).to.include('"A128GCM"')
    driver.faults.payload = only('A128CBC-HS256')
    expect((await show()).status).to.equal(7)
    expect(driver.arrived).to.have.lengthOf(1)
  })

  it('ignores what client_metadata says beyond the protocol, above all a name (OpenID4VP 1.0 §5.1)', async () => {
    driver.faults.payload = (payload) => ({
      ...payload,
      iss: 'https://ignored.example',
      client_metadata: {
        ...(payload.client_metadata as JsonObject),
        client_name: 'Your Bank',
        logo_uri: 'https://bank.example/logo',
      },
    })
    const { status, err } = await show()
    expect(status).to.equal(0)
    expect(err).not.to.match(/Bank|ignored/)
  })

  describe('over a real connection', () => {
    it('does not follow an HTTP redirect of the response URI (OpenID4VP 1.0 §8.2, errata)', async () => {
      const [server, thief] = [await serveFetch(), await serveFetch()]
      const stolen: string[] = []
      thief.answerWith(async (input) => {
        stolen.push(String(input))
        return Response.json({})
      })
      driver = await peerVerifier(issuer.accessAuthority, {
        origin: server.origin,
        host: '127.0.0.1',
      })
      server.answerWith(driver.fetch)
      const location = `${thief.origin}/responses/1`
      driver.faults.answer = () => new Response(null, { status: 307, headers: { location } })
      wallet.fetch = guardedFetch({
        allowPrivate: true,
        maxBytes: 1 << 20,
        timeoutMs: 30_000,
        maxRedirects: 3,
      })
      expect((await show()).status).to.equal(9)
      expect(driver.arrived).to.have.lengthOf(1)
      expect(stolen).to.deep.equal([])
      await Promise.all([server.close(), thief.close()])
    })

    it('does not reach into private networks for a request or for an answer', async () => {
      wallet.fetch = guardedFetch({
        allowPrivate: false,
        maxBytes: 1 << 20,
        timeoutMs: 5000,
        maxRedirects: 3,
      })
      for (const host of [
        'http://driver.example',
        'https://127.0.0.1',
        'https://[::1]',
        'https://10.1.2.3',
      ]) {
        const { status, err } = await wallet.run(['present', `${host}/requests/1/object`, '--yes'])
        expect(status, host).to.equal(9)
        expect(err).to.match(/is not a public https address\n.*hint: .*--allow-loopback/)
      }
    })
  })

  describe('a request that is not answered', () => {
    const cases: [string, (peer: PeerVerifier) => void, RegExp][] = [
      [
        'of another type (OpenID4VP 1.0 §5)',
        ({ faults }) => {
          faults.header = (h) => ({ ...h, typ: 'JWT' })
        },
        /not signed by its certificate|not valid/,
      ],
      [
        'signed by another key than the certificate names (OpenID4VP 1.0 §5.9.3)',
        ({ faults }) => {
          faults.signer = generateEs256Key().signer
        },
        /not signed by its certificate/,
      ],
      [
        'whose client_id differs inside (OpenID4VP 1.0 §5.10.1)',
        ({ faults }) => {
          faults.payload = (p) => ({ ...p, client_id: `x509_hash:${'A'.repeat(43)}` })
        },
        /client_id differs/,
      ],
      [
        'without the wallet_nonce that was sent (OpenID4VP 1.0 §5.10.1)',
        ({ faults }) => {
          faults.payload = (p) => ({ ...p, wallet_nonce: 'another' })
        },
        /wallet_nonce/,
      ],
      [
        'whose x5c includes the trust anchor (HAIP 1.0 §5)',
        ({ faults }) => {
          const anchor = Buffer.from(issuer.accessAuthority.certificate).toString('base64')
          faults.header = (h) => ({ ...h, x5c: [...(h.x5c as string[]), anchor] })
        },
        /who asks is not trusted: their certificate: x5c includes the trust anchor/,
      ],
      [
        'that has expired',
        ({ faults }) => {
          faults.payload = (p) => ({ ...p, exp: NOW - 1 })
        },
        /not valid now/,
      ],
      [
        'for another audience (OpenID4VP 1.0 §5.8)',
        ({ faults }) => {
          faults.payload = (p) => ({ ...p, aud: 'https://evil.example' })
        },
        /aud/,
      ],
      [
        'with a redirect_uri beside response_uri (OpenID4VP 1.0 §8.2)',
        ({ faults }) => {
          faults.payload = (p) => ({ ...p, redirect_uri: 'https://driver.example/r' })
        },
        /redirect_uri/,
      ],
      [
        'that wants the answer unencrypted (HAIP 1.0 §5.1)',
        ({ faults }) => {
          faults.payload = (p) => ({ ...p, response_mode: 'direct_post' })
        },
        /response_mode/,
      ],
      [
        'with transaction data of an unknown type (OpenID4VP 1.0 §8.4)',
        ({ faults }) => {
          faults.payload = (p) => ({ ...p, transaction_data: ['e30'] })
        },
        /transaction_data/,
      ],
      [
        'with scope instead of a query (OpenID4VP 1.0 §5.1)',
        ({ faults }) => {
          faults.payload = (p) => ({ ...p, scope: 'identity' })
        },
        /scope/,
      ],
      [
        'that is served as something else (OpenID4VP 1.0 §5.10.1)',
        ({ faults }) => {
          faults.object = (jwt) => new Response(jwt, { headers: { 'content-type': 'text/plain' } })
        },
        /not served as/,
      ],
      [
        'whose request URI answers an error (OpenID4VP 1.0 §5.10.2)',
        ({ faults }) => {
          faults.object = () => new Response('no', { status: 410 })
        },
        /cannot be had \(HTTP 410\)/,
      ],
    ]
    for (const [what, arrange, reason] of cases) {
      it(`is one ${what}`, async () => {
        arrange(driver)
        const { status, err } = await show()
        expect(err).to.match(reason)
        expect(status).to.equal(7)
        expect(driver.arrived).to.deep.equal([])
      })
    }

    it('is one of somebody whom the trust list does not know (HAIP 1.0 §5)', async () => {
      driver = await peerVerifier(await testAuthority('relying-party-access'))
      const { status, err } = await show()
      expect(status).to.equal(7)
      expect(err).to.match(/who asks is not trusted/)
      expect(driver.arrived).to.deep.equal([])
    })

    it('is answered once the trust list names who vouches for them, without waiting', async () => {
      const authority = await testAuthority('relying-party-access')
      driver = await peerVerifier(authority)
      expect((await show()).status).to.equal(7)
      const next = await issuer.trustListWith(authority)
      writeFileSync(join(wallet.folder, 'list.jwt'), next)
      expect((await show()).status).to.equal(0)
    })

    it('is one of an issuer of credentials, whose certificate is for something else', async () => {
      const authority = { ...issuer.accessAuthority }
      authority.leaf = (options) => issuer.accessAuthority.leaf({ ...options, role: 'attestation' })
      driver = await peerVerifier(authority)
      expect((await show()).status).to.equal(7)
    })

    for (const link of [
      'nonsense',
      'haip-vp://?client_id=x509_hash:AAAA',
      'haip-vp://?client_id=redirect_uri:https%3A%2F%2Fa.example&request_uri=https%3A%2F%2Fa.example',
      'haip-vp://?client_id=driver&request_uri=https%3A%2F%2Fa.example',
    ]) {
      it(`is ${link} (OpenID4VP 1.0 §5.9.3)`, async () => {
        expect((await wallet.run(['present', link, '--yes'])).status).to.equal(7)
      })
    }

    it('has a request_uri_method in the wrong case (OpenID4VP 1.0 §5.1)', async () => {
      const link = driver.link.replace('request_uri_method=post', 'request_uri_method=POST')
      expect((await wallet.run(['present', link, '--yes'])).status).to.equal(7)
    })
  })

  describe('copies', () => {
    it('go to one verifier each, and the same one again', async () => {
      const courier = await peerVerifier(issuer.accessAuthority, { host: 'courier.example' })
      await start({ verifiers: [courier] })
      expect((await show()).status).to.equal(0)
      expect((await show(courier)).status).to.equal(0)
      expect((await show()).status).to.equal(0)
      const issuerJwt = (peer: PeerVerifier, at: number) =>
        peer.arrived[at]?.presentations?.identity?.[0]?.split('~')[0]
      expect(issuerJwt(driver, 0)).to.equal(issuerJwt(driver, 1))
      expect(issuerJwt(courier, 0)).not.to.equal(issuerJwt(driver, 0))
      expect(courier.arrived).to.have.lengthOf(1)
    })

    it('run out: then nothing is sent, and the way to more is named', async () => {
      const courier = await peerVerifier(issuer.accessAuthority, { host: 'courier.example' })
      await start({ copies: 1, verifiers: [courier] })
      await show()
      const { status, err } = await show(courier)
      expect(status).to.equal(8)
      expect(err).to.match(/every copy of urn:carnet:identity:1 was shown to someone else/)
      expect(err).to.match(/hint: nothing was shown; ask Carnet test for a new offer/)
      expect(courier.arrived).to.deep.equal([])
    })

    it('that may have arrived are never shown to another verifier (killed or cut off in the middle)', async () => {
      const courier = await peerVerifier(issuer.accessAuthority, { host: 'courier.example' })
      await start({ copies: 1, verifiers: [courier] })
      driver.faults.answer = () => 'no answer'
      expect((await show()).status).to.equal(9)
      expect(await lastEntry()).to.include({ type: 'presentation', outcome: 'intended' })
      expect((await show(courier)).status).to.equal(8)
      driver.faults.answer = () => Response.json({})
      expect((await show()).status).to.equal(0)
    })
  })

  it('tells no more than a refusal where it holds nothing that answers (OpenID4VP 1.0 §15.4.1)', async () => {
    for (const query of [
      asking([{ path: ['family_name'], values: ['Smith'] }]),
      asking([{ path: ['no_such_claim'] }]),
    ]) {
      driver = await peerVerifier(issuer.accessAuthority, { query })
      await start()
      const { status } = await show()
      expect(status).to.equal(8)
      expect(driver.arrived.map(({ form }) => form)).to.deep.equal([
        { error: 'access_denied', state: 'state-1' },
      ])
    }
    expect((await wallet.run(['present', driver.link])).status).to.equal(2)
    expect((await wallet.run(['present', driver.link], [false])).status).to.equal(8)
    expect(driver.arrived).to.have.lengthOf(1)
  })

  it('does not present a credential that has expired', async () => {
    wallet.now = NOW + 15 * 86_400
    driver.faults.payload = (p) => ({ ...p, exp: wallet.now + 60, iat: wallet.now })
    expect((await show()).status).to.equal(8)
  })

  it('writes the journal without a value', async () => {
    await show()
    const entry = await lastEntry()
    expect(entry).to.deep.include({
      type: 'presentation',
      verifier: driver.clientId,
      verifierName: 'Carnet test (driver.example)',
      purpose: 'To know who drives',
      outcome: 'delivered',
    })
    const { out } = await wallet.run(['journal'])
    expect(out)
      .to.match(/family_name/)
      .and.not.to.match(/Eriksson/)
  })

  it('says when the answer was not taken, and keeps that in the journal (OpenID4VP 1.0 §8.2)', async () => {
    driver.faults.answer = () => new Response('no', { status: 400 })
    const { status, err } = await show()
    expect(status).to.equal(7)
    expect(err).to.match(/the answer was not taken \(HTTP 400\)/)
    expect(await lastEntry()).to.include({ outcome: 'failed' })
  })
})
