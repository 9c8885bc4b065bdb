import { expect } from 'chai'
import type { AuditLog } from '../../shared/audit/log.ts'
import { encodeBase64url } from '../../shared/base64url.ts'
import { sha256Hex } from '../../shared/hash.ts'
import type { Once } from '../../shared/idempotency/once.ts'
import { systemRandom } from '../../shared/random.ts'
import type { WebhookStore } from '../../shared/webhook/store.ts'
import type { Policy } from '../../verifier/policy/policy.ts'
import { BUILT_IN_POLICIES, readPolicies } from '../../verifier/policy-packs.ts'
import { createRequest } from '../../verifier/request/create.ts'
import { MAX_REJECTIONS, type RequestedRequest } from '../../verifier/request/request.ts'
import type { Answer, VerifierStore } from '../../verifier/store.ts'
import { refuses } from '../support/refusal.ts'

const NOW = 1_782_864_000
const policy = readPolicies([BUILT_IN_POLICIES]).get('gig-identity') as Policy
const policyArtefact = { sha256: policy.sha256, text: JSON.stringify(policy.document) }
const artefact = (text: string) => ({ sha256: sha256Hex(text), text })

/** Two connections to one store, and the log that lives beside it. */
export interface StoreUnderTest {
  readonly first: VerifierStore
  readonly second: VerifierStore
  readonly webhooks: WebhookStore
  readonly log: AuditLog
  /** Opens a third, as after a restart. */
  reopen(): Promise<VerifierStore>
  close(): Promise<void>
}

