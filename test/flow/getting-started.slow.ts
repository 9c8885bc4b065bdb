import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { packageRoot } from '../../shared/package-root.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const PAGE = readFileSync(join(packageRoot, 'docs/getting-started.md'), 'utf8')
/** What a clone has that is not made anew by these commands. */
const CLONED = ['package.json', '.npmrc', 'node_modules', 'dist', 'bin', 'issuer', 'examples']

/**
 * Runs the page's commands as they stand there, in their order, in one shell; only the ports are others, so that what runs
 * on this machine already is left alone.
 */
describe('the first hour of a platform engineer, by docs/getting-started.md (slow)', function () {
  this.timeout(300_000)
  const folder = temporaryFolder()
  const clone = join(folder.path, 'carnet')
  let child: ChildProcess | undefined
  let out = ''

  before(async () => {
    mkdirSync(clone)
    for (const name of CLONED) symlinkSync(join(packageRoot, name), join(clone, name))
  })
  after(() => {
    // The shell and what it started in the background are one group.
    if (child?.pid !== undefined) killGroup(child.pid)
    folder.remove()
  })

  it('goes from a clone to a verified webhook, a decision and an accepted credential', async () => {
    const blocks = [...PAGE.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block)
    expect(blocks).to.have.length.above(8)
    const ports = await Promise.all(
      ['4100', '4200', '3000'].map(async (port) => [port, await freePort()] as const),
    )
    let script = ['set -euo pipefail', ...blocks].join('\n')
    for (const [port, free] of ports) script = script.replaceAll(`:${port}`, `:${free}`)
    for (const [port, free] of ports) {
      script = script.replaceAll(`"port": ${port}`, `"port": ${free}`)
    }
    const [, , platform] = ports
    child = spawn('bash', ['-c', script], {
      cwd: clone,
      detached: true,
      env: {
        ...process.env,
        PORT: String(platform?.[1]),
        ISSUER_URL: `http://127.0.0.1:${ports[0]?.[1]}`,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk) => {
        out += chunk
      })
    }
    const [code] = await once(child, 'exit')
    expect(code, out).to.equal(0)
    expect(out).to.contain('carnet.session.decided.v1 {"outcome":"approve"}')
    expect(out).to.contain('{"outcome":"approve"}')
    expect(out).to.match(/"state":"approved"/)
    expect(out).to.match(/received urn:carnet:identity:1:sandbox from Sandbox issuer/)
    expect(out).to.match(/^outcome {2}accept$/m)
    expect(readdirSync(clone)).to.not.include('sandbox')
  })
})

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}
