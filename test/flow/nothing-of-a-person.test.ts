import { expect } from 'chai'
import { systemClock } from '../../shared/clock.ts'
import type { Observation } from '../../shared/http/server.http.ts'
import { openMetrics } from '../../shared/observe/metrics.ts'
import { evidenceWith, fixturePipeline } from '../support/evidence.ts'
import { openIssuer, type TestIssuer } from '../support/issuer.ts'
import { beginSession, send, sendJson, submittedSession } from '../support/issuer-client.ts'
import { recordingLog } from '../support/log.ts'
import { shownIn, tracesOf } from '../support/planted.ts'
import { makeEcosystem, type Platform, startPlatform } from '../support/platform.ts'
import { testWallet } from '../support/wallet.ts'

const PERSON = {
  family_name: 'ZWETSCHGENBAUM',
  given_name: 'KUNIGUNDE ÖNKEL',
  birthdate: '1977-11-23',
  document_number: 'QX7731904',
  place_of_birth: 'HINTERTUPFINGEN',
}
const PASSPHRASE = 'seven horses under a blue roof'
const NOTE = 'her neighbour Quastenflosser rang'

/** Members of requests and answers whose values nobody may find again. */
const SECRET_MEMBERS =
  /^(session_token|tx_code|pre-authorized_code|credential_offer_uri|credential_offer_link|access_token|c_nonce|credential|jwt|response|vp_token|proofs|token|request_uri|authorization_request|notification_id|family_name|given_name|birthdate|number|response_code|wallet_nonce)$/

