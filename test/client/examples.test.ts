import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { systemClock } from '../../shared/clock.ts'
import { generateEd25519Key } from '../../shared/key/signer.software.ts'
import { packageRoot } from '../../shared/package-root.ts'
import { systemRandom } from '../../shared/random.ts'
import { startWebhooks } from '../../shared/webhook/start.ts'
import { evidenceWith, fixturePipeline } from '../support/evidence.ts'
import { freePort } from '../support/free-port.ts'
import { openIssuer } from '../support/issuer.ts'
import { newKeys, send, submittedSession, testWallet, tokenFor } from '../support/issuer-client.ts'
import { answerWith, makeEcosystem, startPlatform } from '../support/platform.ts'

type Environment = Readonly<Record<string, string>>

function example(name: string, env: Environment, ...argv: readonly string[]): ChildProcess {
  const script = join(packageRoot, 'dist/examples', name.replace(/ts$/, 'js'))
  return spawn(process.execPath, [script, ...argv], {
    cwd: packageRoot,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

/** Runs an example that serves, from its first line on until `work` is done. */
async function serving(name: string, env: Environment, work: () => Promise<void>): Promise<void> {
  const child = example(name, env)
  try {
    await once(child.stdout as NonNullable<ChildProcess['stdout']>, 'data')
    await work()
  } finally {
    child.kill('SIGKILL')
  }
}

/** Runs an example that ends, and answers its lines. */
async function ran(name: string, env: Environment, ...argv: readonly string[]): Promise<string[]> {
  const child = example(name, env, ...argv)
  const chunks: Buffer[] = []
  child.stdout?.on('data', (chunk) => chunks.push(chunk))
  const [code] = await once(child, 'close')
  const text = Buffer.concat(chunks).toString()
  expect(code, text).to.equal(0)
  return text.trimEnd().split('\n')
}

describe('the examples', function () {
  this.timeout(60_000) // each is a program

  it('accept-credential.ts lets in who shows a credential, in the browser that asked', async () => {
    const ecosystem = await makeEcosystem()
    const port = await freePort()
    const origin = `http://127.0.0.1:${port}`
    const platform = await startPlatform(ecosystem, { redirectOrigins: [origin] })
    const env = { VERIFIER_URL: platform.url, VERIFIER_KEY: platform.key, PORT: String(port) }
    try {
      await serving('accept-credential.ts', env, async () => {
        const asked = await fetch(`${origin}/sign-up`, { redirect: 'manual' })
        expect(asked.status).to.equal(302)
        const [cookie = ''] = asked.headers.getSetCookie()
        expect(cookie).to.match(/^asked=\w+; Path=\/; HttpOnly; SameSite=Lax$/)
        const link = asked.headers.get('location') ?? ''
        const answered = await answerWith(ecosystem, link, await ecosystem.issue())
        const back = String(answered.body.redirect_uri)
        expect(back).to.match(new RegExp(`^${origin}/back`))
        expect((await fetch(back)).status).to.equal(400)
        const page = await fetch(back, { headers: { cookie: cookie.split(';')[0] ?? '' } })
        expect(page.status).to.equal(200)
        const [, claims = ''] = /^welcome, (.*)$/.exec(await page.text()) ?? []
        expect(JSON.parse(claims)).to.deep.include({
          given_name: 'Ada Maria',
          family_name: 'Specimen',
          age_equal_or_over: { '18': true },
        })
      })
    } finally {
      await platform.stop()
    }
  })

  it('begin-verifications.ts begins one for a worker, and is told the outcome', async () => {
    const { signer } = generateEd25519Key()
    const pipeline = fixturePipeline()
    pipeline.evidence = evidenceWith()
    const issuer = await openIssuer(pipeline, { webhookKeys: [signer.publicJwk] })
    const port = await freePort()
    const origin = `http://127.0.0.1:${port}`
    const types = ['carnet.session.decided.v1'] as const
    const failures: unknown[] = []
    const webhooks = await startWebhooks({
      settings: {
        key: '',
        announcedKeys: [],
        allowPrivateNetworks: true,
        endpoints: [{ url: `${origin}/hook`, platform: 'driver', types }],
      },
      signer,
      store: issuer.webhooks,
      source: issuer.url,
      clock: systemClock,
      random: systemRandom,
      schedule: (milliseconds, work) => {
        const timer = setTimeout(work, milliseconds)
        return () => clearTimeout(timer)
      },
      onFailure: (error) => failures.push(error),
    })
    const env = { ISSUER_URL: issuer.url, ISSUER_KEY: issuer.platformKey, PORT: String(port) }
    try {
      await serving('begin-verifications.ts', env, async () => {
        const begin = () => send(`${origin}/workers/w-1/verification`, { method: 'POST' })
        const begun = await begin()
        expect((await begin()).body).to.deep.equal(begun.body)
        expect((await send(`${origin}/workers/w-1`)).body).to.deep.equal({ outcome: 'pending' })
        const url = `${issuer.url}/sessions/${begun.body.session_id}`
        const headers = { authorization: `Bearer ${begun.body.session_token}` }
        for (const image of ['document', 'selfie']) {
          const upload = { method: 'PUT', body: `ok ${image}` }
          await send(`${url}/${image}`, {
            ...upload,
            headers: { ...headers, 'content-type': 'image/png' },
          })
        }
        await send(`${url}/submit`, { method: 'POST', headers })
        const outcome = async () => (await send(`${origin}/workers/w-1`)).body.outcome
        for (let wait = 0; (await outcome()) === 'pending' && wait < 100; wait++) await sleep(50)
        expect(await outcome()).to.equal('approve')
        const forged = await send(`${origin}/hook`, { method: 'POST', body: '{}' })
        expect(forged.status).to.equal(401)
      })
      expect(failures).to.deep.equal([])
    } finally {
      await webhooks.stop()
      await issuer.close()
    }
  })

  it('operator.ts prints what waits, page by page, and revokes once with a reason', async () => {
    const pipeline = fixturePipeline()
    const issuer = await openIssuer(pipeline)
    try {
      pipeline.evidence = evidenceWith()
      const approved = await submittedSession(issuer.url)
      const wallet = testWallet(issuer.url)
      await wallet.credential(await tokenFor(approved, wallet), newKeys(2))
      pipeline.evidence = evidenceWith({ faceMatch: 0.1 })
      const waiting = []
      for (let count = 0; count < 21; count++) waiting.push((await submittedSession(issuer.url)).id)
      const env = {
        ISSUER_URL: issuer.url,
        REVIEWER_KEY: issuer.reviewerKey,
        OPERATOR_KEY: issuer.operatorKey,
      }
      const printed = await ran('operator.ts', env, 'reviews')
      expect(printed).to.have.members(waiting.map((id) => `${id} face_match_low`))
      const order = ['revoke', approved.id, 'the document was reported as stolen']
      const said = await ran('operator.ts', env, ...order)
      expect(said[0]).to.contain('revoked 2 copies')
      expect(await ran('operator.ts', env, ...order)).to.deep.equal(said)
      const kept = issuer.db.prepare('SELECT reason_class, note FROM revocation').get()
      expect(kept).to.deep.equal({ reason_class: 'fraud', note: order[2] })
    } finally {
      await issuer.close()
    }
  })
})
