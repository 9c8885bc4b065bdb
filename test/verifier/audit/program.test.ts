import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { cosignatureVerifier } from '../../../shared/audit/cosignature.ts'
import { generateEd25519Key, generateEs256Key } from '../../../shared/key/signer.software.ts'
import { packageRoot } from '../../../shared/package-root.ts'
import type { StatusReference } from '../../../shared/status-list/reference.ts'
import { run } from '../../../verifier/audit/program.ts'
import type { AuditWorld } from '../../../verifier/audit/world.ts'
import { testWorld } from '../../support/audit-world.ts'
import { type AuditedIssuer, openAuditedIssuer } from '../../support/audited-issuer.ts'
import { NOW } from '../../support/pki.ts'

describe('carnet-audit', () => {
  let issuer: AuditedIssuer
  let folder: string
  let lines: string[]
  let references: StatusReference[]
  const world: AuditWorld = testWorld({
    clock: () => issuer.now,
    print: (line) => lines.push(line),
  })
  const audit = (command: string, ...rest: string[]) =>
    run([command, '--issuer', issuer.url, '--log-key', issuer.vkey.vkey, ...rest], world)
  const check = (path: string) => run(['check', path, '--log-key', issuer.vkey.vkey], world)
  const asking = (reference: StatusReference | undefined, ...times: number[]) => [
    '--list',
    reference?.uri ?? '',
    '--index',
    String(reference?.idx),
    ...times.flatMap((time) => ['--time', String(time)]),
  ]

  beforeEach(async () => {
    lines = []
    folder = mkdtempSync(join(tmpdir(), 'carnet-audit-'))
    issuer = await openAuditedIssuer()
    references = issuer.allocate(2)
    issuer.now = NOW + 300
    await issuer.publish()
    issuer.change(references[0], 'revoked')
    issuer.now = NOW + 600
    await issuer.publish()
  })
  afterEach(async () => {
    rmSync(folder, { recursive: true })
    await issuer.close()
  })

  it('finds nothing wrong with an honest issuer, and goes on from where it was', async () => {
    const state = join(folder, 'state.json')
    expect(await audit('verify', '--state', state), lines.join('\n')).to.equal(0)
    expect(lines.join('\n'))
      .to.include('6 new publications judged')
      .and.include('no rule is broken')
    issuer.now = NOW + 900
    await issuer.publish()
    lines = []
    expect(await audit('verify', '--state', state), lines.join('\n')).to.equal(0)
    expect(lines.join('\n')).to.include('2 new publications judged')
  })

  it('lists the rules that were in force and how often dossiers were opened', async () => {
    const digest = 'A'.repeat(43)
    const rules = [
      { type: 'workflow.adopted', at: 5, id: 'identity-passport', version: 1, sha256: digest },
      { type: 'rulebook.adopted', at: 6, commitment: digest },
    ]
    expect(await audit('rules')).to.equal(0)
    expect(lines).to.deep.equal(['no dossier was opened'])
    lines = []
    const opened = { type: 'dossier.opened', at: 7, reader: 'reviewer', commitment: digest }
    for (const entry of [
      ...rules,
      { ...opened, reason: 'referral' },
      { ...opened, reason: 'follow_up' },
      { ...opened, reason: 'referral' },
    ]) {
      await issuer.publisher.log.append(entry)
    }
    issuer.now += 300
    await issuer.publish()
    expect(await audit('rules'), lines.join('\n')).to.equal(0)
    expect(lines.map((line) => line.replace(/ \(leaf \d+\)$/, ''))).to.deep.equal([
      `from 5: workflow identity-passport version 1, sha256 ${digest}`,
      `from 6: rulebook, commitment ${digest}`,
      'dossiers opened, reviewer/referral: 2',
      'dossiers opened, reviewer/follow_up: 1',
    ])
    expect(await audit('verify')).to.equal(0)
  })

  it('names an erasure that says more than it may, and nothing of one that does not', async () => {
    const erased = { type: 'session.erased', at: 5, commitment: 'x'.repeat(43) }
    const verify = async () => {
      issuer.now += 300
      await issuer.publish()
      return await audit('verify')
    }
    await issuer.publisher.log.append(erased)
    expect(await verify(), lines.join('\n')).to.equal(0)
    await issuer.publisher.log.append({ ...erased, session: 'who it was' })
    expect(await verify()).to.equal(1)
    expect(lines.join('\n')).to.include('BROKEN leaf_malformed')
  })

  it('names a leaf about rules or dossiers of another shape, in every command', async () => {
    await issuer.publisher.log.append({ type: 'workflow.adopted', at: 5, id: 'x', version: 0 })
    issuer.now += 300
    await issuer.publish()
    expect(await audit('verify')).to.equal(1)
    expect(lines.join('\n')).to.include('BROKEN leaf_malformed')
    expect(await audit('rules')).to.equal(1)
    await issuer.publisher.log.append({ type: 'status.published', at: 5 })
    issuer.now += 300
    await issuer.publish()
    expect(await audit('at', ...asking(references[0], issuer.now))).to.equal(1)
    expect(lines.at(-1)).to.include('has another shape')
  })

  it('says what the list said of an index before and after', async () => {
    const question = asking(references[0], NOW + 300, NOW + 599, NOW + 600)
    expect(await audit('at', ...question), lines.join('\n')).to.equal(0)
    expect(lines.slice(3)).to.deep.equal([
      `at ${NOW + 300}: valid (publication 2, from ${NOW + 300}, until ${NOW + 600})`,
      `at ${NOW + 599}: valid (publication 2, from ${NOW + 300}, until ${NOW + 600})`,
      `at ${NOW + 600}: revoked (publication 3, from ${NOW + 600}, the newest publication)`,
    ])
    lines = []
    await audit('at', ...asking(references[1], NOW + 600))
    expect(lines.at(-1)).to.include(': valid')
  })

  it('says nothing of a time before the list, after its last token, or of an index outside of it', async () => {
    expect(await audit('at', ...asking(references[0], NOW - 1))).to.equal(1)
    expect(await audit('at', ...asking(references[0], NOW + 600 + 3601))).to.equal(1)
    const outside = { uri: references[0]?.uri ?? '', idx: 4096 }
    expect(await audit('at', ...asking(outside, NOW + 600))).to.equal(1)
  })

  for (const [form, ...options] of [['with tokens'], ['with chunks', '--compact']] as const)
    it(`exports a proof ${form} that is checked offline, and in which no byte can change`, async () => {
      const out = join(folder, 'evidence')
      const question = asking(references[0], NOW + 300, NOW + 600)
      expect(
        await audit('export', ...question, '--out', out, ...options),
        lines.join('\n'),
      ).to.equal(0)
      expect(lines.join('\n')).to.include(': valid (').and.include(': revoked (')
      await issuer.close()
      expect(await check(out), lines.join('\n')).to.equal(0)
      for (const name of readdirSync(out)) {
        const bytes = readFileSync(join(out, name))
        for (const at of positions(bytes.length)) {
          const changed = Buffer.from(bytes)
          changed[at] = (changed[at] ?? 0) ^ 1
          writeFileSync(join(out, name), changed)
          expect(await check(out), `${name} byte ${at}`).to.equal(1)
        }
        writeFileSync(join(out, name), bytes)
      }
      expect(await check(out)).to.equal(0)
      writeFileSync(join(out, 'more.txt'), 'x')
      expect(await check(out)).to.equal(1)
      issuer = await openAuditedIssuer()
    })

  it('shows which indexes changed between two times', async () => {
    const { uri = '', idx } = references[0] ?? {}
    const times = ['--from', String(NOW + 300), '--to', String(NOW + 600)]
    expect(await audit('diff', '--list', uri, ...times), lines.join('\n')).to.equal(0)
    expect(lines).to.deep.equal([`index ${idx}: valid -> revoked`])
  })

  it('compares what two followers have seen', async () => {
    const [here, there] = [join(folder, 'here.json'), join(folder, 'there.json')]
    await audit('verify', '--state', here)
    issuer.now = NOW + 900
    await issuer.publish()
    await audit('verify', '--state', there)
    lines = []
    expect(await audit('compare', here, there), lines.join('\n')).to.equal(0)
  })

  it('goes on following while the issuer is away, says so, and finds what it missed (R9)', async () => {
    const state = join(folder, 'state.json')
    let rounds = 0
    const patient: AuditWorld = {
      ...world,
      pause: async () => {
        rounds++
        // Away for two rounds, then back with a publication that it owed.
        issuer.wrong =
          rounds === 1 || rounds === 2
            ? (_request, response) => response.status(503).end()
            : undefined
        if (rounds === 3) {
          issuer.now += 3000
          await issuer.publish()
        }
        return rounds < 4
      },
    }
    const argv = ['follow', '--issuer', issuer.url, '--log-key', issuer.vkey.vkey, '--state', state]
    expect(await run(argv, patient), lines.join('\n')).to.equal(1)
    const text = lines.join('\n')
    expect(text.match(/answered 503/g)).to.have.length(2)
    expect(text.match(/BROKEN late_publication/g)).to.have.length(2)
    rounds = 0
    const gone: AuditWorld = { ...patient, pause: async () => false }
    issuer.wrong = (_request, response) => response.status(503).end()
    expect(await run(argv, gone)).to.equal(3)
  })

  it('follows until it is stopped', async () => {
    expect(await audit('follow', '--state', join(folder, 'state.json'), '--every', '1')).to.equal(0)
    expect(await audit('follow')).to.equal(2)
  })

  it('rejects evidence of which a file is missing', async () => {
    const out = join(folder, 'evidence')
    await audit('export', ...asking(references[0], NOW + 300, NOW + 600), '--out', out)
    for (const name of readdirSync(out)) {
      const bytes = readFileSync(join(out, name))
      rmSync(join(out, name))
      expect(await check(out), name).to.equal(1)
      writeFileSync(join(out, name), bytes)
    }
  })

  it('rejects evidence under the key of another log', async () => {
    const out = join(folder, 'evidence')
    await audit('export', ...asking(references[0], NOW + 300), '--out', out)
    const other = await openAuditedIssuer()
    expect(await run(['check', out, '--log-key', other.vkey.vkey], world)).to.equal(1)
    await other.close()
  })

  it('exits with 2 for wrong usage and 3 for what cannot be reached', async () => {
    expect(await run(['verify'], world)).to.equal(2)
    expect(await run(['verify', '--issuer', issuer.url, '--log-key', 'x'], world)).to.equal(2)
    expect(await audit('at', ...asking({ uri: 'x', idx: 1 }, 1))).to.equal(2)
    const nobody = ['--issuer', 'http://127.0.0.1:1', '--log-key', issuer.vkey.vkey]
    expect(await run(['verify', ...nobody], world)).to.equal(3)
    expect(await run(['--help'], world)).to.equal(0)
  })

  describe('exits with 4 and says what to mend', () => {
    const witness = (key: string, ...rest: string[]) => {
      const state = join(folder, 'witness')
      const options = ['--name', 'witness.example/1', '--key', key, '--state', state]
      return run(['witness', ...options, '--log-key', issuer.vkey.vkey, ...rest], world)
    }
    const makeKey = (out: string) =>
      run(['witness-key', '--name', 'witness.example/1', '--out', out], world)
    const expectRefusal = (status: number, message: string, hint: string) => {
      expect(status, lines.join('\n')).to.equal(4)
      expect(lines.slice(-2)).to.deep.equal([
        `carnet-audit: ${message}`,
        `carnet-audit: hint: ${hint}`,
      ])
    }
    const stateHint = 'name the file that an earlier --state wrote'
    const keyHint = 'name the file that carnet-audit witness-key wrote'

    it('when the folder to check is absent, or is a file', async () => {
      const absent = join(folder, 'absent')
      const hint = 'name the folder that carnet-audit export wrote'
      const message = `cannot read ${absent}: there is no such file or folder`
      expectRefusal(await check(absent), message, hint)
      writeFileSync(absent, '')
      const other = `cannot read ${absent}: it is no folder, or not in one`
      expectRefusal(await check(absent), other, hint)
    })

    it('when the folder to export to exists, and leaves it as it was', async () => {
      const status = await audit('export', ...asking(references[0], NOW + 300), '--out', folder)
      const hint = 'name a folder that does not exist yet in one that does'
      expectRefusal(status, `cannot write ${folder}: it exists already`, hint)
      expect(readdirSync(folder)).to.deep.equal([])
    })

    it('when the state lies in a missing folder, before anything is asked', async () => {
      const state = join(folder, 'absent', 'state.json')
      await issuer.close()
      const message = `cannot read ${state}: there is no such file or folder`
      const hint = 'its folder has to exist and be open to this user'
      for (const command of ['verify', 'follow']) {
        expectRefusal(await audit(command, '--state', state), message, hint)
      }
      issuer = await openAuditedIssuer()
    })

    it('when the state is something else, and leaves it as it was', async () => {
      const state = join(folder, 'state.json')
      for (const text of ['', 'x', '{}', '{"format":"carnet-audit-state/2"}']) {
        writeFileSync(state, text)
        const message = `${state} is not a state of carnet-audit`
        expectRefusal(await audit('verify', '--state', state), message, stateHint)
        expect(readFileSync(state, 'utf8')).to.equal(text)
      }
    })

    it('when the state cannot be written, unless a rule is broken: that is 1', async () => {
      const state = join(folder, 'state.json')
      mkdirSync(`${state}.new`)
      const message = `cannot write ${state}: a folder is in its place`
      const hint = 'its folder has to be writable'
      expectRefusal(await audit('verify', '--state', state), message, hint)
      const nobody = cosignatureVerifier('witness.example/1', generateEd25519Key().signer)
      lines = []
      expect(await audit('verify', '--state', state, '--witness', nobody.vkey)).to.equal(1)
      expect(lines.join('\n')).to.include('BROKEN witness_missing').and.include(message)
    })

    it('when a state to compare is absent', async () => {
      const [here, absent] = [join(folder, 'here.json'), join(folder, 'absent.json')]
      await audit('verify', '--state', here)
      const message = `cannot read ${absent}: there is no such file`
      expectRefusal(await audit('compare', here, absent), message, stateHint)
    })

    it('when the key to make exists or its folder is absent, and replaces no key', async () => {
      const key = join(folder, 'key.pem')
      expect(await makeKey(key)).to.equal(0)
      const made = readFileSync(key, 'utf8')
      const hint = 'name a file that does not exist yet in a folder that does'
      expectRefusal(await makeKey(key), `cannot write ${key}: it exists already`, hint)
      expect(readFileSync(key, 'utf8')).to.equal(made)
      const lost = join(folder, 'absent', 'key.pem')
      const message = `cannot write ${lost}: there is no such file or folder`
      expectRefusal(await makeKey(lost), message, hint)
    })

    it('when the key of a witness is absent or no Ed25519 key', async () => {
      const key = join(folder, 'key.pem')
      const message = `cannot read ${key}: there is no such file or folder`
      expectRefusal(await witness(key), message, keyHint)
      for (const text of ['not a key', generateEs256Key().pkcs8]) {
        writeFileSync(key, text)
        expectRefusal(await witness(key), `${key} holds no Ed25519 key`, keyHint)
      }
      expect(lines.join('\n')).not.to.include('PRIVATE')
    })

    it('when the port of a witness is in use', async () => {
      const key = join(folder, 'key.pem')
      await makeKey(key)
      const { port } = new URL(issuer.url)
      const hint = 'stop the other program or set another port'
      expectRefusal(await witness(key, '--port', port), `port ${port} on 127.0.0.1 is in use`, hint)
      expect(await witness(key), lines.join('\n')).to.equal(0)
    })

    it('as a process, without a stack trace', () => {
      const script = join(packageRoot, 'verifier/audit/main.ts')
      const words = ['check', join(folder, 'absent'), '--log-key', issuer.vkey.vkey]
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ['--import', 'tsx', script, ...words],
        { cwd: packageRoot, encoding: 'utf8' },
      )
      expect(status, stderr).to.equal(4)
      expect(stdout).to.equal('')
      expect(stderr.trimEnd().split('\n')).to.deep.equal([
        `carnet-audit: cannot read ${words[1]}: there is no such file or folder`,
        'carnet-audit: hint: name the folder that carnet-audit export wrote',
      ])
    })
  })
})

/** Every byte of small files, and bytes all over large ones. */
function positions(length: number): number[] {
  const step = Math.max(1, Math.floor(length / 25))
  return Array.from({ length: Math.ceil(length / step) }, (_, n) => n * step)
}