describe('logs, metrics and error bodies', () => {
  const { log, lines } = recordingLog()
  const metrics = openMetrics()
  const observation: Observation = {
    observeRequest: metrics.observeRequest,
    readiness: async () => ({ status: 'ready', checks: {} }),
  }
  const secrets = new Set<string>([...Object.values(PERSON), PASSPHRASE, NOTE])
  const errors: string[] = []
  const honestFetch = globalThis.fetch
  const pipeline = fixturePipeline()
  let issuer: TestIssuer
  let platform: Platform

  /** Remembers every secret that passes, and every body of a refusal. */
  const listeningFetch: typeof fetch = async (input, init) => {
    const headers = new Headers(init?.headers)
    for (const name of ['authorization', 'dpop']) {
      const value = headers.get(name)?.replace(/^\w+ (?=\S+$)/, '')
      if (value !== undefined) secrets.add(value)
    }
    collect(init?.body === undefined || init.body === null ? '' : String(init.body))
    const response = await honestFetch(input, init)
    const text = await response.clone().text()
    if (response.status >= 400) errors.push(`${[...response.headers]}\n${text}`)
    else collect(text)
    return response
  }

  function collect(text: string): void {
    const visit = (value: unknown, secret: boolean): void => {
      if (typeof value === 'string' && secret && value.length > 5) secrets.add(value)
      if (typeof value !== 'object' || value === null) return
      for (const [name, member] of Object.entries(value)) {
        visit(member, secret || SECRET_MEMBERS.test(name))
      }
    }
    if (isJson(text)) visit(JSON.parse(text), false)
    else if (/^[\w.-]+=/.test(text)) visit(Object.fromEntries(new URLSearchParams(text)), false)
  }

  before(async () => {
    globalThis.fetch = listeningFetch
    pipeline.evidence = evidenceWith({ fields: PERSON })
    issuer = await openIssuer(pipeline, { log, observation })
    for (const key of [issuer.operatorKey, issuer.reviewerKey]) secrets.add(key)
  })
  after(async () => {
    globalThis.fetch = honestFetch
    await issuer.close()
    await platform.stop()
  })

  it('are all there after proofing, review, issuance, misuse and revocation', async () => {
    const wallet = testWallet({ now: systemClock(), fetch: listeningFetch, passphrase: PASSPHRASE })
    await wallet.init({ trustList: issuer.trustList, trustSigner: issuer.trustListKey })
    const worker = await submittedSession(issuer.url)
    const { body } = await worker.offer()
    const wrong = body.tx_code === '000000' ? '000001' : '000000'
    const mistyped = await wallet.run(['receive', body.credential_offer_uri, '--tx-code', wrong])
    expect(mistyped.status).to.equal(6)
    const received = await wallet.run(['receive', '--tx-code', body.tx_code])
    expect(received, received.err).to.include({ status: 0 })
    await issuer.publish()
    await sendJson(
      `${issuer.url}/sessions/${worker.id}/revocation`,
      { reason_class: 'holder_request', note: NOTE },
      issuer.operatorKey,
    )
    wallet.dispose()

    pipeline.evidence = evidenceWith({ fields: PERSON, faceMatch: 0.5 })
    const referred = await submittedSession(issuer.url)
    const headers = { authorization: `Bearer ${issuer.reviewerKey}` }
    const shown = await send(`${issuer.url}/reviews/${referred.id}`, { headers })
    expect(JSON.stringify(shown.body)).to.contain(PERSON.family_name)
    await sendJson(
      `${issuer.url}/reviews/${referred.id}`,
      { outcome: 'approve', reason: `${PERSON.family_name} came in person` },
      issuer.reviewerKey,
    )
  })

  it('and after each endpoint was given what it does not take', async () => {
    const { family_name: name, document_number: number } = PERSON
    const worker = await beginSession(issuer.url)
    await worker.upload('document', 'image_unreadable')
    await worker.upload('selfie', 'image_unreadable')
    for (const path of [`/${name}`, `/sessions/${number}`, `/offers/${name}?n=${number}`]) {
      await send(issuer.url + path, { headers: { authorization: `Bearer ${name}` } })
    }
    for (const path of ['/sessions', '/token', '/credential', '/nonce', '/notification']) {
      for (const body of [`{"${name}":`, `{"${name}":"${number}"}`, `${name}=${number}`, name]) {
        for (const type of ['application/json', 'application/x-www-form-urlencoded', name]) {
          const headers = { 'content-type': type, authorization: `DPoP ${name}`, dpop: name }
          await send(issuer.url + path, { method: 'POST', headers, body })
        }
      }
    }
    for (const key of [issuer.operatorKey, name]) {
      const url = `${issuer.url}/sessions/${number}/revocation`
      await sendJson(url, { reason_class: name, note: NOTE, [name]: number }, key)
      await sendJson(`${issuer.url}/reviews/${number}`, { outcome: name, reason: NOTE }, key)
    }
    await send(`${issuer.url}/status/${name}?time=${number}`)
    await send(`${issuer.url}/types/${name}`, { headers: { host: name } })
  })

  it('and after a presentation, and answers that are none', async () => {
    const ecosystem = await makeEcosystem(systemClock())
    platform = await startPlatform(ecosystem, { log, observation })
    secrets.add(platform.key)
    const wallet = testWallet({ now: ecosystem.now, fetch: listeningFetch, passphrase: PASSPHRASE })
    await wallet.init({
      trustList: ecosystem.trustList,
      trustSigner: ecosystem.trustListSigner.publicJwk,
    })
    const { family_name, given_name, birthdate, document_number } = PERSON
    const document = { type: 'passport', issuing_country: 'UTO', number: document_number }
    const claims = { family_name, given_name, birthdate, document }
    await wallet.look(async (vault) => {
      const [issuerUrl, vct] = ['https://issuer.example', 'urn:carnet:identity:1']
      const offer = {
        issuer: issuerUrl,
        issuerName: 'Carnet test',
        configurationId: 'identity',
        vct,
        preAuthorizedCode: 'code',
      }
      const issuance = await vault.beginIssuance(offer, 1, ecosystem.now)
      const copies = await Promise.all(
        issuance.holderKeys.map(async (holder) => ({
          compact: (await ecosystem.issue({ holder, claims })).sdJwt,
          holderKey: holder.publicJwk,
        })),
      )
      for (const { compact } of copies) secrets.add(compact)
      await vault.completeIssuance(
        issuance.id,
        { issuer: issuerUrl, issuerName: 'Carnet test', vct, copies },
        ecosystem.now,
      )
    })
    const { id, link } = await platform.request()
    const { status, err } = await wallet.run(['present', link, '--yes'])
    expect(status, err).to.equal(0)
    const told = await platform.call(`/requests/${id}`)
    expect(JSON.stringify(told.body)).to.contain(family_name)
    const second = await platform.request()
    for (const response of [family_name, `${family_name}.${birthdate}`, `{"${family_name}":1}`]) {
      const body = new URLSearchParams({ response, [family_name]: document_number })
      await send(`${platform.url}/responses/${second.id}`, { method: 'POST', body })
    }
    await platform.call('/requests', { body: { policy: family_name, [family_name]: birthdate } })
    await platform.call(`/requests/${document_number}`, { key: family_name })
    wallet.dispose()
  })

  it('and they tell nothing of the person, and no secret', async () => {
    const { text } = await metrics.render()
    const labels = text.replace(/ [\d.e+-]+$/gm, '')
    expect(errors.length, 'error bodies').to.be.greaterThan(60)
    expect(secrets.size, 'secrets').to.be.greaterThan(40)
    expect(lines().split('\n').length, 'log lines').to.be.greaterThan(100)
    expect(shownIn(lines(), secrets), 'in the logs').to.deep.equal([])
    expect(shownIn(labels, secrets), 'in the metrics').to.deep.equal([])
    const own = new Set(secrets)
    for (const body of errors) expect(shownIn(body, own), body).to.deep.equal([])
  })

  it('carry the id of the request in every line of one', () => {
    const all = lines()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const answered = all.filter(({ msg }) => msg === 'answered')
    expect(answered.length).to.be.greaterThan(90)
    expect(all.filter(({ request }) => !/^[\w-]{12}$/.test(request ?? ''))).to.deep.equal([])
    const ids = new Set(answered.map(({ request }) => request))
    expect(ids.size, 'one line a request').to.equal(answered.length)
    for (const { request } of all) expect(ids.has(request)).to.equal(true)
  })

  it('would be found with one, in any form', () => {
    for (const secret of [PERSON.family_name, PERSON.given_name, PERSON.birthdate, PASSPHRASE]) {
      for (const form of [
        secret,
        secret.toLowerCase(),
        Buffer.from(`x${secret}y`).toString('base64'),
        Buffer.from(`xy${secret}`).toString('base64url'),
        Buffer.from(secret).toString('hex').toUpperCase(),
        encodeURIComponent(secret),
      ]) {
        expect(shownIn(`{"msg":"${form}"}`, [secret]), form).to.deep.equal([secret])
      }
    }
    expect(tracesOf('000001')).to.include('000001')
    expect(shownIn('1000001 0.000001', ['000001'])).to.deep.equal([])
    expect(shownIn('code 000001', ['000001'])).to.deep.equal(['000001'])
  })
})

function isJson(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object'
  } catch {
    return false
  }
}
