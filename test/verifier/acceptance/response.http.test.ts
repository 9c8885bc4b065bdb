import { expect } from 'chai'
import { generateEs256Key } from '../../../shared/key/signer.software.ts'
import { statusListBytes } from '../../../shared/status-list/bits.ts'
import { signStatusListToken } from '../../../shared/status-list/token.ts'
import { malleate } from '../../support/malleate.ts'
import { NOW, testAuthority } from '../../support/pki.ts'
import {
  answerWith,
  type Ecosystem,
  fetchRequest,
  type HeldCredential,
  LIST_URI,
  makeEcosystem,
  type Platform,
  postForm,
  postResponse,
  presentFor,
  startPlatform,
} from '../../support/platform.ts'

describe('a presentation over HTTP', () => {
  let ecosystem: Ecosystem
  let driver: Platform
  let courier: Platform
  let credential: HeldCredential

  before(async () => {
    ecosystem = await makeEcosystem()
    driver = await startPlatform(ecosystem, { name: 'driver' })
    courier = await startPlatform(ecosystem, { name: 'courier' })
    credential = await ecosystem.issue()
  })
  beforeEach(async () => {
    ecosystem.now = NOW
    await ecosystem.setStatus(7, 0)
  })
  after(async () => {
    await driver.stop()
    await courier.stop()
  })

  const resultOf = async (platform: Platform, id: string) =>
    (await platform.call(`/requests/${id}`)).body
  const countOf = (platform: Platform, table: string) =>
    platform.db.prepare(`SELECT count(*) FROM ${table}`).pluck().get()

  it('is accepted with the requested claims and no others', async () => {
    const { id, link } = await driver.request()
    expect(await resultOf(driver, id)).to.include({ state: 'requested' })
    expect(await answerWith(ecosystem, link, credential)).to.deep.equal({ status: 200, body: {} })
    const result = await resultOf(driver, id)
    expect(result).to.deep.include({
      state: 'answered',
      acceptance: { outcome: 'accept', codes: [] },
      claims: {
        identity: {
          given_name: 'Ada Maria',
          family_name: 'Specimen',
          age_equal_or_over: { '18': true },
          document: { issuing_country: 'UTO' },
          verification: { time: '2026-06-20T10:00:00Z' },
        },
      },
      credentials: [
        {
          query_id: 'identity',
          vct: 'urn:carnet:identity:1',
          issuer: 'https://issuer.example',
          status: 'valid',
        },
      ],
    })
    const stored = driver.db.prepare('SELECT vp_token FROM answer').pluck().get()
    const [presentation = ''] = JSON.parse(String(stored)).identity
    const disclosed = (presentation as string)
      .split('~')
      .slice(1, -1)
      .map((text) => JSON.parse(Buffer.from(text, 'base64url').toString())[1])
    expect(disclosed.sort()).to.deep.equal([
      '18',
      'family_name',
      'given_name',
      'issuing_country',
      'time',
    ])
  })

  it('writes its log entries with the answer, by commitment only', async () => {
    const before = Number(countOf(driver, 'audit_entry'))
    await answerWith(ecosystem, (await driver.request()).link, credential)
    const entries = driver.db
      .prepare('SELECT entry FROM audit_entry ORDER BY idx')
      .pluck()
      .all()
      .slice(before)
      .map((entry) => JSON.parse(String(entry)))
    expect(entries.map(({ type }) => type)).to.deep.equal([
      'presentation.verified',
      'acceptance.made',
    ])
    for (const entry of entries) {
      expect(Object.keys(entry).sort()).to.deep.equal(['at', 'commitment', 'type'])
    }
  })

  it('is refused with revoked once the list says so', async () => {
    const { id, link } = await courier.request()
    ecosystem.now += 61
    await ecosystem.setStatus(7, 1)
    expect((await answerWith(ecosystem, link, credential)).status).to.equal(200)
    expect((await resultOf(courier, id)).acceptance).to.deep.equal({
      outcome: 'refuse',
      codes: ['revoked'],
    })
  })

  it('is refused with suspended while the list says so', async () => {
    const { id, link } = await courier.request()
    ecosystem.now += 122
    await ecosystem.setStatus(7, 2)
    await answerWith(ecosystem, link, credential)
    expect((await resultOf(courier, id)).acceptance).to.deep.equal({
      outcome: 'refuse',
      codes: ['suspended'],
    })
  })

  it('is refused with undetermined when the list cannot be reached', async () => {
    const { id, link } = await courier.request()
    ecosystem.now += 250
    ecosystem.lists.delete(LIST_URI)
    await answerWith(ecosystem, link, credential)
    expect((await resultOf(courier, id)).acceptance).to.deep.equal({
      outcome: 'refuse',
      codes: ['undetermined'],
    })
  })

  describe('whose list is signed under another certificate', () => {
    const publishUnder = async (sanUris: string[], sanDns: string[]) => {
      const list = statusListBytes(4096, 2)
      const signer = await ecosystem.attestation.leaf({ sanUris, sanDns })
      const [iat, exp] = [ecosystem.now, ecosystem.now + 86_400]
      const token = { uri: LIST_URI, bits: 2 as const, list, iat, exp, ttl: 60, ...signer }
      ecosystem.lists.set(LIST_URI, await signStatusListToken(token))
    }
    const outcomeAt = async (offset: number) => {
      ecosystem.now += offset
      const fresh = await startPlatform(ecosystem)
      const { id, link } = await fresh.request()
      await answerWith(ecosystem, link, credential)
      const { acceptance } = await resultOf(fresh, id)
      await fresh.stop()
      return acceptance
    }

    it('is accepted when that names the same issuer, whose keys were rotated', async () => {
      await publishUnder(['https://issuer.example'], [])
      expect(await outcomeAt(0)).to.deep.equal({ outcome: 'accept', codes: [] })
    })

    it('is refused with undetermined when that is another issuer, trusted or not', async () => {
      await publishUnder(['https://other.example'], ['other.example'])
      expect(await outcomeAt(0)).to.deep.equal({ outcome: 'refuse', codes: ['undetermined'] })
    })
  })

  it('does not fetch a list that it holds, so that the issuer does not see each presentation', async () => {
    await answerWith(ecosystem, (await driver.request()).link, credential)
    const { fetches } = ecosystem
    await answerWith(ecosystem, (await driver.request()).link, credential)
    expect(ecosystem.fetches).to.equal(fetches)
  })

  it('finds a list that was fetched ahead, at a time that tells nothing of it', async () => {
    await answerWith(ecosystem, (await driver.request()).link, credential)
    ecosystem.now += 61
    await ecosystem.setStatus(7, 0)
    const context = { anchors: ecosystem.anchors, now: ecosystem.now }
    const { fetches } = ecosystem
    await Promise.all([driver.statusLists.refresh(context), driver.statusLists.refresh(context)])
    expect(ecosystem.fetches).to.equal(fetches + 1)
    await driver.statusLists.refresh(context)
    await answerWith(ecosystem, (await driver.request()).link, credential)
    expect(ecosystem.fetches).to.equal(fetches + 1)
    await driver.statusLists.refresh({ ...context, now: ecosystem.now + 2 * 86_400 })
    expect(ecosystem.fetches, 'a list that is not needed any more').to.equal(fetches + 1)
  })

  it('does not look the status up before the rest has verified (Token Status List §8.3)', async () => {
    const fresh = await startPlatform(ecosystem)
    const { fetches } = ecosystem
    const verified = await fetchRequest(ecosystem, (await fresh.request()).link)
    const presentation = await presentFor(verified, credential, { nonce: 'another' })
    expect((await postResponse(verified, { identity: [presentation] })).status).to.equal(400)
    expect(ecosystem.fetches).to.equal(fetches)
    await fresh.stop()
  })

  describe('that is not the one asked for', () => {
    /** Answers a fresh request wrongly and expects this code, with nothing kept and the request still open. */
    const refusedWith = async (
      code: string,
      answer: (
        verified: Awaited<ReturnType<typeof fetchRequest>>,
      ) => Promise<Record<string, string[]>>,
    ): Promise<void> => {
      const { id, link } = await driver.request()
      const [answers, entries] = [countOf(driver, 'answer'), countOf(driver, 'audit_entry')]
      const verified = await fetchRequest(ecosystem, link)
      const { status, body } = await postResponse(verified, await answer(verified))
      expect({ status, code: body.code }).to.deep.equal({ status: 400, code })
      expect(await resultOf(driver, id)).to.deep.include({
        state: 'retrieved',
        rejections: [{ at: NOW, code }],
      })
      expect([countOf(driver, 'answer'), countOf(driver, 'audit_entry')]).to.deep.equal([
        answers,
        entries,
      ])
    }

    it('is refused when it was made for another request (OpenID4VP 1.0 §14.1)', async () => {
      const earlier = await fetchRequest(ecosystem, (await driver.request()).link)
      const presentation = await presentFor(earlier, credential)
      expect((await postResponse(earlier, { identity: [presentation] })).status).to.equal(200)
      await refusedWith('key_binding_nonce', async () => ({ identity: [presentation] }))
    })

    it('is refused when it was made for another platform (OpenID4VP 1.0 §14.1.2)', async () => {
      const other = await fetchRequest(ecosystem, (await courier.request()).link)
      const presentation = await presentFor(other, credential)
      await refusedWith('key_binding_audience', async () => ({ identity: [presentation] }))
    })

    it('is refused when the audience lacks the client identifier prefix (OpenID4VP 1.0 §5.9.1)', async () => {
      await refusedWith('key_binding_audience', async (verified) => ({
        identity: [
          await presentFor(verified, credential, {
            audience: driver.clientId.slice('x509_hash:'.length),
          }),
        ],
      }))
    })

    it('is refused without key binding (RFC 9901 §7.3 step 1)', async () => {
      await refusedWith('key_binding_missing', async (verified) => {
        const bound = await presentFor(verified, credential)
        return { identity: [bound.slice(0, bound.lastIndexOf('~') + 1)] }
      })
    })

    it('is refused when the key binding is no JWT', async () => {
      await refusedWith('key_binding_invalid', async (verified) => {
        const bound = await presentFor(verified, credential)
        return { identity: [`${bound.slice(0, bound.lastIndexOf('~') + 1)}a.b.c`] }
      })
    })

    it('is refused when another key made the key binding (RFC 9901 §7.3)', async () => {
      await refusedWith('key_binding_invalid', async (verified) => ({
        identity: [await presentFor(verified, credential, { signer: generateEs256Key().signer })],
      }))
    })

    it('is refused when the key binding is too old or ahead (RFC 9901 §7.3 step 5)', async () => {
      for (const now of [NOW - 301, NOW + 60]) {
        await refusedWith('key_binding_invalid', async (verified) => ({
          identity: [await presentFor(verified, credential, { now })],
        }))
      }
    })

    it('is refused when a disclosure was taken out after the key binding (RFC 9901 §7.3)', async () => {
      await refusedWith('key_binding_invalid', async (verified) => {
        const parts = (await presentFor(verified, credential)).split('~')
        return { identity: [[parts[0], ...parts.slice(2)].join('~')] }
      })
    })

    it('is refused when a requested claim is missing (OpenID4VP 1.0 §8.6, §14.9)', async () => {
      await refusedWith('presentation_incomplete', async (verified) => ({
        identity: [await presentFor(verified, credential, { disclose: [['given_name']] })],
      }))
    })

    it('is refused when it discloses more than was asked for', async () => {
      await refusedWith('presentation_excessive', async (verified) => {
        const disclose = (verified.query.credentials[0]?.claims ?? []).map(({ path }) => path)
        return {
          identity: [
            await presentFor(verified, credential, { disclose: [...disclose, ['birthdate']] }),
          ],
        }
      })
    })

    it('is refused when a slot for one credential holds two, valid or not', async () => {
      for (const second of [credential, await ecosystem.issue({ idx: 8 })]) {
        await refusedWith('presentation_multiple', async (verified) => ({
          identity: [await presentFor(verified, credential), await presentFor(verified, second)],
        }))
      }
    })

    it('is refused when it answers a query that was not made (OpenID4VP 1.0 §8.1)', async () => {
      await refusedWith('presentation_not_requested', async (verified) => {
        const presentation = await presentFor(verified, credential)
        return { identity: [presentation], extra: [presentation] }
      })
    })

    it('is refused when it is of another type (OpenID4VP 1.0 Appendix B.3.5)', async () => {
      const other = await ecosystem.issue({ claims: { vct: 'urn:carnet:address:1' } })
      await refusedWith('presentation_not_requested', async (verified) => ({
        identity: [await presentFor(verified, other)],
      }))
    })

    it('is refused when no trusted issuer signed it (HAIP 1.0 §6.1.1)', async () => {
      const stranger = await (await testAuthority('attestation')).leaf()
      const strange = await ecosystem.issue({ issuer: stranger })
      await refusedWith('presentation_untrusted', async (verified) => ({
        identity: [await presentFor(verified, strange)],
      }))
    })

    it('is refused when the certificate of another platform signed it', async () => {
      const access = await ecosystem.access.leaf()
      const forged = await ecosystem.issue({ issuer: access })
      await refusedWith('presentation_untrusted', async (verified) => ({
        identity: [await presentFor(verified, forged)],
      }))
    })

    it('is refused when the issuer certificate does not name iss (SD-JWT VC §3.5)', async () => {
      const other = await ecosystem.attestation.leaf({
        sanUris: ['https://other.example'],
        sanDns: ['other.example'],
      })
      const forged = await ecosystem.issue({ issuer: other })
      await refusedWith('presentation_untrusted', async (verified) => ({
        identity: [await presentFor(verified, forged)],
      }))
    })

    it('is refused when another key signed it', async () => {
      const forged = await ecosystem.issue({
        issuer: { signer: generateEs256Key().signer, x5c: ecosystem.issuer.x5c },
      })
      await refusedWith('presentation_signature', async (verified) => ({
        identity: [await presentFor(verified, forged)],
      }))
    })

    it('is refused when the credential is expired', async () => {
      const expired = await ecosystem.issue({ claims: { exp: NOW } })
      await refusedWith('presentation_time', async (verified) => ({
        identity: [await presentFor(verified, expired)],
      }))
    })

    it('is refused when it is no SD-JWT', async () => {
      await refusedWith('presentation_malformed', async () => ({ identity: ['a.b.c'] }))
    })
  })

  it('ends the request after five that do not verify', async () => {
    const { id, link } = await driver.request()
    const verified = await fetchRequest(ecosystem, link)
    for (let attempt = 1; attempt <= 5; attempt++) {
      expect((await postResponse(verified, { identity: ['a.b.c'] })).status).to.equal(400)
    }
    expect(await resultOf(driver, id)).to.include({
      state: 'refused',
      reason: 'too_many_rejections',
    })
    const late = await postResponse(verified, {
      identity: [await presentFor(verified, credential)],
    })
    expect(late).to.have.property('status', 409)
    expect(late.body.code).to.equal('request_refused')
  })

  it('is taken after one that did not verify', async () => {
    const { id, link } = await driver.request()
    const verified = await fetchRequest(ecosystem, link)
    await postResponse(verified, { identity: ['a.b.c'] })
    const presentation = await presentFor(verified, credential)
    expect((await postResponse(verified, { identity: [presentation] })).status).to.equal(200)
    expect(await resultOf(driver, id)).to.deep.include({ state: 'answered' })
  })

  it('is taken once', async () => {
    const { id, link } = await driver.request()
    const verified = await fetchRequest(ecosystem, link)
    const presentation = await presentFor(verified, credential)
    expect((await postResponse(verified, { identity: [presentation] })).status).to.equal(200)
    const first = await resultOf(driver, id)
    const again = await postResponse(verified, { identity: [presentation] })
    expect({ status: again.status, code: again.body.code }).to.deep.equal({
      status: 409,
      code: 'request_answered',
    })
    expect(await resultOf(driver, id)).to.deep.equal(first)
  })

  for (const first of ['the signature of the wallet', 'the other valid one (r, n - s)']) {
    it(`is taken once in whatever text, with ${first} first (OpenID4VP 1.0 §14.1)`, async () => {
      const { id, link } = await driver.request()
      const verified = await fetchRequest(ecosystem, link)
      const presentation = await presentFor(verified, credential)
      const keyBinding = presentation.lastIndexOf('~') + 1
      const twin = presentation.slice(0, keyBinding) + malleate(presentation.slice(keyBinding))
      expect(twin).to.not.equal(presentation)
      const texts = first.startsWith('the signature') ? [presentation, twin] : [twin, presentation]
      const codes: unknown[] = []
      for (const text of texts) {
        codes.push((await postResponse(verified, { identity: [text] })).body.code)
      }
      expect(codes).to.deep.equal([undefined, 'request_answered'])
      expect(await resultOf(driver, id)).to.deep.include({ state: 'answered' })
      const later = await fetchRequest(ecosystem, (await driver.request()).link)
      const replayed = await postResponse(later, { identity: [twin] })
      expect(replayed.body.code).to.equal('key_binding_nonce')
    })
  }

  it('is taken once when ten come at the same time', async () => {
    const { link } = await driver.request()
    const [answers, entries] = [countOf(driver, 'answer'), countOf(driver, 'audit_entry')]
    const verified = await fetchRequest(ecosystem, link)
    const presentation = await presentFor(verified, credential)
    const statuses = await Promise.all(
      Array.from(
        { length: 10 },
        async () => (await postResponse(verified, { identity: [presentation] })).status,
      ),
    )
    expect(statuses.sort()).to.deep.equal([200, ...Array(9).fill(409)])
    expect(countOf(driver, 'answer')).to.equal(Number(answers) + 1)
    expect(countOf(driver, 'audit_entry')).to.equal(Number(entries) + 2)
  })

  it('is refused after the request has expired', async () => {
    const { id, link } = await driver.request()
    const verified = await fetchRequest(ecosystem, link)
    const presentation = await presentFor(verified, credential, { now: NOW + 299 })
    ecosystem.now = NOW + 300
    const late = await postResponse(verified, { identity: [presentation] })
    expect({ status: late.status, code: late.body.code }).to.deep.equal({
      status: 410,
      code: 'request_expired',
    })
    expect(await resultOf(driver, id)).to.include({ state: 'expired' })
  })

  it('is refused when it is encrypted for another request', async () => {
    const one = await fetchRequest(ecosystem, (await driver.request()).link)
    const other = await fetchRequest(ecosystem, (await driver.request()).link)
    const presentation = await presentFor(other, credential)
    const { status, body } = await postResponse(
      { ...one, request: other.request },
      { identity: [presentation] },
    )
    expect({ status, code: body.code }).to.deep.equal({ status: 400, code: 'response_unreadable' })
  })

  it('is refused when it is not encrypted (HAIP 1.0 §5.1)', async () => {
    const verified = await fetchRequest(ecosystem, (await driver.request()).link)
    const presentation = await presentFor(verified, credential)
    const { status, body } = await postForm(verified.request.response_uri, {
      vp_token: JSON.stringify({ identity: [presentation] }),
    })
    expect({ status, error: body.error }).to.deep.equal({ status: 400, error: 'invalid_request' })
  })

  it('is refused with a repeated parameter', async () => {
    const verified = await fetchRequest(ecosystem, (await driver.request()).link)
    const response = await fetch(verified.request.response_uri, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'response=a&response=b',
    })
    expect(response.status).to.equal(400)
  })

  it('may be an error, after which nothing else is taken (OpenID4VP 1.0 §8.5)', async () => {
    const { id, link } = await driver.request()
    const verified = await fetchRequest(ecosystem, link)
    const refusal = await postForm(verified.request.response_uri, { error: 'access_denied' })
    expect(refusal).to.deep.equal({ status: 200, body: {} })
    expect(await resultOf(driver, id)).to.include({ state: 'refused', reason: 'access_denied' })
    const late = await postResponse(verified, {
      identity: [await presentFor(verified, credential)],
    })
    expect({ status: late.status, code: late.body.code }).to.deep.equal({
      status: 409,
      code: 'request_refused',
    })
  })

  it('is not taken at an address that was never given out', async () => {
    const { status, body } = await postForm(`${driver.url}/responses/AAAAAAAAAAAAAAAAAAAAAA`, {
      error: 'access_denied',
    })
    expect({ status, code: body.code }).to.deep.equal({ status: 404, code: 'request_not_found' })
  })
})
