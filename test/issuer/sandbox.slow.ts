import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { packageRoot } from '../../shared/package-root.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

describe('carnet-issuer serve, in a sandbox and out of it', function () {
  this.timeout(60_000) // it starts programs
  const folder = temporaryFolder()
  const run = async (...argv: readonly string[]) => {
    const program = join(packageRoot, 'bin/carnet-issuer.mjs')
    const child = spawn(process.execPath, [program, ...argv], {
      cwd: folder.path,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    child.stderr.on('data', (chunk) => {
      said += chunk
      if (/"msg":"serving"/.test(said)) child.kill('SIGTERM')
    })
    const [code] = await once(child, 'close')
    return { code, said }
  }
  let port: number
  before(async () => {
    port = await freePort()
    await run('keys', 'log', '--out', 'log.pem')
    for (const [dir, flags] of [
      ['real', []],
      ['sandbox', ['--sandbox']],
    ] as const) {
      await run('pki', 'init', '--dir', dir, ...flags)
      const subject = [
        '--name',
        'Example',
        '--uri',
        `http://127.0.0.1:${port}`,
        '--dns',
        'localhost',
      ]
      const role = ['--role', 'attestation', ...subject, '--out', `${dir}-issuer`]
      await run('pki', 'certify', '--dir', dir, ...role)
    }
  })
  after(() => folder.remove())

  const config = (pki: 'real' | 'sandbox', database: string, more: object): string => {
    const file = join(folder.path, 'config.json')
    writeFileSync(
      file,
      JSON.stringify({
        ...{ baseUrl: `http://127.0.0.1:${port}`, listen: { port }, database, logKey: 'log.pem' },
        authority: { name: 'Example', country: 'UT' },
        attestation: { key: `${pki}-issuer/key.pem`, chain: `${pki}-issuer/chain.pem` },
        trustList: { file: `${pki}/trust-list.jwt`, signer: `${pki}/trust-list-signer.jwk.json` },
        ...more,
      }),
    )
    return file
  }
  const serve = (...given: Parameters<typeof config>) => run('serve', '--config', config(...given))

  it('starts as a sandbox under a trust list that is marked as one', async () => {
    const { code, said } = await serve('sandbox', 'sandbox.db', { sandbox: true })
    expect(code, said).to.equal(0)
  })

  it('does not start under a trust list of the other kind', async () => {
    const sandboxed = await serve('real', 'a.db', { sandbox: true })
    expect(sandboxed.said).to.contain('the trust list is not that of a sandbox')
    const real = await serve('sandbox', 'a.db', {})
    expect(real.said).to.contain('the trust list is that of a sandbox')
    expect([sandboxed.code, real.code]).to.deep.equal([1, 1])
  })

  it('does not start on the database of the other kind, nor with what would remember somebody', async () => {
    const mixed = await serve('real', 'sandbox.db', {})
    expect(mixed.said).to.contain('sandbox.db is the database of a sandbox')
    const seen = { seenDocuments: { database: 's.db', key: 'k', days: 1 } }
    const remembering = await serve('sandbox', 'sandbox.db', { sandbox: true, evidence: seen })
    expect(remembering.said).to.contain('it remembers nobody')
    expect([mixed.code, remembering.code]).to.deep.equal([78, 78])
  })
})
