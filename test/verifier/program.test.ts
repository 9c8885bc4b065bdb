import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { sha256Hex } from '../../shared/hash.ts'
import { OperatorError } from '../../shared/operator-error.ts'
import { systemRandom } from '../../shared/random.ts'
import { BUILT_IN_POLICIES } from '../../verifier/policy-packs.ts'
import { run } from '../../verifier/program.ts'
import type { World } from '../../verifier/world.ts'
import {
  answerWith,
  type Ecosystem,
  fetchRequest,
  makeEcosystem,
  type Platform,
  postForm,
  startPlatform,
} from '../support/platform.ts'

describe('carnet-verifier', () => {
  let ecosystem: Ecosystem
  let driver: Platform
  let files: Map<string, string>

  before(async () => {
    ecosystem = await makeEcosystem()
    driver = await startPlatform(ecosystem)
  })
  beforeEach(() => {
    files = new Map([['signer.jwk.json', JSON.stringify(ecosystem.trustListSigner.publicJwk)]])
  })
  after(() => driver.stop())

  /** Runs a command line in this process and answers what it printed. */
  const carnet = async (args: readonly string[], change: Partial<World> = {}) => {
    const out: string[] = []
    const err: string[] = []
    const code = await run(args, {
      print: (line) => out.push(line),
      note: (line) => err.push(line),
      fetch: (input, init) => fetch(input, init),
      clock: () => ecosystem.now,
      random: systemRandom,
      pause: async () => undefined,
      readFile: (path) => {
        const text = files.get(path)
        if (text === undefined) throw new OperatorError('file_unreadable', `cannot read ${path}`)
        return text
      },
      writeNewFile: (path, text) => {
        if (files.has(path)) throw new OperatorError('file_unreadable', `cannot make ${path}`)
        files.set(path, text)
      },
      backup: () => Promise.reject(new Error('no backup here')),
      checks: () => [],
      restore: () => Promise.reject(new Error('no backup here')),
      generateLogKey: () => 'a key',
      withKeys: (_config, work) => work(driver.keys),
      withWebhooks: (_config, work) => work(driver.webhooks),
      serve: async () => undefined,
      platformKey: driver.key,
      ...change,
    })
    return { code, stdout: out.join('\n'), stderr: err.join('\n') }
  }

  it('says how it is used, and ends with 2 when it is not used so', async () => {
    const help = await carnet(['--help'])
    expect(help.code).to.equal(0)
    expect(help.stdout).to.contain('carnet-verifier serve --config verifier.json')
    expect((await carnet([])).code).to.equal(2)
    const wrong = await carnet(['present'])
    expect(wrong.code).to.equal(2)
    expect(wrong.stderr).to.contain("carnet-verifier: unknown command 'present'")
    expect((await carnet(['result', 'id', '--url', driver.url, '--wait', 'long'])).code).to.equal(2)
  })

  it('makes a platform key and its digest, and a log key in a new file only', async () => {
    const api = await carnet(['keys', 'api'])
    const [key, sha256] = api.stdout.split('\n').map((line) => line.split(/\s+/)[1] ?? '')
    expect(sha256Hex(key ?? '')).to.equal(sha256)
    expect((await carnet(['keys', 'log', '--out', 'log.pem'])).code).to.equal(0)
    expect(files.get('log.pem')).to.equal('a key')
    expect((await carnet(['keys', 'log', '--out', 'log.pem'])).code).to.equal(1)
  })

  it('makes a key that the store knows, and with it a request that its owner alone reads', async () => {
    const add = ['keys', 'add', '--role', 'platform', '--name', 'dispatch']
    const made = await carnet(add)
    expect(made.stdout).to.match(/^carnet_platform_[0-9a-f]{12}_[\w-]{43}$/)
    expect((await carnet(['keys', 'add', '--role', 'reviewer', '--name', 'x'])).code).to.equal(2)
    const own = { platformKey: made.stdout }
    const asked = await carnet(['request', '--url', driver.url], own)
    const id = /^request {2}(\S+)$/m.exec(asked.stdout)?.[1] ?? ''
    const result = ['result', id, '--url', driver.url]
    expect((await carnet(result, own)).code).to.equal(4)
    expect((await carnet(result)).stderr).to.contain('request_not_found')
    const rotated = { platformKey: (await carnet(['keys', 'rotate', '--name', 'dispatch'])).stdout }
    expect((await carnet(result, rotated)).code).to.equal(4)
    await carnet(['keys', 'revoke', '--name', 'dispatch'])
    expect((await carnet(result, rotated)).stderr).to.contain('not_authenticated')
  })

  it('says of a key that the configuration has that no command ends it', async () => {
    const configured = { configuredKeys: () => [{ name: 'depot' }] }
    const named = ['--name', 'depot']
    const add = ['keys', 'add', '--role', 'platform', ...named]
    const rotate = ['keys', 'rotate', ...named]
    const revoke = ['keys', 'revoke', ...named]
    for (const args of [add, rotate, revoke]) {
      const refused = await carnet(args, configured)
      expect(refused.code, args.join(' ')).to.equal(1)
      expect(refused.stdout, args.join(' ')).to.equal('')
      expect(refused.stderr).to.contain('apiKeys of the configuration has a key of depot')
    }
    expect((await carnet(add)).code).to.equal(0)
    const { stdout: listed } = await carnet(['keys', 'list'], configured)
    expect(listed).to.match(/^configured {2}depot {2}platform {2}all {2}active$/m)
    const rotated = await carnet(rotate, configured)
    expect(rotated.stdout).to.match(/^carnet_platform_/)
    expect([rotated.code, rotated.stderr]).to.satisfy(
      ([code, err]: [number, string]) => code === 1 && err.includes('which works on'),
    )
    const revoked = await carnet(revoke, configured)
    expect(revoked).to.include({ code: 1, stdout: 'depot  2 revoked' })
    expect(revoked.stderr).to.contain('which works on')
    expect((await carnet(['keys', 'list'])).stdout).not.to.contain('configured')
  })

  it('asks, waits, tells the result and keeps a receipt that verifies', async () => {
    const made = await carnet(['request', '--url', driver.url, '--policy', 'gig-identity'])
    expect(made.code).to.equal(0)
    const id = /^request {2}(\S+)$/m.exec(made.stdout)?.[1] ?? ''
    const link = /^link {5}(\S+)$/m.exec(made.stdout)?.[1] ?? ''
    const early = await carnet(['result', id, '--url', driver.url])
    expect(early.code).to.equal(4)
    expect(early.stdout).to.equal('state    requested')

    let answered = false
    const result = await carnet(
      ['result', id, '--url', driver.url, '--wait', '10', '--receipt', 'receipt.json'],
      {
        pause: async () => {
          if (!answered) await answerWith(ecosystem, link, await ecosystem.issue())
          answered = true
        },
      },
    )
    expect(result.code).to.equal(0)
    expect(result.stdout).to.contain('outcome  accept').and.to.contain('"family_name":"Specimen"')
    expect(result.stderr).to.contain('receipt written to receipt.json')

    const verify = ['receipt', 'verify', 'receipt.json', '--trust-signer', 'signer.jwk.json']
    const holds = await carnet(verify, { fetch: () => Promise.reject(new Error('no network')) })
    expect(holds.code).to.equal(0)
    expect(holds.stdout).to.match(/^holds {4}yes\nby {7}.*\nat {7}2026-07-01T00:00:00Z\n/)
    files.set(
      'receipt.json',
      (files.get('receipt.json') ?? '').replace('"gig-identity"', '"gig-identitx"'),
    )
    const broken = await carnet(verify)
    expect(broken.code).to.equal(6)
    expect(broken.stdout).to.contain('holds    no').and.to.contain('artefact_changed')
  })

  it('says what a policy asks for, or what is wrong with it', async () => {
    files.set('policy.json', readFileSync(join(BUILT_IN_POLICIES, 'gig-identity.json'), 'utf8'))
    const good = await carnet(['policy', 'check', 'policy.json'])
    expect(good.code).to.equal(0)
    expect(good.stdout).to.contain('asks     identity age_equal_or_over.18')
    expect(good.stdout).to.contain(
      'else     refuse under_18\nelse     step_up verification_too_old',
    )
    files.set('wrong.json', '{"id":"Wrong"}')
    const wrong = await carnet(['policy', 'check', 'wrong.json'])
    expect(wrong.code).to.equal(78)
    expect(wrong.stderr).to.contain('wrong.json: id:')
  })

  it('ends with 3 when the policy does not accept, and with 5 when the wallet refused', async () => {
    const revoked = await driver.request()
    ecosystem.now += 61
    await ecosystem.setStatus(7, 1)
    await answerWith(ecosystem, revoked.link, await ecosystem.issue())
    const refused = await carnet(['result', revoked.id, '--url', driver.url])
    expect(refused.code).to.equal(3)
    expect(refused.stdout).to.contain('outcome  refuse: revoked')
    const json = await carnet(['result', revoked.id, '--url', driver.url, '--json'])
    expect(JSON.parse(json.stdout).acceptance.codes).to.deep.equal(['revoked'])

    const declined = await driver.request()
    const { request } = await fetchRequest(ecosystem, declined.link)
    await postForm(request.response_uri, { error: 'access_denied' })
    const result = await carnet(['result', declined.id, '--url', driver.url])
    expect(result.code).to.equal(5)
    expect(result.stdout).to.contain('state    refused (access_denied)')
  })

  it('redeems the response code of a same-device answer', async () => {
    await ecosystem.setStatus(7, 0)
    ecosystem.now += 61
    await ecosystem.setStatus(7, 0)
    const uri = 'https://driver.example/back'
    const made = await carnet(['request', '--url', driver.url, '--redirect-uri', uri, '--json'])
    const { request_id: id, authorization_request: link } = JSON.parse(made.stdout)
    const { body } = await answerWith(ecosystem, link, await ecosystem.issue())
    const waiting = await carnet(['result', id, '--url', driver.url])
    expect(waiting.code).to.equal(4)
    expect(waiting.stdout).to.contain('awaits   response_code')
    const code = new URL(String(body.redirect_uri)).searchParams.get('response_code') ?? ''
    const done = await carnet(['result', id, '--url', driver.url, '--response-code', code])
    expect(done.code).to.equal(0)
  })

  it('says what is wrong and what to do', async () => {
    const keyless = await carnet(['request', '--url', driver.url], { platformKey: undefined })
    expect(keyless.code).to.equal(1)
    expect(keyless.stderr).to.contain('CARNET_PLATFORM_KEY is not set').and.to.contain('hint:')
    const wrong = await carnet(['request', '--url', driver.url], { platformKey: 'guess' })
    expect(wrong.stderr).to.contain('the verifier refused: not_authenticated')
    const gone = await carnet(['request', '--url', driver.url], {
      fetch: () => Promise.reject(new Error('refused')),
    })
    expect(gone.stderr).to.contain(`no verifier answers at ${driver.url}`)
    const strange = await carnet(['request', '--url', driver.url], {
      fetch: async () => new Response('<html>'),
    })
    expect(strange.stderr).to.contain('something else than expected')
    const verify = ['receipt', 'verify', 'receipt.json', '--trust-signer']
    expect((await carnet([...verify, 'signer.jwk.json'])).stderr).to.contain(
      'cannot read receipt.json',
    )
    files.set('other.json', '{}')
    expect((await carnet([...verify, 'other.json'])).stderr).to.contain('no public key (JWK)')
    files.set('receipt.json', '{}')
    expect((await carnet([...verify, 'signer.jwk.json'])).stdout).to.contain('receipt_malformed')
  })
})