/** What every verifier store promises. */
export function verifierStoreContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`VerifierStore on ${name}`, () => {
    let under: StoreUnderTest
    before(async () => {
      under = await open()
    })
    after(() => under.close())

    const add = async (options: { redirectUri?: string } = {}): Promise<RequestedRequest> => {
      const request = createRequest(
        policy,
        { platform: 'backend', lifetimeSeconds: 300, clientId: 'x509_hash:x', ...options },
        { now: NOW, random: systemRandom },
      )
      await under.first.addRequest(request, policyArtefact)
      return request
    }
    const retrieved = async (options: { redirectUri?: string } = {}): Promise<RequestedRequest> => {
      const request = await add(options)
      await under.first.retrieveObject(request.objectId, NOW)
      return request
    }
    const answerOf = (text: string, responseCodeSha256?: string): Answer => ({
      vpToken: { identity: [text] },
      verifiedAt: NOW,
      policySha256: policy.sha256,
      trustListSha256: artefact('trust list').sha256,
      statuses: [{ verdict: 'valid', tokenSha256: artefact(text).sha256, iat: NOW }],
      acceptance: { outcome: 'accept', codes: [] },
      receipt: `receipt ${text}`,
      commitmentKey: 'k',
      responseCodeSha256,
    })
    const record = (store: VerifierStore, responseId: string, text = 'token', code?: string) =>
      store.recordAnswer(
        responseId,
        {
          answer: answerOf(text, code),
          artefacts: [artefact('trust list'), artefact(text)],
          entries: [
            { type: 'presentation.verified', at: NOW, commitment: 'a' },
            { type: 'acceptance.made', at: NOW, commitment: 'b' },
          ],
        },
        NOW,
      )
    const logSize = async (): Promise<number> =>
      Number((await under.log.publish(NOW)).split('\n')[1])

    it('tells the platform of an answer and of a refusal, once each and without a claim', async () => {
      await under.webhooks.addEndpoint({
        id: 'hook',
        url: 'https://backend.example',
        platform: 'backend',
        types: ['carnet.presentation.answered.v1', 'carnet.presentation.refused.v1'],
        createdAt: NOW,
      })
      const [answered, refused, spoilt] = [await retrieved(), await retrieved(), await retrieved()]
      await record(under.first, answered.responseId)
      await refuses('request_answered', () => record(under.second, answered.responseId))
      await under.first.recordRefusal(refused.responseId, 'access_denied', NOW + 1)
      for (let n = 0; n < MAX_REJECTIONS; n++) {
        await under.first.recordRejection(spoilt.responseId, 'presentation_signature', NOW + 2)
      }
      const told = (await under.webhooks.deliveries({ limit: 9 })).map(({ event }) => event)
      expect(told.reverse().map(({ id: _, ...event }) => event)).to.deep.equal([
        {
          type: 'carnet.presentation.answered.v1',
          subject: answered.id,
          sequence: 1,
          at: NOW,
          data: { outcome: 'accept', codes: [] },
        },
        {
          type: 'carnet.presentation.refused.v1',
          subject: refused.id,
          sequence: 1,
          at: NOW + 1,
          data: { reason: 'access_denied' },
        },
        {
          type: 'carnet.presentation.refused.v1',
          subject: spoilt.id,
          sequence: 1,
          at: NOW + 2,
          data: { reason: 'too_many_rejections' },
        },
      ])
      await under.webhooks.removeEndpoint('hook')
    })

    it('keeps a request for the platform that made it and tells nobody else', async () => {
      const request = await add()
      expect(await under.second.findRequest(request.id, 'backend', NOW)).to.deep.equal({ request })
      expect(await under.second.findRequest(request.id, 'other', NOW)).to.equal(undefined)
      expect(await under.second.findRequest(request.objectId, 'backend', NOW)).to.equal(undefined)
      expect(await under.second.findArtefact(policy.sha256)).to.equal(policyArtefact.text)
    })

    const onceFor = (options: Partial<Once> = {}): Once => ({
      caller: 'backend',
      keySha256: `key ${encodeBase64url(systemRandom(9))}`,
      requestSha256: 'what was asked',
      answer: { status: 201, body: '{"first":true}' },
      expiresAt: NOW + 60,
      ...options,
    })
    const fresh = (now: number = NOW): RequestedRequest =>
      createRequest(
        policy,
        { platform: 'backend', lifetimeSeconds: 300, clientId: 'x509_hash:x' },
        { now, random: systemRandom },
      )

    it('keeps no second request for one idempotency key, and answers as before', async () => {
      const [one, other, once] = [fresh(), fresh(), onceFor()]
      expect(await under.first.addRequest(one, policyArtefact, once)).to.equal(undefined)
      const again = { ...once, answer: { status: 201, body: '{"first":false}' } }
      expect(await under.second.addRequest(other, policyArtefact, again)).to.deep.equal(once.answer)
      expect(await under.first.findRequest(other.id, 'backend', NOW)).to.equal(undefined)
    })

    it('refuses an idempotency key for another request, and takes it from another caller', async () => {
      const once = onceFor()
      await under.first.addRequest(fresh(), policyArtefact, once)
      await refuses('idempotency_key_reused', () =>
        under.second.addRequest(fresh(), policyArtefact, { ...once, requestSha256: 'other' }),
      )
      const of = { ...once, caller: 'other-system', requestSha256: 'other' }
      expect(await under.second.addRequest(fresh(), policyArtefact, of)).to.equal(undefined)
    })

    it('lets one of many at once with one idempotency key have the effect', async () => {
      const once = onceFor()
      const requests = Array.from({ length: 8 }, () => fresh())
      const answers = await Promise.all(
        requests.map((request, index) =>
          (index % 2 ? under.first : under.second).addRequest(request, policyArtefact, {
            ...once,
            answer: { status: 201, body: request.id },
          }),
        ),
      )
      const [kept] = new Set(answers.flatMap((answer) => answer?.body ?? []))
      expect(answers.filter((answer) => answer === undefined)).to.have.length(1)
      expect(answers.filter((answer) => answer?.body === kept)).to.have.length(7)
      for (const { id } of requests) {
        const found = await under.first.findRequest(id, 'backend', NOW)
        expect(found !== undefined).to.equal(id === kept)
      }
    })

    it('keeps no answer where there was no effect', async () => {
      const [request, once] = [fresh(), onceFor()]
      await under.first.addRequest(request, policyArtefact)
      const failed = await under.first.addRequest(request, policyArtefact, once).catch((e) => e)
      expect(failed).to.be.instanceOf(Error)
      expect(await under.second.addRequest(fresh(), policyArtefact, once)).to.equal(undefined)
    })

    it('forgets an idempotency key when its time is over', async () => {
      const once = onceFor()
      await under.first.addRequest(fresh(), policyArtefact, once)
      const later = { ...once, requestSha256: 'other', expiresAt: NOW + 120 }
      const add = (now: number) => under.second.addRequest(fresh(now), policyArtefact, later)
      await refuses('idempotency_key_reused', () => add(NOW + 59))
      expect(await add(NOW + 60)).to.equal(undefined)
    })

    it('moves to retrieved, as often as the object is fetched', async () => {
      const request = await add()
      const once = await under.first.retrieveObject(request.objectId, NOW)
      expect(once).to.deep.equal({ ...request, state: 'retrieved', rejections: [] })
      expect(await under.second.retrieveObject(request.objectId, NOW + 1)).to.deep.equal(once)
    })

    it('knows the three identifiers apart', async () => {
      const { id, objectId, responseId } = await add()
      for (const wrong of [id, responseId]) {
        await refuses('request_not_found', () => under.first.retrieveObject(wrong, NOW))
      }
      await under.first.retrieveObject(objectId, NOW)
      for (const wrong of [id, objectId]) {
        await refuses('request_not_found', () => under.first.awaitResponse(wrong, NOW))
      }
    })

    it('awaits a response only after the object was fetched', async () => {
      const request = await add()
      await refuses('request_state', () => under.first.awaitResponse(request.responseId, NOW))
      await under.first.retrieveObject(request.objectId, NOW)
      const awaiting = await under.first.awaitResponse(request.responseId, NOW)
      expect(awaiting.pkcs8).to.equal(request.pkcs8)
    })

    it('records an answer with its artefacts and log entries, and drops the key', async () => {
      const request = await retrieved()
      const before = await logSize()
      await record(under.first, request.responseId, 'first token')
      expect(await logSize()).to.equal(before + 2)
      const found = await (await under.reopen()).findRequest(request.id, 'backend', NOW + 9999)
      expect(found?.request).to.include({ state: 'answered', endedAt: NOW })
      expect(found?.request).not.to.have.any.keys('pkcs8', 'encryptionKey')
      expect(found?.answer).to.deep.equal({
        ...answerOf('first token'),
        redeemedAt: undefined,
      })
      expect(await under.second.findArtefact(artefact('first token').sha256)).to.equal(
        'first token',
      )
    })

    it('takes one of two answers that come at once and tells the other', async () => {
      const request = await retrieved()
      const before = await logSize()
      const outcomes = await Promise.allSettled([
        record(under.first, request.responseId, 'one'),
        record(under.second, request.responseId, 'two'),
      ])
      expect(outcomes.map(({ status }) => status).sort()).to.deep.equal(['fulfilled', 'rejected'])
      expect(await logSize()).to.equal(before + 2)
      await refuses('request_answered', () => record(under.first, request.responseId, 'three'))
      expect(await under.first.findArtefact(artefact('three').sha256)).to.equal(undefined)
    })

    it('keeps nothing of an answer when a part of it cannot be kept', async () => {
      const request = await retrieved()
      const before = await logSize()
      const failing = under.first.recordAnswer(
        request.responseId,
        {
          answer: answerOf('broken'),
          artefacts: [artefact('trust list'), artefact('broken')],
          entries: [{ type: 'presentation.verified', at: NOW, pad: 'x'.repeat(70_000) }],
        },
        NOW,
      )
      await failing.then(
        () => expect.fail('an entry that is too long was appended'),
        () => undefined,
      )
      expect(await logSize()).to.equal(before)
      const found = await under.second.findRequest(request.id, 'backend', NOW)
      expect(found?.request.state).to.equal('retrieved')
      expect(found?.answer).to.equal(undefined)
      expect(await under.second.findArtefact(artefact('broken').sha256)).to.equal(undefined)
    })

    it('records a refusal of the wallet, which ends the request', async () => {
      const request = await retrieved()
      await under.first.recordRefusal(request.responseId, 'access_denied', NOW + 1)
      const found = await under.second.findRequest(request.id, 'backend', NOW + 1)
      expect(found?.request).to.include({
        state: 'refused',
        reason: 'access_denied',
        endedAt: NOW + 1,
      })
      await refuses('request_refused', () => record(under.second, request.responseId))
      await refuses('request_refused', () => under.first.retrieveObject(request.objectId, NOW + 1))
    })

    it('counts responses that were turned away and ends the request at the last', async () => {
      const request = await retrieved()
      for (let count = 1; count < MAX_REJECTIONS; count++) {
        await under.first.recordRejection(request.responseId, 'key_binding_nonce', NOW + count)
      }
      const open = await under.second.awaitResponse(request.responseId, NOW + 10)
      expect(open.rejections).to.have.length(MAX_REJECTIONS - 1)
      expect(open.rejections[0]).to.deep.equal({ at: NOW + 1, code: 'key_binding_nonce' })
      await under.first.recordRejection(request.responseId, 'key_binding_nonce', NOW + 10)
      const found = await under.second.findRequest(request.id, 'backend', NOW + 10)
      expect(found?.request).to.include({ state: 'refused', reason: 'too_many_rejections' })
    })

    it('puts a request down as expired when its time has passed, whoever comes first', async () => {
      const byPlatform = await retrieved()
      const found = await under.first.findRequest(byPlatform.id, 'backend', NOW + 300)
      expect(found?.request).to.include({ state: 'expired', endedAt: NOW + 300 })
      const byWallet = await retrieved()
      await refuses('request_expired', () => record2(byWallet, NOW + 300))
      // Even a clock that goes back does not open it again.
      await refuses('request_expired', () => under.second.awaitResponse(byWallet.responseId, NOW))
      const byObject = await add()
      await refuses('request_expired', () =>
        under.first.retrieveObject(byObject.objectId, NOW + 300),
      )
      const bySweep = await add()
      expect(await under.second.expireRequests(NOW + 299)).to.equal(0)
      expect(await under.second.expireRequests(NOW + 300)).to.be.greaterThan(0)
      const swept = await under.first.findRequest(bySweep.id, 'backend', NOW)
      expect(swept?.request.state).to.equal('expired')
      expect(swept?.request).not.to.have.property('pkcs8')
    })

    const record2 = (request: RequestedRequest, now: number) =>
      under.first.recordAnswer(
        request.responseId,
        { answer: answerOf('late'), artefacts: [artefact('trust list')], entries: [] },
        now,
      )

    it('keeps the newest trust list, and the ones before for the answers that rest on them', async () => {
      await under.first.keepTrustList(artefact('list one'))
      await under.first.keepTrustList(artefact('list two'))
      expect(await (await under.reopen()).findTrustList()).to.equal('list two')
      expect(await under.second.findArtefact(artefact('list one').sha256)).to.equal('list one')
    })

    it('erases a request and all that was answered, for the platform that made it', async () => {
      const request = await retrieved()
      await under.webhooks.addEndpoint({
        id: 'hook',
        url: 'https://backend.example',
        platform: 'backend',
        types: ['carnet.presentation.answered.v1'],
        createdAt: NOW,
      })
      await record(under.first, request.responseId, 'to be erased')
      const told = async () =>
        (await under.webhooks.deliveries({ limit: 9 })).map(({ event }) => event.subject)
      expect(await told()).to.deep.equal([request.id])
      const before = await logSize()
      await refuses('request_not_found', () => under.first.forgetRequest(request.id, 'other'))
      await under.first.forgetRequest(request.id, 'backend')
      expect(await under.second.findRequest(request.id, 'backend', NOW)).to.equal(undefined)
      await refuses('request_not_found', () => under.first.forgetRequest(request.id, 'backend'))
      await refuses('request_not_found', () => under.first.awaitResponse(request.responseId, NOW))
      expect(await logSize()).to.equal(before)
      expect(await told(), 'what its outcome was').to.deep.equal([])
      await under.webhooks.removeEndpoint('hook')
    })

    it('erases what ended before a day, answers only when asked to', async () => {
      const [answered, refused, open] = [await retrieved(), await retrieved(), await retrieved()]
      await record(under.first, answered.responseId, 'kept')
      await under.first.recordRefusal(refused.responseId, 'access_denied', NOW)
      await under.first.forgetRequests({ unanswered: NOW })
      expect(await under.first.findRequest(refused.id, 'backend', NOW)).not.to.equal(undefined)
      await under.first.forgetRequests({ unanswered: NOW + 1 })
      expect(await under.first.findRequest(refused.id, 'backend', NOW)).to.equal(undefined)
      expect(await under.first.findRequest(answered.id, 'backend', NOW)).not.to.equal(undefined)
      await under.first.forgetRequests({ unanswered: NOW + 1, answered: NOW + 1 })
      expect(await under.first.findRequest(answered.id, 'backend', NOW)).to.equal(undefined)
      expect(await under.first.findRequest(open.id, 'backend', NOW)).not.to.equal(undefined)
    })

    it('uses a response code once, for its own request and platform', async () => {
      const request = await retrieved({ redirectUri: 'https://driver.example/back' })
      const code = sha256Hex('code')
      await record(under.first, request.responseId, 'redirected', code)
      const redeem = (id: string, platform: string, sha256: string) =>
        under.second.redeemResponseCode(id, platform, sha256, NOW + 5)
      await refuses('response_code_invalid', () =>
        redeem(request.id, 'backend', sha256Hex('guess')),
      )
      await refuses('response_code_invalid', () => redeem(request.id, 'other', code))
      await refuses('response_code_invalid', () => redeem('unknown', 'backend', code))
      await redeem(request.id, 'backend', code)
      await refuses('response_code_invalid', () => redeem(request.id, 'backend', code))
      const found = await under.first.findRequest(request.id, 'backend', NOW + 6)
      expect(found?.answer?.redeemedAt).to.equal(NOW + 5)
    })
  })
}
