import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { generateEs256Key, openEs256Key } from '../../shared/key/signer.software.ts'
import { packageRoot } from '../../shared/package-root.ts'
import { systemRandom } from '../../shared/random.ts'
import { aesGcmSeal, openKeyFile } from '../../wallet-cli/vault/key-file.file.ts'
import { openVault } from '../../wallet-cli/vault/vault.sqlite.ts'

const PASSPHRASE = 'specimen passphrase'
const LEFT = '\u001b[D'
const RETURN = '\r'
const CONTROL_C = '\u0003'

describe('carnet-wallet at a terminal of its own', function () {
  this.timeout(60_000)
  let folder: string
  before(function () {
    if (spawnSync('script', ['--version']).status !== 0) {
      process.stderr.write('SKIPPED, there is no script(1) to make a terminal: the wallet\n')
      this.skip()
    }
    folder = mkdtempSync(join(tmpdir(), 'carnet-terminal-'))
  })
  after(() => folder && rmSync(folder, { recursive: true }))

  /** Types each answer when its question is on the screen; answers the screen and the exit status. */
  const atTerminal = (
    command: string,
    answers: readonly { readonly to: RegExp; readonly type: string }[],
    environment: Record<string, string> = {},
  ): Promise<{ screen: string; status: number | null }> =>
    new Promise((resolve) => {
      const program = `'${process.execPath}' bin/carnet-wallet.mjs --vault '${join(folder, 'vault')}'`
      const child = spawn(
        'script',
        ['-qec', `stty cols 60 rows 40; ${program} ${command}`, '/dev/null'],
        {
          cwd: packageRoot,
          env: { ...process.env, ...environment },
        },
      )
      let screen = ''
      let read = 0
      const left = [...answers]
      child.stdout.on('data', (chunk: Buffer) => {
        screen += chunk.toString()
        const [next] = left
        if (next?.to.test(screen.slice(read))) {
          read = screen.length
          left.shift()
          child.stdin.write(next.type)
        }
      })
      child.on('close', (status) => resolve({ screen, status }))
    })

  it('asks for a passphrase that nobody can read on the screen', async () => {
    const { screen, status } = await atTerminal('init --work-factor 10', [
      { to: /Choose a passphrase/, type: `${PASSPHRASE}${RETURN}` },
      { to: /again/, type: `${PASSPHRASE}${RETURN}` },
    ])
    expect(status).to.equal(0)
    expect(screen).to.match(/made a vault in/)
    expect(screen).not.to.include(PASSPHRASE)
  })

  it('ends with status 130 when a question is left with Control-C', async () => {
    const { screen, status } = await atTerminal('list', [{ to: /Passphrase/, type: CONTROL_C }])
    expect(status).to.equal(130)
    expect(screen).to.match(/carnet-wallet: interrupted/)
  })

  it('takes no for an answer to Return, and not what was typed before the question was there', async () => {
    await holdSomething()
    const { screen, status } = await atTerminal('forget --unfinished', [
      { to: /Passphrase/, type: `${PASSPHRASE}${RETURN}${LEFT}${RETURN}` },
      { to: /Destroy 1 unfinished/, type: RETURN },
    ])
    expect(screen).to.match(/nothing was destroyed/)
    expect(status).to.equal(3)
  })

  it('asks on the terminal, whatever the streams are connected to', async () => {
    const out = join(folder, 'out')
    const { status } = await atTerminal(
      `forget --unfinished < /dev/null > '${out}' 2> /dev/null`,
      [{ to: /Destroy 1 unfinished/, type: `${LEFT}${RETURN}` }],
      { CARNET_WALLET_PASSPHRASE: PASSPHRASE },
    )
    expect(status).to.equal(0)
    expect(readFileSync(out, 'utf8')).to.equal('gave up 1 unfinished\n')
  })

  it('leaves the lines of a script in its streams, also where there is a terminal', async () => {
    const err = join(folder, 'err')
    await atTerminal(`show nothing 2> '${err}'`, [], { CARNET_WALLET_PASSPHRASE: PASSPHRASE })
    expect(readFileSync(err, 'utf8')).to.match(/^carnet-wallet: you hold nothing yet\n/)
  })

  async function holdSomething(): Promise<void> {
    const key = await openKeyFile(join(folder, 'vault/key.age'), PASSPHRASE)
    const vault = openVault(join(folder, 'vault/vault.sqlite'), {
      seal: aesGcmSeal(key, systemRandom),
      keys: { generate: generateEs256Key, open: openEs256Key },
      random: systemRandom,
    })
    const offer = {
      issuer: 'https://issuer.example',
      issuerName: 'Issuer',
      configurationId: 'identity',
      vct: 'urn:carnet:identity:1',
      preAuthorizedCode: 'code',
    }
    await vault.beginIssuance(offer, 1, 1_800_000_000)
    await vault.close()
  }
})
