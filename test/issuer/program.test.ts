import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { openFaceStoreFile } from '../../issuer/evidence/face/face-store.sqlite.ts'
import { run } from '../../issuer/program.ts'
import type { IssuerStore } from '../../issuer/store.ts'
import type { World } from '../../issuer/world.ts'
import { commit } from '../../shared/audit/commitment.ts'
import { openLogFolder } from '../../shared/audit/log-folder.file.ts'
import { systemClock, toDateTime } from '../../shared/clock.ts'
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
import {
  beginSession,
  newKeys,
  submittedSession,
  testWallet,
  tokenFor,
} from '../support/issuer-client.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const tokenKey = generateEs256Key().signer

describe('carnet-issuer', () => {
  const folder = temporaryFolder()
  const path = (name: string) => join(folder.path, name)
  let issuer: TestIssuer
  const pipeline = fixturePipeline()
  const faces = openFaceStoreFile(':memory:')
  before(async () => {
    issuer = await openIssuer(pipeline)
  })
  after(async () => {
    await issuer.close()
    await faces.close()
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
      backup: () => Promise.reject(new Error('no backup here')),
      checks: () => [],
      restore: () => Promise.reject(new Error('no backup here')),
      generateLogKey: () => generateEd25519Key().pkcs8,
      logVerifierKey: () => issuer.auditLog.vkey,
      withFaces: (_config, work) =>
        work({
          store: faces.store,
          days: 30,
          block: async (name, imageFile, expires) => {
            const sealed = Buffer.from(imageFile)
            const kept = { list: 'blocklist', id: name, model: 'm', person: '' } as const
            await faces.store.keep({ ...kept, sealed, expires })
          },
        }),
      withLog: (_config, work) => work(issuer.auditLog),
      withWebhooks: (_config, work) => work(issuer.webhooks),
      withAccounts: (_config, work) =>
        work(issuer.storage.accounts, 'https://operator.example/operator/'),
      logFolder: openLogFolder,
      withKeys: (_config, work) => work(issuer.keys),
      withStore: (_config, work) => work(issuer.store as IssuerStore),
      copyStore: async ({ from, to }) => {
        out.push(`${from} to ${to}`)
        return [
          { table: 'session', rows: 2, digest: 'aa' },
          { table: 'offer', rows: 1, digest: 'bb' },
        ]
      },
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
    for (const command of ['serve', 'pki', 'keys', 'review', 'revoke', 'status', 'log']) {
      expect((await call([command, '--help'])).code).to.equal(0)
    }
    const wrong = await call(['frobnicate'])
    expect(wrong.code).to.equal(2)
    expect(wrong.err).to.contain('carnet-issuer: unknown command').and.contain('hint')
    expect((await call(['review', 'decide', 'x'])).code).to.equal(2)
  })

  it('forgets the face of a session, and puts faces on the blocklist and takes them off', async () => {
    const until = toDateTime(systemClock() + 7 * 86_400).slice(0, 10)
    const blocked = await call(['faces', 'block', 'a.jpg', '--name', 'case-17', '--days', '7'])
    expect([blocked.code, blocked.out]).to.satisfy(
      ([code, out]: [number, string]) =>
        code === 0 && out.startsWith(`case-17  blocked until ${until}`),
    )
    expect((await call(['faces', 'blocklist'])).out).to.match(/^case-17 {2}until \d{4}-/)
    expect((await call(['faces', 'unblock', 'case-17'])).out).to.equal('case-17  unblocked')
    expect((await call(['faces', 'unblock', 'case-17'])).code).to.equal(1)
    const kept = { list: 'seen', id: 'sid', model: 'm', person: '' } as const
    await faces.store.keep({ ...kept, sealed: Buffer.of(1), expires: 4_000_000_000 })
    expect((await call(['faces', 'forget', 'sid'])).out).to.equal('sid  forgotten')
    const unknown = await call(['faces', 'forget', 'sid'])
    expect([unknown.code, unknown.err]).to.deep.equal([
      1,
      'carnet-issuer: no face is kept of session sid',
    ])
    expect((await call(['faces', 'block', 'a.jpg', '--name', 'x', '--days', '0'])).code).to.equal(2)
  })

  it('erases what is kept of a person, and prints the receipt', async () => {
    const { id } = await beginSession(issuer.url)
    const argv = ['sessions', 'erase', id, '--url', issuer.url, '--reason', 'asked by letter']
    const erased = await call(argv)
    expect(erased.code, erased.err).to.equal(0)
    expect(JSON.parse(erased.out)).to.include({ session_id: id, reason: 'asked by letter' })
    expect((await call(argv)).code).to.equal(1)
    expect((await call(['sessions', 'erase', id])).code).to.equal(2)
  })

  it('says what it copied to another store, table by table', async () => {
    const argv = ['store', 'copy', '--from', 'sqlite:a.db', '--to', 'postgres://h/d']
    expect((await call(argv)).out).to.equal(
      'sqlite:a.db to postgres://h/d\nsession 2 aa\noffer 1 bb\n' +
        '3 rows in 2 tables, each read back as it was written',
    )
    expect((await call(['store', 'copy', '--from', 'sqlite:a.db'])).code).to.equal(2)
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

  it('makes keys for some scopes and some time, and another one while the old one still works', async () => {
    const add = (scope: string, expires: string) =>
      call([
        ...['keys', 'add', '--role', 'reviewer', '--name', 'eve', '--scope', scope],
        ...['--expires', expires],
      ])
    const foreign = await add('status:write', '90d')
    expect([foreign.code, foreign.err]).to.satisfy(
      ([code, err]: [number, string]) => code === 1 && err.includes('reviews:decide'),
    )
    expect((await add('reviews:read', '90')).code).to.equal(2)
    const old = await add('reviews:read', '90d')
    expect(old.code).to.equal(0)
    const url = ['--url', issuer.url]
    const list = (reviewer: string) =>
      call(['review', 'list', ...url], { reviewer, operator: undefined })
    const decide = ['review', 'decide', 'x', '--outcome', 'approve', '--reason', 'y', ...url]
    const refused = await call(decide, { reviewer: old.out, operator: undefined })
    expect(refused.err).to.contain('reviews:decide')
    const rotated = await call(['keys', 'rotate', '--name', 'eve', '--overlap', '7d'])
    expect([(await list(old.out)).code, (await list(rotated.out)).code]).to.deep.equal([0, 0])
    const listed = (await call(['keys', 'list'])).out.split('\n')
    const lines = listed.filter((line) => line.includes('  eve  '))
    expect(lines).to.have.length(2)
    for (const line of lines) expect(line).to.match(/reviews:read {2}made .*used .*active$/)
    const [, , id = ''] = old.out.split('_')
    expect((await call(['keys', 'revoke', '--name', 'eve', '--id', id])).code).to.equal(0)
    expect([(await list(old.out)).code, (await list(rotated.out)).code]).to.deep.equal([1, 0])
    const now = ['keys', 'rotate', '--name', 'eve', '--overlap', '0m']
    const newest = await call(now)
    expect([(await list(rotated.out)).code, (await list(newest.out)).code]).to.deep.equal([1, 0])
    expect((await call(['keys', 'rotate', '--name', 'nobody'])).code).to.equal(1)
  })

  it('makes the key after one that ends for as long as that one, unless it is told otherwise', async () => {
    const ends = async (args: readonly string[]) => {
      const { out } = await call(['keys', ...args, '--name', 'zoe'])
      const [, , id = ''] = out.split('_')
      const key = (await issuer.keys.keys()).find((each) => each.id === id)
      return key?.expiresAt === undefined ? 'never' : (key.expiresAt - key.createdAt) / 86_400
    }
    expect(await ends(['add', '--role', 'reviewer', '--expires', '90d'])).to.equal(90)
    expect(await ends(['rotate', '--overlap', '1d'])).to.equal(90)
    expect(await ends(['rotate', '--expires', '30d'])).to.equal(30)
    expect(await ends(['rotate'])).to.equal(30)
    expect(await ends(['rotate', '--expires', 'never'])).to.equal('never')
    expect(await ends(['rotate'])).to.equal('never')
  })

  it('makes, lists and ends keys; a key is shown once', async () => {
    const made = await call(['keys', 'add', '--role', 'reviewer', '--name', 'ada'])
    expect(made.out).to.match(/^carnet_reviewer_[0-9a-f]{12}_[\w-]{43}$/)
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

  it('exports the log as files, prunes them, and checks them and the database', async () => {
    const out = path('log')
    await issuer.publish()
    expect((await call(['log', 'export', '--out', out])).out).to.match(/^\d+ files written to/)
    await issuer.publish()
    expect((await call(['log', 'export', '--out', out])).code).to.equal(0)
    const pruned = await call(['log', 'prune', '--out', out])
    expect([pruned.code, pruned.out]).to.satisfy(
      ([code, text]: [number, string]) =>
        code === 0 && /^\d+ partial tiles and bundles removed\nevery entry/.test(text),
    )
    for (const name of ['fsck', 'check']) {
      expect((await call(['log', name])).out).to.match(/^every entry/)
      expect((await call(['log', name, '--out', out])).out).to.match(/^every entry/)
    }
    writeFileSync(join(out, 'checkpoint'), 'x')
    const damaged = await call(['log', 'fsck', '--out', out])
    expect(damaged.code).to.equal(1)
    expect(damaged.out).to.include('checkpoint: ')
    expect(damaged.err).to.include('what is stored is not what was signed')
  })

  it('prints what opens the leaves about rules', async () => {
    const { out, code } = await call(['log', 'rules'])
    expect(code).to.equal(0)
    const rules = out.split('\n').map((line) => JSON.parse(line))
    expect(rules.map(({ kind }) => kind)).to.deep.equal(['workflow', 'rulebook'])
    const entry = issuer.db
      .prepare('SELECT entry FROM audit_entry WHERE idx = ?')
      .pluck()
      .get(rules[1].leaf)
    const salt = Buffer.from(rules[1].salt, 'base64url')
    expect(JSON.parse(String(entry)).commitment).to.equal(commit(rules[1].details, salt))
    expect(rules[1].details.watchlists[0].id).to.equal('made-up-persons')
  })

  describe('status', () => {
    const url = () => ['--url', issuer.url]
    const status = (...argv: string[]) => call(['status', ...argv, ...url()])
    const eventOf = (out: string) => /^change (\d+)/.exec(out)?.[1] ?? ''
    /** Copies that a worker was given. */
    const issued = async (copies: number): Promise<{ uri: string; idx: number }[]> => {
      await issuer.publish()
      const worker = await submittedSession(issuer.url)
      const wallet = testWallet(issuer.url)
      await wallet.credential(await tokenFor(worker, wallet), newKeys(copies))
      const row = issuer.db
        .prepare('SELECT statuses FROM issuance WHERE session_id = ?')
        .pluck()
        .get(worker.id)
      return JSON.parse(String(row))
    }
    const naming = ({ uri, idx }: { uri: string; idx: number } = { uri: '', idx: 0 }) => [
      '--list',
      uri,
      '--index',
      String(idx),
    ]

    it('suspends until a time, takes it back, and says what cannot be taken back', async () => {
      const [copy] = await issued(1)
      const suspend = [...naming(copy), '--to', 'suspended', '--reason-class', 'fraud']
      const changed = await status('change', ...suspend, '--until', '2036-07-01T00:00:00Z')
      expect(changed.code, changed.err).to.equal(0)
      expect(changed.out).to.match(/^change \d+ {2}suspended; the next publication carries it$/)
      const event = eventOf(changed.out)
      expect((await status('withdraw', event)).out).to.equal(`change ${event}  withdrawn`)
      const again = await status('withdraw', event)
      expect([again.code, again.err]).to.satisfy(
        ([code, err]: [number, string]) => code === 1 && err.includes('change_not_found'),
      )
      const emergency = await status('change', ...suspend, '--emergency')
      expect(emergency.out).to.match(/; published$/)
      const late = await status('withdraw', eventOf(emergency.out))
      expect(late.err).to.include('change_published')
    })

    it('previews a bulk change and carries it out for a second person alone', async () => {
      const copies = await issued(3)
      const file = path('copies')
      writeFileSync(file, `${copies.map(({ uri, idx }) => `${uri} ${idx}`).join('\n')}\n`)
      const what = ['--to', 'revoked', '--reason-class', 'key_or_wallet_compromise']
      const preview = await status('bulk', 'preview', file, ...what)
      expect(preview.code, preview.err).to.equal(0)
      expect(preview.out).to.include('3 on 3 lists').and.include('3 valid, 0 suspended, 0 revoked')
      const [, id = ''] = /^bulk +(\S+)$/m.exec(preview.out) ?? []
      const [, sha256 = ''] = /^sha256 +(\S+)$/m.exec(preview.out) ?? []
      const confirm = ['bulk', 'confirm', id, '--sha256', sha256]
      expect((await status(...confirm)).err).to.include('second_person_needed')
      const second = await call(['keys', 'add', '--role', 'operator', '--name', 'second'])
      const keys = { reviewer: undefined, operator: second.out }
      const stale = ['status', 'bulk', 'confirm', id, '--sha256', 'x', ...url()]
      expect((await call(stale, keys)).err).to.include('bulk_changed')
      const done = await call(['status', ...confirm, ...url()], keys)
      expect(done.out).to.equal(`bulk ${id}  3 changed; the next publication carries it`)
    })

    it('lists whom to tell in neutral words, notes who was told, and ends a hold', async () => {
      const [open, held] = await issued(2)
      const change = ['--to', 'revoked', '--reason-class', 'compliance', '--emergency']
      const told = await status('change', ...naming(open), ...change)
      const hold = await status('change', ...naming(held), ...change, '--held-by', 'court-7')
      const [event, heldEvent] = [eventOf(told.out), eventOf(hold.out)]
      const notices = await status('notices')
      expect(notices.out).to.match(
        new RegExp(`^${event}  due .*The issuer has withdrawn it.$`, 'm'),
      )
      expect(notices.out).not.to.match(new RegExp(`^${heldEvent} `, 'm'))
      expect(notices.out).not.to.include('compliance').and.not.include('court')
      expect((await status('told', event)).out).to.equal(`change ${event}  told`)
      expect((await status('release', heldEvent)).out).to.equal(`change ${heldEvent}  released`)
      const after = await status('notices')
      expect(after.out).not.to.match(new RegExp(`^${event} `, 'm'))
      expect(after.out).to.match(new RegExp(`^${heldEvent}  due`, 'm'))
      const report = await status('timeliness', '--from', '0', '--to', '2036-07-01T00:00:00Z')
      expect(report.out).to.match(/^published +\d+ {2}median \d+ s {2}max \d+ s {2}late 0$/m)
      expect(report.out).to.match(/^told +1 {2}median/m)
    })

    it('ends with 2 for a wrong line and 1 for a wrong file or a missing key', async () => {
      const [copy] = await issued(1)
      const what = ['--to', 'revoked', '--reason-class', 'fraud']
      for (const argv of [
        ['change', ...naming(copy), '--to', 'gone', '--reason-class', 'fraud'],
        ['change', ...naming(copy), '--to', 'revoked', '--reason-class', 'none'],
        ['change', '--list', 'x', '--index', '-1', ...what],
        ['withdraw', 'x'],
        ['timeliness', '--from', 'yesterday', '--to', '5'],
        ['bulk', 'confirm', 'x'],
        ['frobnicate'],
      ]) {
        expect((await status(...argv)).code, argv.join(' ')).to.equal(2)
      }
      writeFileSync(path('wrong'), 'not a list\n')
      const wrong = await status('bulk', 'preview', path('wrong'), ...what)
      expect([wrong.code, wrong.err]).to.satisfy(
        ([code, err]: [number, string]) => code === 1 && err.includes('line 1 is no list'),
      )
      const keyless = await call(['status', 'notices', ...url()], {
        reviewer: undefined,
        operator: undefined,
      })
      expect(keyless.err).to.include('CARNET_OPERATOR_KEY is not set')
      for (const argv of [[], ['change'], ['bulk'], ['bulk', 'preview'], ['timeliness']]) {
        expect((await call(['status', ...argv, '--help'])).code).to.equal(0)
      }
    })
  })
})
