import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { renderSdJwtJson } from '../../../shared/sd-jwt/json-serialization.ts'
import { parseSdJwt } from '../../../shared/sd-jwt/parse.ts'
import { type PeerIssuer, peerIssuer } from '../../support/peer-issuer.ts'
import { NOW } from '../../support/pki.ts'
import { type TestWallet, testWallet } from '../../support/wallet.ts'

describe('what is held', () => {
  let issuer: PeerIssuer
  let wallet: TestWallet
  let name: string
  const receive = () =>
    wallet.run(['receive', issuer.offer, '--tx-code', issuer.txCode]).then(({ status }) => status)

  beforeEach(async () => {
    issuer = await peerIssuer()
    wallet = testWallet({ now: NOW, fetch: issuer.fetch })
    await wallet.init(issuer)
    await receive()
    name = JSON.parse((await wallet.run(['list', '--json'])).out).id as string
  })
  afterEach(() => wallet.dispose())

  describe('list', () => {
    it('names each credential, its issuer, its end and its fresh copies', async () => {
      expect((await wallet.run(['list'])).out).to.equal(
        [
          `${name}  urn:carnet:identity:1`,
          '    from Carnet test, valid until 2026-07-15T00:00:00Z',
          '    2 of 2 copies fresh',
          '',
        ].join('\n'),
      )
      wallet.now += 15 * 86_400
      expect((await wallet.run(['list'])).out).to.match(/expired 2026-07-15/)
    })

    it('holds no claim, also for scripts', async () => {
      const { out } = await wallet.run(['list', '--json'])
      expect(JSON.parse(out)).to.include({ vct: 'urn:carnet:identity:1', copies: 2, fresh: 2 })
      expect(out).not.to.match(/Eriksson|eyJ/)
    })

    it('says which offer is unfinished and how to go on', async () => {
      issuer.redeemed = false
      issuer.faults.before = (path) => (path === '/credential' ? 'no answer' : undefined)
      await receive()
      const { err } = await wallet.run(['list'])
      expect(err).to.match(/is unfinished\n.*hint: go on with: carnet-wallet receive/)
    })

    it('says so when there is nothing', async () => {
      await wallet.run(['forget', name, '--yes'])
      expect(await wallet.run(['list'])).to.include({ out: '', err: 'you hold nothing yet\n' })
    })
  })

  describe('show', () => {
    it('shows the claims, and which copies were shown to whom', async () => {
      const { out } = await wallet.run(['show'])
      expect(out).to.match(/^urn:carnet:identity:1 from Carnet test\n/)
      expect(out).to.match(/\nfamily_name: Eriksson\n/)
      expect(out).to.match(/\nage_equal_or_over:\n {2}18: true\n/)
      expect(out).to.match(/\nexp: 2026-07-15T00:00:00Z\n/)
      expect(out).to.match(/\ncopy 1: fresh\ncopy 2: fresh\n$/)
    })

    it('gives the claims as JSON to scripts', async () => {
      const claims = JSON.parse((await wallet.run(['show', name, '--json'])).out)
      expect(claims).to.include({ given_name: 'Anna Maria', family_name: 'Eriksson' })
      expect(claims).not.to.have.any.keys('_sd', '_sd_alg')
    })

    it('shows a credential in a file, and says that nothing was verified', async () => {
      const [held] = await wallet.look((vault) => vault.credentials())
      const file = join(wallet.folder, 'credential.txt')
      writeFileSync(file, `${held?.copies[0]?.compact}\n`)
      const { status, out, err } = await wallet.run(['show', file])
      expect(status).to.equal(0)
      expect(out).to.match(/family_name: Eriksson/)
      expect(err).to.match(/nothing was verified/)
    })

    it('shows one in the JSON serialization, and one of another format (RFC 9901 §8)', async () => {
      const [held] = await wallet.look((vault) => vault.credentials())
      const parts = parseSdJwt(held?.copies[0]?.compact ?? '')
      const file = join(wallet.folder, 'credential.json')
      writeFileSync(file, JSON.stringify(renderSdJwtJson(parts)))
      const { status, out } = await wallet.run(['show', file])
      expect(status).to.equal(0)
      expect(out).to.match(/family_name: Eriksson/)
      const json = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
      const vc = {
        '@context': ['https://www.w3.org/2018/credentials/v1'],
        type: ['VerifiableCredential', 'Membership'],
        credentialSubject: { club: 'Utopia Rowing' },
      }
      writeFileSync(
        file,
        `${json({ alg: 'ES256', typ: 'JWT' })}.${json({ iss: 'did:example:1', nbf: 1, vc })}.AAAA`,
      )
      const other = await wallet.run(['show', file])
      expect(other.out)
        .to.match(/jwt_vc_json/)
        .and.match(/Utopia Rowing/)
      expect(other.err).to.match(/nothing was verified/)
    })

    it('says when a file is no credential, or a name is of none', async () => {
      const file = join(wallet.folder, 'other.txt')
      writeFileSync(file, 'hello')
      expect((await wallet.run(['show', file])).status).to.equal(6)
      expect((await wallet.run(['show', 'no-such-name'])).status).to.equal(1)
    })

    it('asks which one is meant when there are several', async () => {
      issuer.redeemed = false
      await receive()
      const { status, err } = await wallet.run(['show'])
      expect(status).to.equal(2)
      expect(err).to.match(/which one\? you hold several/)
    })
  })

  describe('status', () => {
    const verdicts = async () =>
      (await wallet.run(['status', '--json'])).out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).verdict as string)

    it('is what the list says of each copy (Token Status List §7.1)', async () => {
      expect(await verdicts()).to.deep.equal(['valid', 'valid'])
      issuer.statuses.set(1000, 1).set(1007, 2)
      expect(await verdicts()).to.deep.equal(['revoked', 'suspended'])
      const { out } = await wallet.run(['status'])
      expect(out).to.match(/copy 1: revoked: it is never taken again/)
    })

    it('cannot be told when the list is out of reach, stale, or of another type (Token Status List §8)', async () => {
      const answers = [
        () => 'no answer' as const,
        () => new Response('gone', { status: 404 }),
        () => new Response('{}', { headers: { 'content-type': 'application/json' } }),
      ]
      for (const answer of answers) {
        issuer.faults.before = (path) => (path.startsWith('/status/') ? answer() : undefined)
        expect(await verdicts()).to.deep.equal(['undetermined', 'undetermined'])
      }
      issuer.faults.before = () => undefined
      wallet.now += 86_401
      expect(await verdicts()).to.deep.equal(['undetermined', 'undetermined'])
    })

    it('of an expired credential is not asked for (Token Status List §7.1)', async () => {
      wallet.now += 15 * 86_400
      issuer.asked.length = 0
      expect(await verdicts()).to.deep.equal(['undetermined', 'undetermined'])
      expect(issuer.asked).to.deep.equal([])
    })
  })

  describe('forget', () => {
    it('destroys after someone agreed, and says so in the journal', async () => {
      expect((await wallet.run(['forget', name])).status).to.equal(2)
      expect((await wallet.run(['forget', name], [false])).status).to.equal(3)
      expect((await wallet.run(['forget', name], [true])).status).to.equal(0)
      expect((await wallet.run(['list', '--json'])).out).to.equal('')
      expect((await wallet.run(['journal'])).out).to.match(/destroyed urn:carnet:identity:1/)
    })

    it('gives unfinished offers up', async () => {
      issuer.redeemed = false
      issuer.faults.before = (path) => (path === '/credential' ? 'no answer' : undefined)
      await receive()
      expect((await wallet.run(['forget', '--unfinished', '--yes'])).status).to.equal(0)
      expect((await wallet.run(['receive'])).status).to.equal(1)
      expect((await wallet.run(['forget', '--unfinished', '--yes'])).status).to.equal(1)
    })

    it('needs to be told what', async () => {
      expect((await wallet.run(['forget', '--yes'])).status).to.equal(2)
      expect((await wallet.run(['forget', name, '--unfinished', '--yes'])).status).to.equal(2)
    })
  })
})
