import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { generateIdentity, identityToRecipient } from 'age-encryption'
import { expect } from 'chai'
import { signCheckpoint } from '../../shared/audit/checkpoint.ts'
import { systemClock } from '../../shared/clock.ts'
import { openEd25519Key } from '../../shared/key/signer.software.ts'
import { makeEcosystem } from '../support/platform.ts'
import { type VerifierProgram, verifierProgram } from '../support/verifier-program.ts'

describe('carnet-verifier backup and restore', () => {
  let verifier: VerifierProgram
  before(async () => {
    verifier = await verifierProgram(await makeEcosystem(systemClock()))
  })
  after(() => verifier.remove())

  it('goes on with the requests that it had, and refuses a backup that its log has passed', async () => {
    const { at, url, key } = verifier
    const config = verifier.config('config.json', { stop: { drainSeconds: 0 } })
    const serving = verifier.start(['serve', '--config', config])
    await verifier.untilHealthy()
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const made = await fetch(`${url}/requests`, { method: 'POST', headers, body: '{}' })
    const { request_id: id } = (await made.json()) as { request_id: string }
    const identity = await generateIdentity()
    writeFileSync(at('identity'), identity)
    const recipient = await identityToRecipient(identity)
    const seal = ['backup', '--config', config, '--to', at('backup'), '--recipient', recipient]
    const sealed = await verifier.run(seal)
    expect(sealed.code, sealed.stderr).to.equal(0)
    serving.child.kill('SIGTERM')
    expect((await serving.ended).code).to.equal(0)

    const restore = (to: string) =>
      verifier.run([
        ...['restore', '--from', at('backup'), '--to', at(to), '--identity', at('identity')],
        ...['--mark', at('mark'), '--offline'],
      ])
    const restored = await restore('again')
    expect(restored.code, restored.stderr).to.equal(0)
    const again = verifier.start(['serve', '--config', at('again/config.json')])
    await verifier.untilHealthy()
    expect((await fetch(`${url}/requests/${id}`, { headers })).status).to.equal(200)
    again.child.kill('SIGTERM')
    expect((await again.ended).code).to.equal(0)

    // What the mark would hold, had the log gone on after the backup.
    const head = { origin: `${new URL(url).host}/log`, size: 9, root: Buffer.alloc(32, 1) }
    const ahead = await signCheckpoint(head, openEd25519Key(readFileSync(at('log.pem'), 'utf8')))
    writeFileSync(at('mark'), ahead)
    const old = await restore('old')
    expect(old.code).to.equal(1)
    expect(old.stderr)
      .to.match(/has seen 9 entries/)
      .and.match(/hint: restore the newest backup/)
    expect(existsSync(at('old'))).to.equal(false)
    writeFileSync(at('again/log.checkpoint'), ahead)
    const refused = await verifier.run(['serve', '--config', at('again/config.json')])
    expect(refused.code).to.equal(1)
    expect(refused.stderr)
      .to.match(/nothing is published/)
      .and.match(/never remove the mark/)
  }).timeout(60_000)
})
