import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { JsonObject } from '../../../shared/json.ts'
import { readSdJwtVc } from '../../../shared/sd-jwt/vc.ts'
import { type PeerFaults, type PeerIssuer, peerIssuer } from '../../support/peer-issuer.ts'
import { NOW } from '../../support/pki.ts'
import { type TestWallet, testWallet } from '../../support/wallet.ts'

describe('receive', () => {
  let issuer: PeerIssuer
  let wallet: TestWallet
  const start = async (options?: Parameters<typeof peerIssuer>[0], faults: PeerFaults = {}) => {
    wallet?.dispose()
    issuer = await peerIssuer(options)
    Object.assign(issuer.faults, faults)
    wallet = testWallet({ now: NOW, fetch: issuer.fetch })
    await wallet.init(issuer)
  }
  const receive = (...more: string[]) => wallet.run(['receive', issuer.offer, ...more])
  const receiveWithCode = () => receive('--tx-code', issuer.txCode)
  const held = () => wallet.look((vault) => vault.credentials())
  const unfinished = () => wallet.look((vault) => vault.issuances())
  const lastEntry = async () => (await wallet.look((vault) => vault.journal())).at(-1)

  beforeEach(() => start())
  after(() => wallet.dispose())

  it('stores two copies, each bound to a key of its own (OpenID4VCI 1.0 §3.3.2, §8.3)', async () => {
    const { status, out } = await receiveWithCode()
    expect(status).to.equal(0)
    expect(out).to.match(/^received urn:carnet:identity:1 from Carnet test, 2 copies\n/)
    const [credential] = await held()
    const keys = credential?.copies.map(({ compact }) => readSdJwtVc(compact).holderKey?.x)
    expect(new Set(keys)).to.have.lengthOf(2)
    expect(await lastEntry()).to.include({ type: 'credential.received', copies: 2 })
  })

  it('takes the offer by value, as a link and as bare JSON (OpenID4VCI 1.0 §4.1.2)', async () => {
    const text = JSON.stringify(issuer.offerObject)
    const link = `haip-vci://?credential_offer=${encodeURIComponent(text)}`
    for (const offer of [text, link]) {
      await start()
      const { status } = await wallet.run(['receive', offer, '--tx-code', issuer.txCode])
      expect(status, offer).to.equal(0)
      expect(issuer.asked).not.to.include('/offers/1')
    }
  })

  it('ignores members of the offer and the metadata that it does not know (OpenID4VCI 1.0 §4.1.1)', async () => {
    await start(
      {},
      {
        offer: (offer) => ({ ...offer, unknown: { deep: [1] } }),
        metadata: (metadata) => ({ ...metadata, unknown: true }),
      },
    )
    expect((await receiveWithCode()).status).to.equal(0)
  })

  it('asks for as many copies as the issuer gives at most (OpenID4VCI 1.0 §12.2.4)', async () => {
    await start({ batchSize: 3 })
    expect((await receive('--tx-code', issuer.txCode, '--copies', '5')).err).to.match(
      /gives 3 of the 5/,
    )
    expect((await held())[0]?.copies).to.have.lengthOf(3)
    await start({ batchSize: 1 })
    await receiveWithCode()
    expect((await held())[0]?.copies).to.have.lengthOf(1)
  })

  it('names the credential as the token response says, and by its configuration otherwise (OpenID4VCI 1.0 §8.2)', async () => {
    await receiveWithCode()
    expect(issuer.named).to.deep.equal(['configuration identity'])
    await start(
      {},
      {
        token: () => ({
          authorization_details: [
            {
              type: 'openid_credential',
              credential_configuration_id: 'identity',
              credential_identifiers: ['identity-of-today'],
            },
          ],
        }),
      },
    )
    expect((await receiveWithCode()).status).to.equal(0)
    expect(issuer.named).to.deep.equal(['identity-of-today'])
  })

  it('does not take a token that anyone could use (HAIP 1.0 §4)', async () => {
    issuer.faults.token = () => ({ token_type: 'Bearer' })
    const { status, err } = await receiveWithCode()
    expect(status).to.equal(6)
    expect(err).to.match(/something else than a token/)
    expect(issuer.asked).not.to.include('/credential')
  })

  it('tells the issuer that the credential was stored (OpenID4VCI 1.0 §11.1)', async () => {
    await receiveWithCode()
    expect(issuer.notifications).to.deep.equal([
      { notification_id: 'notification-1', event: 'credential_accepted' },
    ])
  })

  describe('the offer', () => {
    it('is refused when it is something else, and nothing is asked', async () => {
      for (const text of ['nonsense', '{"a"', 'openid-credential-offer://?x=1', '{}']) {
        const { status } = await wallet.run(['receive', text])
        expect(status, text).to.equal(6)
      }
      expect(issuer.asked).to.deep.equal([])
    })

    it('is never taken as a JWT (OpenID4VCI 1.0 §4.1.3)', async () => {
      const body = JSON.stringify(issuer.offerObject)
      const headers = { 'content-type': 'application/jwt' }
      issuer.faults.before = (path) =>
        path === '/offers/1' ? new Response(body, { headers }) : undefined
      expect((await receiveWithCode()).status).to.equal(6)
    })

    it('without a pre-authorized code is refused, saying what to do', async () => {
      issuer.faults.offer = (offer) => ({ ...offer, grants: { authorization_code: {} } })
      const { status, err } = await receiveWithCode()
      expect(status).to.equal(6)
      expect(err).to.match(/has no pre-authorized code\n.*hint:/)
    })

    for (const [what, change] of [
      ['another format', { format: 'mso_mdoc' }],
      ['no ES256 key proof', { proof_types_supported: { attestation: {} } }],
      ['no binding to a key', { cryptographic_binding_methods_supported: [] }],
    ] as const) {
      it(`of a credential with ${what} is refused`, async () => {
        issuer.faults.metadata = (metadata) => {
          const known = metadata.credential_configurations_supported as { identity: JsonObject }
          const identity = { ...known.identity, ...change } as JsonObject
          return { ...metadata, credential_configurations_supported: { identity } }
        }
        expect((await receiveWithCode()).status).to.equal(6)
        expect(issuer.asked).not.to.include('/token')
      })
    }
  })

  describe('the metadata', () => {
    it('must name the very issuer of the offer (OpenID4VCI 1.0 §12.2.3)', async () => {
      issuer.faults.metadata = (m) => ({ ...m, credential_issuer: 'https://issuer.example/' })
      const { status, err } = await receiveWithCode()
      expect(status).to.equal(6)
      expect(err).to.match(/names another credential_issuer/)
      expect(issuer.asked).not.to.include('/token')
    })

    it('of the authorization server must name that server (RFC 8414 §3.3)', async () => {
      issuer.faults.serverMetadata = (m) => ({ ...m, issuer: 'https://evil.example' })
      expect((await receiveWithCode()).status).to.equal(6)
      expect(issuer.asked).not.to.include('/token')
    })

    it('must know the authorization server that the offer names (OpenID4VCI 1.0 §4.1.1)', async () => {
      issuer.faults.offer = (offer) => {
        const [[name, grant]] = Object.entries(offer.grants as JsonObject) as [[string, JsonObject]]
        const grants = { [name]: { ...grant, authorization_server: 'https://evil.example' } }
        return { ...offer, grants }
      }
      expect((await receiveWithCode()).status).to.equal(6)
      expect(issuer.asked).not.to.include('/token')
    })

    it('must promise DPoP (HAIP 1.0 §4)', async () => {
      issuer.faults.serverMetadata = ({ dpop_signing_alg_values_supported, ...rest }) => rest
      expect((await receiveWithCode()).status).to.equal(6)
    })

    it('must not demand encrypted messages, which this wallet does not send (OpenID4VCI 1.0 §10)', async () => {
      for (const member of ['credential_request_encryption', 'credential_response_encryption']) {
        issuer.faults.metadata = (m) => ({
          ...m,
          [member]: { jwks: { keys: [] }, enc_values_supported: [], encryption_required: true },
        })
        expect((await receiveWithCode()).status, member).to.equal(6)
      }
      expect(issuer.asked).not.to.include('/token')
    })

    it('is fetched at the inserted well-known path (OpenID4VCI 1.0 §12.2.2)', async () => {
      await receiveWithCode()
      expect(issuer.asked).to.include('/.well-known/openid-credential-issuer')
      expect(issuer.asked).to.include('/.well-known/oauth-authorization-server')
    })
  })

  describe('the transaction code', () => {
    it('is asked for with the words of the issuer, and a mistyped one is asked for again', async () => {
      const { status, questions, err } = await wallet.run(
        ['receive', issuer.offer],
        ['000000', issuer.txCode],
      )
      expect(status).to.equal(0)
      expect(questions).to.have.lengthOf(2)
      expect(questions[0]).to.equal('Transaction code (the issuer says: by post)')
      expect(err).to.match(/each try costs one of a few attempts/)
      expect(issuer.attempts).to.equal(1)
    })

    it('that was given on the command line is tried once, also where someone could be asked', async () => {
      const { status, questions } = await wallet.run(
        ['receive', issuer.offer, '--tx-code', '000000'],
        [issuer.txCode],
      )
      expect(status).to.equal(6)
      expect(questions).to.deep.equal([])
    })

    it('that cannot be right costs no attempt', async () => {
      for (const code of ['12345', '1234567', '12345x', '']) {
        const { status, err } = await receive('--tx-code', code)
        expect(status, code).to.equal(6)
        expect(err).to.match(/no attempt was spent/)
      }
      expect(issuer.attempts).to.equal(0)
      expect(issuer.asked).not.to.include('/token')
    })

    it('that is wrong leaves the offer to be gone on with', async () => {
      const wrong = await receive('--tx-code', '000000')
      expect(wrong.status).to.equal(6)
      expect(wrong.err).to.match(
        /hint: a mistyped code costs one of a few attempts, the offer stays/,
      )
      expect(await unfinished()).to.have.lengthOf(1)
      const { status } = await wallet.run(['receive', '--tx-code', issuer.txCode])
      expect(status).to.equal(0)
      expect(await unfinished()).to.deep.equal([])
    })

    it('is not sent where the offer does not ask for one (OpenID4VCI 1.0 §6.1)', async () => {
      await start({ txCode: false })
      expect((await receive('--tx-code', '123456')).status).to.equal(2)
      expect((await receive()).status).to.equal(0)
    })
  })

  it('asks someone at the terminal before it takes an offer without a code', async () => {
    await start({ txCode: false })
    const refused = await wallet.run(['receive', issuer.offer], [false])
    expect(refused.status).to.equal(3)
    expect(issuer.asked).not.to.include('/token')
    expect(await unfinished()).to.deep.equal([])
    expect((await wallet.run(['receive', issuer.offer], [true])).status).to.equal(0)
  })

  describe('interrupted', () => {
    const interruptedAt = async (path: string, phase: 'before' | 'after') => {
      issuer.faults.before = (asked) =>
        phase === 'before' && asked === path ? 'no answer' : undefined
      issuer.faults.loses = (asked) => phase === 'after' && asked === path
      const { status } = await receiveWithCode()
      expect(status).to.equal(9)
      issuer.faults.before = () => undefined
      issuer.faults.loses = () => false
      return wallet.run(['receive', '--tx-code', issuer.txCode])
    }

    for (const path of ['/nonce', '/credential']) {
      for (const phase of ['before', 'after'] as const) {
        it(`${phase} ${path}, it goes on with the same keys and without the code`, async () => {
          const { status } = await interruptedAt(path, phase)
          expect(status).to.equal(0)
          expect(issuer.asked.filter((asked) => asked === '/token')).to.have.lengthOf(2) // one for the nonce
          expect(await held()).to.have.lengthOf(1)
        })
      }
    }

    it('before the token request, it goes on', async () => {
      expect((await interruptedAt('/token', 'before')).status).to.equal(0)
    })

    it('after the code was spent and before the token came, it says that a new offer is needed', async () => {
      let answers = 0
      issuer.faults.loses = (path) => path === '/token' && ++answers === 2
      expect((await receiveWithCode()).status).to.equal(9)
      issuer.faults.loses = () => false
      const { status, err } = await wallet.run(['receive', '--tx-code', issuer.txCode])
      expect(status).to.equal(6)
      expect(err).to.match(/the offer was used or has expired: ask the issuer for a new one/)
    })

    it('for longer than the token lives, it says so and forgets the offer', async () => {
      issuer.faults.before = (path) => (path === '/credential' ? 'no answer' : undefined)
      await receiveWithCode()
      wallet.now += 301
      const { status, err } = await wallet.run(['receive'])
      expect(status).to.equal(6)
      expect(err).to.match(/interrupted for too long.*\n.*hint: ask the issuer for a new offer/)
      expect(await unfinished()).to.deep.equal([])
      expect(await lastEntry()).to.include({
        type: 'credential.not_received',
        reason: 'offer_spent',
      })
    })

    it('not at all, there is nothing to go on with', async () => {
      const { status, err } = await wallet.run(['receive'])
      expect(status).to.equal(1)
      expect(err).to.match(/no unfinished offer/)
    })
  })

  it('gets a new c_nonce when the issuer refuses one (OpenID4VCI 1.0 §8.3.1.2)', async () => {
    let refusals = 1
    issuer.faults.before = (path) =>
      path === '/credential' && refusals-- > 0
        ? Response.json({ error: 'invalid_nonce' }, { status: 400 })
        : undefined
    expect((await receiveWithCode()).status).to.equal(0)
    expect(issuer.asked.filter((path) => path === '/nonce')).to.have.lengthOf(2)
  })

  it('does not ask again after a final refusal (OpenID4VCI 1.0 §8.3.1.2)', async () => {
    issuer.faults.before = (path) =>
      path === '/credential'
        ? Response.json({ error: 'credential_request_denied' }, { status: 400 })
        : undefined
    expect((await receiveWithCode()).status).to.equal(6)
    expect(await unfinished()).to.deep.equal([])
  })

  it('keeps the offer when the issuer is out of order', async () => {
    issuer.faults.before = (path) =>
      path === '/credential' ? new Response('down', { status: 503 }) : undefined
    const { status, err } = await receiveWithCode()
    expect(status).to.equal(6)
    expect(err).to.match(/hint: the offer is kept; go on later with: carnet-wallet receive/)
    expect(await unfinished()).to.have.lengthOf(1)
  })

  describe('what was delivered', () => {
    const refused: [string, PeerFaults, RegExp][] = [
      ['of another type than asked', { claims: (c) => ({ ...c, vct: 'urn:x:1' }) }, /vct/],
      [
        'bound to a key that is not ours',
        { claims: (c) => ({ ...c, cnf: { jwk: { kty: 'EC', crv: 'P-256', ...POINT } } }) },
        /not bound to a key of this wallet/,
      ],
      [
        'that has expired',
        { claims: (c) => ({ ...c, exp: NOW - 1 }) },
        /the credential is not valid/,
      ],
      [
        'whose copies say different things',
        { claims: (c, copy) => ({ ...c, family_name: `Eriksson ${copy}` }) },
        /the copies do not say the same/,
      ],
      [
        'whose copies share a status index',
        {
          claims: (c) => ({
            ...c,
            status: { status_list: { idx: 1, uri: 'https://issuer.example/status/0' } },
          }),
        },
        /share a value that identifies them/,
      ],
      [
        'twice the same copy',
        { deliver: ([first]) => [first as string, first as string] },
        /share a value that identifies them/,
      ],
      [
        'with a key binding JWT (RFC 9901 §7.2 step 1)',
        { deliver: (copies) => copies.map((copy) => `${copy}eyJ.eyJ.sig`) },
        /key binding JWT/,
      ],
      [
        'of which a signature was changed',
        { deliver: (copies) => copies.map((copy) => copy.replace(/\.([\w-]{3})/g, '.AAA')) },
        /the credential is not valid/,
      ],
      [
        'in more copies than asked for',
        { deliver: (copies) => [...copies, ...copies] },
        /more copies than were asked for/,
      ],
    ]
    for (const [what, faults, reason] of refused) {
      it(`is refused as a whole: ${what}`, async () => {
        await start({}, faults)
        const { status, err } = await receiveWithCode()
        expect(err).to.match(reason)
        expect(status).to.equal(6)
        expect(await held()).to.deep.equal([])
      })
    }

    it('from an issuer that the trust list does not name is refused, and can be taken once it does', async () => {
      const stranger = await peerIssuer()
      wallet.dispose()
      wallet = testWallet({ now: NOW, fetch: issuer.fetch })
      await wallet.init(stranger)
      const { status, err } = await receiveWithCode()
      expect(status).to.equal(6)
      expect(err).to.match(/the issuer is not trusted/)
      expect(await held()).to.deep.equal([])
      const signer = join(wallet.folder, 'issuer.json')
      writeFileSync(join(wallet.folder, 'issuer.jwt'), issuer.trustList)
      writeFileSync(signer, JSON.stringify(issuer.trustSigner))
      await wallet.run(['trust', join(wallet.folder, 'issuer.jwt'), '--signer', signer])
      expect((await wallet.run(['receive'])).status).to.equal(0)
    })

    it('is told to the issuer as a failure (OpenID4VCI 1.0 §11.1)', async () => {
      issuer.faults.claims = (c) => ({ ...c, exp: NOW - 1 })
      await receiveWithCode()
      expect(issuer.notifications).to.deep.equal([
        { notification_id: 'notification-1', event: 'credential_failure' },
      ])
      expect(await lastEntry()).to.include({ reason: 'credential_invalid' })
    })
  })
})

/** A point on the curve that nobody here has the key of. RFC 7515 A.3. */
const POINT = {
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
}
