import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { run } from '../../issuer/program.ts'
import type { IssuerStore } from '../../issuer/store.ts'
import type { World } from '../../issuer/world.ts'
import { systemClock } from '../../shared/clock.ts'
import {
  generateEd25519Key,
  generateEs256Key,
  openEs256Key,
} from '../../shared/key/signer.software.ts'
import { OperatorError } from '../../shared/operator-error.ts'
import { systemRandom } from '../../shared/random.ts'
import { parseCertificate } from '../../shared/trust/parse-certificate.ts'
import { x5cOfPem } from '../../shared/trust/pem-chain.ts'
import { anchorsOf, verifyTrustList } from '../../shared/trust/trust-list.ts'
import { verifyX5c } from '../../shared/trust/x5c.ts'
import { evidenceWith, fixturePipeline } from '../support/evidence.ts'
import { openIssuer, type TestIssuer } from '../support/issuer.ts'
import { newKeys, submittedSession, testWallet, tokenFor } from '../support/issuer-client.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const tokenKey = generateEs256Key().signer

describe('carnet-issuer', () => {
  const folder = temporaryFolder()
  const path = (name: string) => join(folder.path, name)
  let issuer: TestIssuer
  const pipeline = fixturePipeline()
  before(async () => {
    issuer = await openIssuer(pipeline)
  })
  after(async () => {
    await issuer.close()
    folder.remove()
  })

  async function call(
    argv: readonly string[],
    keys: World['keys'] = { reviewer: issuer.reviewerKey, operator: issuer.operatorKey },
  ): Promise<{ code: number; out: string; err: string }> {
    const out: string[] = []
    const err: string[] = []
    const world: World = {
      print: (line) => out.push(line),
      note: (line) => err.push(line),
      fetch,
      clock: systemClock,
      random: systemRandom,
      readFile: (file) => readFileSync(file, 'utf8'),
      writeNewFile: (file, text) => {
        if (existsSync(file)) throw new OperatorError('file_unreadable', `cannot make ${file}`)
        mkdirSync(dirname(file), { recursive: true })
        writeFileSync(file, text)
      },
      replaceFile: (file, text) => writeFileSync(file, text),
      generateKey: generateEs256Key,
      generateTokenKey: async ({ pkcs11 }) => {
        out.push(`on ${pkcs11.token} of ${pkcs11.module}`)
        return tokenKey
      },
      openKey: openEs256Key,
      generateLogKey: () => generateEd25519Key().pkcs8,
      logVerifierKey: () => 'vkey',
      withLog: () => Promise.reject(new Error('no log here')),
      writeLogFile: () => undefined,
      withStore: (_config, work) => work(issuer.store as IssuerStore),
      serve: async () => {
        throw new OperatorError('config_invalid', 'the configuration is wrong: listen.port')
      },
      keys,
    }
    const code = await run(argv, world)
    return { code, out: out.join('\n'), err: err.join('\n') }
  }

  it('explains itself, and says what is wrong with a command line in one line and a hint', async () => {
    const help = await call(['--help'])
    expect([help.code, help.out]).to.satisfy(
      ([code, out]: [number, string]) => code === 0 && out.includes('carnet-issuer pki init'),
    )
    for (const command of ['serve', 'pki', 'keys', 'review', 'revoke']) {
      expect((await call([command, '--help'])).code).to.equal(0)
    }
    const wrong = await call(['frobnicate'])
    expect(wrong.code).to.equal(2)
    expect(wrong.err).to.contain('carnet-issuer: unknown command').and.contain('hint')
    expect((await call(['review', 'decide', 'x'])).code).to.equal(2)
  })

  it('ends with 78 for a wrong configuration', async () => {
    const { code, err } = await call(['serve'])
    expect(code).to.equal(78)
    expect(err).to.equal('carnet-issuer: the configuration is wrong: listen.port')
  })

  it('makes a PKI whose certificates its trust list vouches for, each for its role alone', async () => {
    const dir = path('pki')
    expect((await call(['pki', 'init', '--dir', dir])).code).to.equal(0)
    const signerKey = JSON.parse(readFileSync(join(dir, 'trust-list-signer.jwk.json'), 'utf8'))
    expect(signerKey).to.have.all.keys('kty', 'crv', 'x', 'y')
    const now = systemClock()
    const list = () =>
      verifyTrustList(readFileSync(join(dir, 'trust-list.jwt'), 'utf8'), { signerKey, now })
    for (const role of ['attestation', 'relying-party-access'] as const) {
      const out = path(role)
      const uri = 'https://issuer.example'
      const args = ['--dir', dir, '--role', role, '--name', 'A', '--uri', uri, '--out', out]
      expect((await call(['pki', 'certify', ...args])).code).to.equal(0)
      const x5c = x5cOfPem(readFileSync(join(out, 'chain.pem'), 'utf8'))
      const { leaf } = verifyX5c(x5c, { role, anchors: anchorsOf(list()), now })
      expect(leaf.publicJwk).to.deep.equal(
        openEs256Key(readFileSync(join(out, 'key.pem'), 'utf8')).publicJwk,
      )
      const other = role === 'attestation' ? 'relying-party-access' : 'attestation'
      expect(() => verifyX5c(x5c, { role: other, anchors: anchorsOf(list()), now })).to.throw()
    }
    expect(list().sequence).to.equal(1)
    expect((await call(['pki', 'trust-list', '--dir', dir])).code).to.equal(0)
    expect(list().sequence).to.equal(2)
  })

  it('certifies a key that stays on a token, and writes none to a file', async () => {
    const dir = path('pki-token')
    expect((await call(['pki', 'init', '--dir', dir])).code).to.equal(0)
    const out = path('on-token')
    const args = ['--dir', dir, '--role', 'attestation', '--name', 'A', '--out', out]
    const token = [
      '--pkcs11-module',
      '/module.so',
      '--pkcs11-token',
      'hsm',
      '--pkcs11-label',
      'key-1',
    ]
    const { code, out: printed } = await call(['pki', 'certify', ...args, ...token])
    expect(code).to.equal(0)
    expect(printed)
      .to.contain('on hsm of /module.so')
      .and.match(/key +key-1/)
    expect(existsSync(join(out, 'key.pem'))).to.equal(false)
    const [leaf = ''] = x5cOfPem(readFileSync(join(out, 'chain.pem'), 'utf8'))
    const { publicJwk } = parseCertificate(Buffer.from(leaf, 'base64'))
    expect(publicJwk).to.deep.equal(tokenKey.publicJwk)
  })

  it('never overwrites a key', async () => {
    const dir = path('twice')
    expect((await call(['pki', 'init', '--dir', dir])).code).to.equal(0)
    const key = readFileSync(join(dir, 'attestation-ca.key.pem'), 'utf8')
    expect((await call(['pki', 'init', '--dir', dir])).code).to.equal(1)
    expect(readFileSync(join(dir, 'attestation-ca.key.pem'), 'utf8')).to.equal(key)
    expect((await call(['keys', 'log', '--out', path('log.pem')])).code).to.equal(0)
    expect((await call(['keys', 'log', '--out', path('log.pem')])).code).to.equal(1)
  })

  it('makes, lists and ends keys; a key is shown once', async () => {
    const made = await call(['keys', 'add', '--role', 'reviewer', '--name', 'ada'])
    expect(made.out).to.match(/^carnet_reviewer_[\w-]{43}$/)
    const list = await call(['keys', 'list'])
    expect(list.out).to.contain('ada  reviewer').and.not.contain(made.out)
    const review = ['review', 'list', '--url', issuer.url]
    expect((await call(review, { reviewer: made.out, operator: undefined })).code).to.equal(0)
    expect((await call(['keys', 'add', '--role', 'operator', '--name', 'ada'])).code).to.equal(1)
    expect((await call(['keys', 'revoke', '--name', 'ada'])).code).to.equal(0)
    expect((await call(['keys', 'revoke', '--name', 'ada'])).code).to.equal(1)
    const refused = await call(review, { reviewer: made.out, operator: undefined })
    expect([refused.code, refused.err]).to.satisfy(
      ([code, err]: [number, string]) => code === 1 && err.includes('not_authenticated'),
    )
  })

  it('lists, shows and decides what was referred', async () => {
    pipeline.evidence = evidenceWith({ faceMatch: 0.1 })
    const { id } = await submittedSession(issuer.url)
    pipeline.evidence = evidenceWith()
    const url = ['--url', issuer.url]
    expect((await call(['review', 'list', ...url])).out).to.contain(`${id}  `)
    expect((await call(['review', 'show', id, ...url])).out).to.contain('face_match_low')
    const decide = ['review', 'decide', id, '--outcome', 'approve', '--reason', 'seen', ...url]
    expect((await call(decide)).out).to.equal(`${id}  approved`)
    const again = await call(decide)
    expect(again.code).to.equal(1)
    expect(again.err).to.contain('the issuer refused: session_state')
  })

  it('revokes, and says what it needs when it cannot', async () => {
    const worker = await submittedSession(issuer.url)
    const wallet = testWallet(issuer.url)
    await wallet.credential(await tokenFor(worker, wallet), newKeys(2))
    const revoke = ['revoke', worker.id, '--reason-class', 'fraud', '--url', issuer.url]
    const keyless = await call(revoke, { reviewer: undefined, operator: undefined })
    expect(keyless.err).to.contain('CARNET_OPERATOR_KEY is not set').and.contain('hint')
    expect((await call(revoke)).out).to.contain('revoked 2 copies')
    expect((await call(revoke)).err).to.contain('status_final')
    const nowhere = ['revoke', 'x', '--reason-class', 'fraud', '--url', 'http://127.0.0.1:1']
    expect((await call(nowhere)).err).to.contain('no issuer answers at http://127.0.0.1:1')
  })
})
