import { writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { systemClock } from '../../shared/clock.ts'
import { generateEd25519Key } from '../../shared/key/signer.software.ts'
import type { OkpPublicJwk } from '../../shared/key/signer.ts'
import type { ReceivedEvent } from '../../shared/webhook/event.ts'
import { verifyDelivery } from '../../shared/webhook/verify.ts'
import { makeEcosystem } from '../support/platform.ts'
import { type VerifierProgram, verifierProgram } from '../support/verifier-program.ts'

const DIRECTORY = '/.well-known/http-message-signatures-directory'

describe('a platform is told by a webhook', function () {
  this.timeout(60_000) // it starts programs
  let verifier: VerifierProgram
  let receiver: Server
  let hook: string
  let isUp: boolean
  const raw: { headers: NodeJS.Dict<string | string[]>; body: Buffer }[] = []

  before(async () => {
    verifier = await verifierProgram(await makeEcosystem(systemClock()))
    receiver = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk) => chunks.push(chunk))
      request.on('end', () => {
        if (isUp) raw.push({ headers: request.headers, body: Buffer.concat(chunks) })
        response.writeHead(isUp ? 204 : 503).end()
      })
    })
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    hook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`
    writeFileSync(verifier.at('webhook.pem'), generateEd25519Key().pkcs8)
    writeFileSync(verifier.at('next-webhook.pem'), generateEd25519Key().pkcs8)
  })
  after(() => {
    verifier.remove()
    receiver.close()
  })

  const config = (): string =>
    verifier.config('verifier.json', {
      webhooks: {
        key: 'webhook.pem',
        announcedKeys: ['next-webhook.pem'],
        allowPrivateNetworks: true,
        endpoints: [{ url: hook, platform: 'backend' }],
      },
    })
  const start = () => verifier.start(['serve', '--config', config()])

  /** Asks, and refuses as a wallet does. */
  async function refusedRequest(): Promise<string> {
    const asked = await fetch(`${verifier.url}/requests`, {
      method: 'POST',
      headers: { authorization: `Bearer ${verifier.key}`, 'content-type': 'application/json' },
      body: '{}',
    })
    const { request_id: id, request_uri: objectUri } = (await asked.json()) as Record<
      string,
      string
    >
    const object = await (await fetch(String(objectUri))).text()
    const payload = JSON.parse(Buffer.from(object.split('.')[1] ?? '', 'base64url').toString())
    const refused = await fetch(payload.response_uri, {
      method: 'POST',
      body: new URLSearchParams({ error: 'access_denied' }),
    })
    expect(refused.status).to.equal(200)
    return String(id)
  }

  async function received(count: number): Promise<ReceivedEvent[]> {
    for (let waited = 0; raw.length < count && waited < 600; waited++) await sleep(50)
    const directory = (await (await fetch(`${verifier.url}${DIRECTORY}`)).json()) as {
      keys: (OkpPublicJwk & { kid: string })[]
    }
    expect(directory.keys).to.have.length(2)
    const keys = directory.keys.map(({ kty, crv, x }) => ({ kty, crv, x }))
    return raw.map(({ headers, body }) =>
      verifyDelivery({ method: 'POST', url: hook, headers, body }, { keys, now: systemClock() }),
    )
  }

  it('of a refusal, signed by a key of the directory', async () => {
    isUp = true
    const { child, ended } = start()
    await verifier.untilHealthy()
    const id = await refusedRequest()
    const [event] = await received(1)
    expect(event).to.deep.include({
      type: 'carnet.presentation.refused.v1',
      subject: id,
      sequence: 1,
      source: verifier.url,
      data: { reason: 'access_denied' },
    })
    child.kill('SIGTERM')
    await ended
  })

  it('also when the verifier was killed between its commit and the delivery', async () => {
    isUp = false
    raw.length = 0
    const first = start()
    await verifier.untilHealthy()
    const id = await refusedRequest()
    first.child.kill('SIGKILL')
    await first.ended
    isUp = true
    const second = start()
    await verifier.untilHealthy()
    expect((await received(1)).map(({ subject }) => subject)).to.deep.equal([id])
    const listed = await verifier.run(['webhooks', 'deliveries', '--config', config()])
    expect(listed.stdout.split('\n')[0]).to.match(/^2 {2}delivered .*presentation\.refused.*204$/)
    const resent = await verifier.run(['webhooks', 'resend', '--config', config(), '2'])
    expect(resent.stdout).to.equal('delivery 2 is due\n')
    const again = await received(2)
    expect(again[1]?.id).to.equal(again[0]?.id)
    const unknown = await verifier.run(['webhooks', 'resend', '--config', config(), '99'])
    expect([unknown.code, unknown.stderr]).to.deep.equal([
      1,
      'carnet-verifier: no delivery 99 has ended\ncarnet-verifier: hint: webhooks deliveries prints their numbers; a pending one is sent by itself\n',
    ])
    second.child.kill('SIGTERM')
    await second.ended
  })
})
