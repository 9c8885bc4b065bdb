import { expect } from 'chai'
import * as fc from 'fast-check'
import { isJsonObject, type Json, type JsonObject } from '../../shared/json.ts'
import { peerIssuer } from '../support/peer-issuer.ts'
import { peerVerifier } from '../support/peer-verifier.ts'
import { NOW } from '../support/pki.ts'
import { testWallet } from '../support/wallet.ts'

/** Where in a message to put what: each step goes into the n-th member or element, as far as there is one. */
const change = fc.record({
  steps: fc.array(fc.nat({ max: 12 }), { maxLength: 5 }),
  value: fc.oneof(
    fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>,
    fc.constantFrom<Json>(
      null,
      '',
      [],
      {},
      -1,
      1e300,
      '\u001b[2J',
      'https://evil.example',
      'x'.repeat(5000),
    ),
  ),
  drop: fc.boolean(),
})

describe('carnet-wallet with a peer that sends anything', function () {
  this.timeout(60_000)

  it('never ends in a defect, whatever an issuer answers', async () => {
    const paths = [
      '/offers/1',
      '/.well-known/openid-credential-issuer',
      '/.well-known/oauth-authorization-server',
      '/token',
      '/nonce',
      '/credential',
    ]
    const issuer = await peerIssuer()
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), change, async (path, { steps, value, drop }) => {
        issuer.redeemed = false
        issuer.attempts = 0
        const wallet = testWallet({ now: NOW, fetch: issuer.fetch })
        await wallet.init(issuer)
        wallet.fetch = async (input, init) => {
          const answer = await issuer.fetch(input, init)
          if (new URL(String(input)).pathname !== path || answer.status !== 200) return answer
          const changed = put((await answer.json()) as Json, steps, value, drop)
          return new Response(JSON.stringify(changed), { headers: answer.headers })
        }
        const { status } = await wallet.run(['receive', issuer.offer, '--tx-code', issuer.txCode])
        wallet.dispose()
        expect(status).to.be.oneOf([0, 2, 6, 9])
      }),
      { numRuns: 40 },
    )
  })

  it('never ends in a defect, whatever a verifier signs, and answers nothing that it did not understand', async () => {
    const issuer = await peerIssuer()
    const driver = await peerVerifier(issuer.accessAuthority)
    const wallet = testWallet({ now: NOW, fetch: issuer.fetch })
    await wallet.init(issuer)
    await wallet.run(['receive', issuer.offer, '--tx-code', issuer.txCode])
    wallet.fetch = driver.fetch
    await fc.assert(
      fc.asyncProperty(change, async ({ steps, value, drop }) => {
        driver.faults.payload = (payload) => put(payload, steps, value, drop) as JsonObject
        driver.arrived.length = 0
        const { status } = await wallet.run(['present', driver.link, '--yes'])
        expect(status).to.be.oneOf([0, 7, 8, 9])
        if (status === 7)
          expect(driver.arrived.filter(({ presentations }) => presentations)).to.deep.equal([])
      }),
      { numRuns: 80 },
    )
    wallet.dispose()
  })

  it('never ends in a defect, whatever is on the command line', async () => {
    const wallet = testWallet({ now: NOW })
    await wallet.run(['init'])
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('receive', 'present', 'show', 'status', 'forget', 'trust'),
        fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl({ withQueryParameters: true })),
        async (command, text) => {
          const { status } = await wallet.run([command, `+${text}`])
          expect(status).to.be.greaterThan(0)
        },
      ),
      { numRuns: 150 },
    )
    wallet.dispose()
  })
})

function put(message: Json, steps: readonly number[], value: Json, drop: boolean): Json {
  const [step, ...rest] = steps
  if (step === undefined || (!Array.isArray(message) && !isJsonObject(message))) return value
  const keys = Object.keys(message)
  if (keys.length === 0) return value
  const key = keys[step % keys.length] as string
  const inner = (message as Record<string, Json>)[key] as Json
  if (Array.isArray(message)) {
    const changed = [...(message as readonly Json[])]
    if (drop && rest.length === 0) changed.splice(Number(key), 1)
    else changed[Number(key)] = put(inner, rest, value, drop)
    return changed
  }
  const { [key]: _, ...others } = message as JsonObject
  return drop && rest.length === 0 ? others : { ...message, [key]: put(inner, rest, value, drop) }
}
