import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import type { Browser } from 'playwright-core'
import { packageRoot } from '../../shared/package-root.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { expectGood, hasChromium, openBrowser, openVisitor, type Visitor } from './visitor.ts'

const PROGRAM = join(packageRoot, 'bin/carnet-issuer.mjs')
const run = promisify(execFile)

describe('the operator page of carnet-issuer with two tenants, in Chromium', function () {
  this.timeout(120_000)
  const folder = temporaryFolder()
  const at = (...names: string[]): string => join(folder.path, ...names)
  const config = ['--config', at('host.json')]
  let server: ChildProcess | undefined
  let log = ''
  let origin: string
  let browser: Browser
  let visitor: Visitor

  async function issuer(...args: string[]): Promise<string> {
    const { stdout } = await run(process.execPath, [PROGRAM, ...args])
    return stdout.trim()
  }

  before(async function () {
    if (!hasChromium()) this.skip()
    const [port, operator] = [await freePort(), await freePort()]
    origin = `http://localhost:${operator}`
    await issuer('pki', 'init', '--dir', at('pki'))
    for (const [name, baseUrl] of [
      ['north', `http://127.0.0.1:${port}`],
      ['south', `http://localhost:${port}`],
    ] as const) {
      await issuer(
        ...['pki', 'certify', '--dir', at('pki'), '--role', 'attestation', '--name', name],
        ...['--uri', baseUrl, '--out', at(name)],
      )
      await issuer('keys', 'log', '--out', at(name, 'log-key.pem'))
      const settings = {
        ...{ baseUrl, database: 'issuer.sqlite', authority: { name, country: 'UT' } },
        ...{ attestation: { key: 'key.pem', chain: 'chain.pem' }, logKey: 'log-key.pem' },
        trustList: { file: '../pki/trust-list.jwt', signer: '../pki/trust-list-signer.jwk.json' },
        status: { listSize: 1024 },
      }
      writeFileSync(at(name, 'config.json'), JSON.stringify(settings))
    }
    const settings = {
      listen: { port },
      operator: { port: operator, origin, accounts: 'accounts.sqlite' },
      evidence: { workers: 1 },
      tenants: { north: 'north/config.json', south: 'south/config.json' },
    }
    writeFileSync(at('host.json'), JSON.stringify(settings))
    server = spawn(process.execPath, [PROGRAM, 'serve', ...config])
    server.stderr?.on('data', (chunk) => {
      log += chunk
    })
    await new Promise<void>((resolve, reject) => {
      server?.stdout?.once('data', () => resolve())
      server?.once('exit', () => reject(new Error(`it ended: ${log}`)))
    })
    browser = await openBrowser()
    visitor = await openVisitor(browser)
  })
  after(async () => {
    await browser?.close()
    server?.kill('SIGKILL')
    folder.remove()
  })

  it('invites by command line, shows every tenant, and signs out who is revoked or recovered', async () => {
    const { page } = visitor
    const seeHeading = (name: string) => page.getByRole('heading', { level: 1, name }).waitFor()
    const link = await issuer('accounts', 'invite', 'ada', '--role', 'operator', ...config)
    await page.goto(link)
    await page.getByRole('button', { name: 'Make a passkey' }).click()
    await seeHeading('Overview')
    await page.getByText('The server does its work').waitFor()
    for (const name of ['north', 'south']) {
      await page.getByRole('heading', { name: `Tenant ${name}` }).waitFor()
      await page.getByText(`${name}: Status lists are current`).waitFor()
    }
    await expectGood(page, 'two tenants')

    const northern = ['--role', 'operator', '--name', 'grace', '--tenant', 'north']
    const key = await issuer('keys', 'add', ...config, ...northern)
    const asked = async (path: string) => {
      const headers = { authorization: `Bearer ${key}` }
      return fetch(`${origin}/operator${path}`, { headers })
    }
    const overview = (await (await asked('/overview')).json()) as { tenants: { name: string }[] }
    expect(overview.tenants.map(({ name }) => name)).to.deep.equal(['north'])
    expect((await asked('/tenants/south/keys')).status).to.equal(404)
    await page.getByRole('link', { name: 'API keys' }).click()
    await page.getByRole('row', { name: /grace.*Operator.*active/ }).waitFor()
    expect(await page.content()).to.not.include(key)
    await page.getByLabel('Tenant').selectOption('south')
    await page.getByText('There is no key yet.').waitFor()
    await expectGood(page, 'keys of a tenant')

    expect(await issuer('accounts', 'list', ...config)).to.match(
      /^ada {2}operator {2}1 passkeys {2}1 sessions {2}last in \S+$/,
    )
    expect(await issuer('accounts', 'sessions', 'revoke', 'ada', ...config)).to.equal(
      'ada  1 sessions ended',
    )
    await page.getByRole('link', { name: 'Webhooks' }).click()
    await seeHeading('Sign in')
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
    await seeHeading('Webhooks')

    const other = await issuer('accounts', 'recover', 'ada', ...config)
    await page.getByRole('link', { name: 'Overview' }).click()
    await seeHeading('Sign in')
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
    await page.getByText('This passkey is not one of this server').waitFor()
    await page.goto(other)
    await page.getByRole('button', { name: 'Make a passkey' }).click()
    await seeHeading('Overview')
    expect(visitor.violations).to.deep.equal([])
    for (const secret of [link, other].map((text) => text.split('=')[1] ?? '')) {
      expect(log).to.not.include(secret)
    }
    expect(log).to.include('signed in')
  })

  it('ends in good order', async () => {
    const ended = new Promise((resolve) => server?.once('exit', resolve))
    server?.kill('SIGTERM')
    expect(await ended).to.equal(0)
  })
})
