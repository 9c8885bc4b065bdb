import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { decide } from '../../issuer/decision/decide.ts'
import { type PublishedWorkflow, readWorkflow } from '../../issuer/decision/read-workflow.ts'
import type { Evidence } from '../../issuer/evidence/evidence.ts'
import { screen } from '../../issuer/screening/screen.ts'
import { readWatchlist } from '../../issuer/screening/watchlist.ts'
import type { IntentRefusal, IssuanceIntent, IssuerStore } from '../../issuer/store.ts'
import { sha256Base64url } from '../../shared/hash.ts'
import { generateEs256Key } from '../../shared/key/signer.software.ts'
import type { Problem } from '../../shared/problem.ts'
import type { StatusReference } from '../../shared/status-list/reference.ts'
import type { WebhookStore } from '../../shared/webhook/store.ts'
import { evidenceWith } from '../support/evidence.ts'
import { failureOf } from '../support/failure.ts'
import { WATCHLIST_FILE, WORKFLOW_TEXT } from '../support/issuer.ts'

/** Two handles on one empty database whose status lists are live, as two processes have them. */
export interface IssuerStoreFixture {
  readonly first: IssuerStore
  readonly second: IssuerStore
  readonly webhooks: WebhookStore
  /** Revokes one copy on its own, as an operator may. */
  revokeCopy(reference: StatusReference): Promise<void>
  /** The types of the audit entries so far. */
  entries(): Promise<string[]>
  /** Everything that is stored, as text, to look for what must not be there. */
  everything(): Promise<string>
  close(): Promise<void>
}

const NOW = 1_800_000_000
const DAY = 86_400

/** The promises of {@link IssuerStore}, to be kept by every adapter. */
export function issuerStoreContract(name: string, open: () => Promise<IssuerStoreFixture>): void {
  describe(`IssuerStore, ${name}`, () => {
    let fixture: IssuerStoreFixture
    let first: IssuerStore
    let second: IssuerStore
    let sequence = 0
    const workflow = readWorkflow(WORKFLOW_TEXT)
    const lists = [readWatchlist(readFileSync(WATCHLIST_FILE))]
    const signerKey = generateEs256Key().signer.publicJwk

    beforeEach(async () => {
      fixture = await open()
      ;({ first, second } = fixture)
    })
    afterEach(() => fixture.close())

    const begin = async (
      changes: {
        workflow?: PublishedWorkflow
        maxOpen?: number
        expiresAt?: number
        platform?: string
      } = {},
    ): Promise<{ id: string; opened: unknown }> => {
      sequence += 1
      const id = `session-${String(sequence).padStart(3, '0')}`
      const opened = await first.openSession(
        {
          id,
          tokenSha256: sha256Base64url(`token-${sequence}`),
          expiresAt: NOW + 1800,
          workflow,
          maxOpen: 100,
          ...changes,
        },
        NOW,
      )
      return { id, opened }
    }
    const factsOf = (evidence: Evidence) => {
      const screening = screen(evidence, lists, { threshold: 0.8, now: NOW })
      return { evidence, screening, decision: decide(evidence, screening, workflow, NOW) }
    }
    const decided = async (changes: Parameters<typeof evidenceWith>[0] = {}): Promise<string> => {
      const { id } = await begin()
      await first.recordDecision(id, factsOf(evidenceWith(changes)))
      return id
    }
    const offerOf = (sessionId: string, mark: string) => ({
      sessionId,
      offerSha256: `offer-${mark}`,
      codeSha256: `code-${mark}`,
      txCodeSha256: `tx-${mark}`,
      attempts: 5,
      expiresAt: NOW + 600,
    })
    const intend = (
      sessionId: string,
      keys: readonly string[],
      mark: string,
      store = first,
    ): Promise<{ intent: IssuanceIntent } | IntentRefusal> =>
      store.recordIntent(
        {
          sessionId,
          keys,
          proofs: keys.map((key) => ({ id: `${key}/${mark}`, expiresAt: NOW + 600 })),
          issuanceId: `issuance-${sessionId}-${mark}`,
          seed: new Uint8Array(32).fill(1),
          issuedAt: NOW - (NOW % DAY),
          expiresAt: NOW - (NOW % DAY) + 14 * DAY,
          notificationSha256: `notification-${sessionId}-${mark}`,
        },
        NOW,
      )
    const intentOf = (outcome: { intent: IssuanceIntent } | IntentRefusal): IssuanceIntent => {
      if (typeof outcome === 'string') throw new Error(`refused: ${outcome}`)
      return outcome.intent
    }

    it('keeps a session under the workflow version that it began with', async () => {
      const { id } = await begin()
      const text = JSON.stringify({ ...JSON.parse(WORKFLOW_TEXT), version: 2 })
      await begin({ workflow: readWorkflow(text) })
      const session = await second.session(id)
      expect(session).to.deep.include({
        id,
        state: 'collecting',
        workflow: workflow.workflow,
        workflowReference: workflow.reference,
      })
      expect(await second.session('nobody')).to.equal(undefined)
    })

    it('opens no more sessions than may be open; decided and expired ones do not count', async () => {
      expect((await begin({ maxOpen: 1 })).opened).to.equal(true)
      expect((await begin({ maxOpen: 1 })).opened).to.equal(false)
      await first.forgetExpired(NOW + 1800)
      expect((await begin({ maxOpen: 1 })).opened).to.equal(true)
    })

    describe('with an idempotency key', () => {
      const key = { caller: 'key driver', keySha256: 'k', requestSha256: 'r' }
      const once = (body: string, changes: object = {}) => ({
        ...{ ...key, answer: { status: 201, body }, expiresAt: NOW + 86_400, ...changes },
      })
      const open = (
        id: string,
        store = first,
        changes: { maxOpen?: number } = {},
        kept = once(id),
      ) =>
        store.openSession(
          {
            ...{ id, tokenSha256: sha256Base64url(id), expiresAt: NOW + 1800, workflow },
            ...{ maxOpen: 100, ...changes },
          },
          NOW,
          kept,
        )
      const many = Array.from({ length: 50 }, (_, at) => at)
      const storeOf = (at: number) => (at % 2 === 0 ? first : second)

      it('begins one session for fifty at once, and tells all of them the same', async () => {
        const outcomes = await Promise.all(many.map((at) => open(`s${at}`, storeOf(at))))
        expect(outcomes.filter((outcome) => outcome === true)).to.have.length(1)
        const opened = many.filter((at) => outcomes[at] === true).map((at) => `s${at}`)[0]
        for (const outcome of outcomes) {
          if (outcome !== true) expect(outcome).to.deep.equal({ status: 201, body: opened })
        }
        const there = await Promise.all(many.map((at) => first.session(`s${at}`)))
        expect(there.filter((session) => session !== undefined)).to.have.length(1)
      })

      it('is another caller’s, another request’s, or free again after a day', async () => {
        await open('a')
        expect(
          await failureOf(open('b', second, {}, once('b', { requestSha256: 'other' }))),
        ).to.have.property('code', 'idempotency_key_reused')
        expect(await open('c', second, {}, once('c', { caller: 'key other' }))).to.equal(true)
        await first.forgetExpired(NOW + 86_399)
        expect(await open('d')).to.deep.equal({ status: 201, body: 'a' })
        await first.forgetExpired(NOW + 86_400)
        expect(await open('e')).to.equal(true)
      })

      it('keeps nothing of a session that had no room, and tells of one when there is none', async () => {
        expect(await open('a', first, { maxOpen: 0 })).to.equal(false)
        expect(await open('b', second)).to.equal(true)
        expect(await open('c', first, { maxOpen: 0 })).to.deep.equal({ status: 201, body: 'b' })
      })

      it('records one offer for fifty at once, also when its credential was issued since', async () => {
        const id = await decided()
        const outcomes = await Promise.all(
          many.map((at) => storeOf(at).recordOffer(offerOf(id, String(at)), NOW, once(`o${at}`))),
        )
        const recorded = many.filter((at) => outcomes[at] === true)
        expect(recorded).to.have.length(1)
        intentOf(await intend(id, ['k1'], 'a'))
        await first.recordIssued(id, 1, NOW)
        expect(await second.recordOffer(offerOf(id, 'late'), NOW, once('late'))).to.deep.equal({
          status: 201,
          body: `o${recorded[0]}`,
        })
        const other = { ...once('x'), keySha256: 'x' }
        expect(await first.recordOffer(offerOf(id, 'x'), NOW, other)).to.equal(false)
      })

      it('revokes once for fifty at once, and answers each how many copies', async () => {
        const id = await decided()
        intentOf(await intend(id, ['k1', 'k2'], 'a'))
        await first.recordIssued(id, 1, NOW)
        const order = { reasonClass: 'fraud', actor: 'op' } as const
        const counts = await Promise.all(many.map((at) => storeOf(at).revoke(id, order, NOW, key)))
        expect(new Set(counts)).to.deep.equal(new Set([2]))
        const revoked = (await fixture.entries()).filter((type) => type === 'status.changed')
        expect(revoked).to.have.length(2)
        expect(await failureOf(first.revoke(id, order, NOW))).to.have.property(
          'code',
          'status_final',
        )
        const other = { ...key, requestSha256: 'other' }
        expect(await failureOf(first.revoke(id, order, NOW, other))).to.have.property(
          'code',
          'idempotency_key_reused',
        )
      })
    })

    it('remembers which platform opened a session, also when it was decided', async () => {
      const [own, theirs] = [await begin(), await begin({ platform: 'driver' })]
      expect((await second.session(own.id))?.platform).to.equal(undefined)
      expect((await second.session(theirs.id))?.platform).to.equal('driver')
      await first.recordDecision(theirs.id, factsOf(evidenceWith()))
      expect((await second.session(theirs.id))?.platform).to.equal('driver')
    })

    it('records one decision, also for two that come at once, and logs it', async () => {
      const { id } = await begin()
      const [facts, others] = [factsOf(evidenceWith()), factsOf(evidenceWith({ faceMatch: 0 }))]
      const outcomes = await Promise.all([
        first.recordDecision(id, facts),
        second.recordDecision(id, others),
      ])
      expect(outcomes).to.have.members([true, false])
      const kept = outcomes[0] ? facts : others
      expect(await second.session(id)).to.deep.include({
        evidence: kept.evidence,
        decision: kept.decision,
      })
      expect(await fixture.entries()).to.deep.equal([
        'evidence.collected',
        'screening.done',
        'decision.made',
      ])
    })

    it('queues referrals, the longest first, and ends each with one review', async () => {
      const [one, other] = [await decided({ faceMatch: 0.1 }), await decided({ faceMatch: 0.2 })]
      await decided()
      const queue = await second.referredSessions({ limit: 10 })
      expect(queue.map(({ id }) => id)).to.deep.equal([one, other])
      expect(await second.referredSessions({ limit: 1 })).to.have.length(1)
      const rest = await second.referredSessions({ limit: 10, after: [NOW, one] })
      expect(rest.map(({ id }) => id)).to.deep.equal([other])
      expect(await second.referredSessions({ limit: 10, after: [NOW, other] })).to.deep.equal([])
      const review = {
        outcome: 'approve',
        reason: 'known in person',
        reviewer: 'ada',
        reviewedAt: NOW + 5,
      } as const
      expect(await first.recordReview(one, review)).to.equal(true)
      expect(await second.recordReview(one, { ...review, outcome: 'reject' })).to.equal(false)
      expect(await second.session(one)).to.deep.include({ state: 'approved', review })
      expect(await first.recordReview('nobody', review)).to.equal(false)
    })

    it('reads the queue in pages, each referral once while others come', async () => {
      const waiting = await Promise.all(
        Array.from({ length: 5 }, () => decided({ faceMatch: 0.1 })),
      )
      const told: string[] = []
      let after: readonly [number, string] | undefined
      do {
        const page = await second.referredSessions({ limit: 2, after })
        told.push(...page.map(({ id }) => id))
        const last = page.at(-1)
        after = last && [last.decision.decidedAt, last.id]
        if (told.length < 6) await decided({ faceMatch: 0.2 })
      } while (after !== undefined)
      expect(new Set(told).size).to.equal(told.length)
      expect(told).to.include.members(waiting)
    })

    it('tells the platform that opened a session of its decision, review and issuance, and nobody of more', async () => {
      const types = ['carnet.session.decided.v1', 'carnet.credential.issued.v1'] as const
      const hook = { types, createdAt: NOW }
      await fixture.webhooks.addEndpoint({
        id: 'd',
        url: 'https://d.example',
        platform: 'driver',
        ...hook,
      })
      await fixture.webhooks.addEndpoint({
        id: 'o',
        url: 'https://o.example',
        platform: undefined,
        ...hook,
      })
      const { id } = await begin({ platform: 'driver' })
      await first.recordDecision(id, factsOf(evidenceWith({ faceMatch: 0.1 })))
      const review = { reason: 'known in person', reviewer: 'ada', reviewedAt: NOW + 5 } as const
      await first.recordReview(id, { outcome: 'approve', ...review })
      await first.recordReview(id, { outcome: 'reject', ...review })
      intentOf(await intend(id, ['k1', 'k2'], 'a'))
      await first.recordIssued(id, 1, NOW + 9)
      await second.recordIssued(id, 1, NOW + 9)
      const other = await decided()
      const told = async (platform?: string) =>
        (await fixture.webhooks.deliveries({ platform, limit: 20 }))
          .map(({ event }) => event)
          .reverse()
      const events = [
        { type: types[0], sequence: 1, at: NOW, data: { outcome: 'refer' } },
        { type: types[0], sequence: 2, at: NOW + 5, data: { outcome: 'approve', reviewed: true } },
        { type: types[1], sequence: 3, at: NOW + 9, data: { copies: 2 } },
      ]
      const driver = await told('driver')
      expect(driver.map(({ id: _, ...event }) => event)).to.deep.equal(
        events.map((event) => ({ ...event, subject: id })),
      )
      expect((await told()).filter(({ subject }) => subject === other)).to.have.length(1)
      expect(JSON.stringify(driver)).not.to.match(/ada|known in person|SPECIMEN/)
    })

    it('records an offer of an approved session alone, in place of its earlier ones', async () => {
      const id = await decided()
      expect(await first.recordOffer(offerOf(id, 'a'), NOW)).to.equal(true)
      expect(await first.recordOffer(offerOf(id, 'b'), NOW)).to.equal(true)
      expect(await first.recordOffer(offerOf(await decided({ faceMatch: 0 }), 'c'), NOW)).to.equal(
        false,
      )
      expect(await first.recordOffer(offerOf((await begin()).id, 'd'), NOW)).to.equal(false)
      expect(await first.recordOffer(offerOf('nobody', 'e'), NOW)).to.equal(false)
    })

    it('redeems an approval once: intent, indexes on different lists, proofs and entries together', async () => {
      const id = await decided()
      const intent = intentOf(await intend(id, ['k1', 'k2'], 'a'))
      expect(intent).to.include({ issuanceId: `issuance-${id}-a`, attempt: 1 })
      expect(new Set(intent.statuses.map(({ uri }) => uri)).size).to.equal(2)
      expect((await fixture.entries()).slice(3)).to.deep.equal([
        'approval.redeemed',
        'issuance.intended',
        'issuance.intended',
      ])
      expect(await first.session(id)).to.deep.include({ issuance: 'intended' })
    })

    it('redeems nothing that was not approved', async () => {
      expect(await intend(await decided({ faceMatch: 0 }), ['k'], 'a')).to.equal('not_approved')
      expect(await intend((await begin()).id, ['k'], 'b')).to.equal('not_approved')
      expect(await intend('nobody', ['k'], 'c')).to.equal('not_approved')
    })

    it('answers the same keys with the same intent before and after it is done', async () => {
      const id = await decided()
      const intent = intentOf(await intend(id, ['k1', 'k2'], 'a'))
      expect(intentOf(await intend(id, ['k1', 'k2'], 'b', second))).to.deep.equal(intent)
      expect(await first.recordIssued(id, 1, NOW)).to.equal(true)
      expect(await second.recordIssued(id, 1, NOW)).to.equal(true)
      expect(intentOf(await intend(id, ['k1', 'k2'], 'c', second))).to.deep.equal(intent)
      expect((await fixture.entries()).filter((type) => type === 'issuance.done')).to.have.length(2)
    })

    it('lets other keys take the place of keys for which nothing was signed, and no later', async () => {
      const id = await decided()
      const intent = intentOf(await intend(id, ['k1', 'k2'], 'a'))
      const replaced = intentOf(await intend(id, ['k3', 'k4'], 'b'))
      expect(replaced).to.deep.include({
        attempt: 2,
        statuses: intent.statuses,
        keys: ['k3', 'k4'],
      })
      expect(await first.recordIssued(id, 1, NOW)).to.equal(false)
      expect(await first.recordIssued(id, 2, NOW)).to.equal(true)
      expect(await intend(id, ['k5', 'k6'], 'c')).to.equal('redeemed')
      expect(await intend(id, ['k1', 'k2'], 'd')).to.equal('redeemed')
    })

    it('takes more or fewer keys than before, each with an index of its own', async () => {
      const id = await decided()
      await intend(id, ['k1', 'k2'], 'a')
      const three = intentOf(await intend(id, ['k3', 'k4', 'k5'], 'b'))
      expect(new Set(three.statuses.map(({ uri }) => uri)).size).to.equal(3)
      expect(intentOf(await intend(id, ['k6'], 'c')).statuses).to.have.length(1)
    })

    it('takes a key proof once, and leaves nothing of an intent that it refuses', async () => {
      const [one, other] = [await decided(), await decided()]
      await intend(one, ['k1', 'k2'], 'a')
      const before = await fixture.entries()
      expect(await intend(other, ['k3', 'k1'], 'a')).to.equal('proof_used')
      expect(await fixture.entries()).to.deep.equal(before)
      expect(await first.session(other)).to.deep.include({ issuance: 'none' })
      expect(intentOf(await intend(other, ['k3'], 'a')).keys).to.deep.equal(['k3'])
    })

    it('answers one of two redemptions that come at once with other keys when it is done', async () => {
      const id = await decided()
      const [one, other] = await Promise.all([
        intend(id, ['k1'], 'a', first),
        intend(id, ['k2'], 'b', second),
      ])
      const attempts = [intentOf(one).attempt, intentOf(other).attempt]
      expect(attempts.sort()).to.deep.equal([1, 2])
      const done = await Promise.all(
        [one, other].map((outcome) => first.recordIssued(id, intentOf(outcome).attempt, NOW)),
      )
      expect(done.filter(Boolean)).to.have.length(1)
    })

    it('makes no offer once something was issued, and forgets the seed when nobody can ask again', async () => {
      const id = await decided()
      await intend(id, ['k1'], 'a')
      expect(await first.recordOffer(offerOf(id, 'a'), NOW)).to.equal(true)
      await first.recordIssued(id, 1, NOW)
      expect(await first.recordOffer(offerOf(id, 'b'), NOW)).to.equal(false)
      await first.forgetExpired(NOW + 899)
      expect(intentOf(await intend(id, ['k1'], 'b')).attempt).to.equal(1)
      await first.forgetExpired(NOW + 900)
      expect(await intend(id, ['k1'], 'c')).to.equal('redeemed')
    })

    it('records what a wallet reports about its own delivery', async () => {
      const [one, other] = [await decided(), await decided()]
      await intend(one, ['k1'], 'a')
      const report = (session: string, mark: string) =>
        second.recordNotification(session, `notification-${one}-${mark}`, 'credential_accepted')
      expect(await report(one, 'a')).to.equal(false)
      await first.recordIssued(one, 1, NOW)
      expect(await report(one, 'a')).to.equal(true)
      expect(await report(one, 'a')).to.equal(true)
      expect(await report(one, 'b')).to.equal(false)
      expect(await report(other, 'a')).to.equal(false)
    })

    it('revokes every copy of a session, once, and issues nothing of it afterwards', async () => {
      const id = await decided()
      await intend(id, ['k1', 'k2'], 'a')
      await first.recordIssued(id, 1, NOW)
      const order = { reasonClass: 'fraud', actor: 'op' } as const
      expect(await first.revoke(id, order, NOW + 1)).to.equal(2)
      expect((await fixture.entries()).slice(-2)).to.deep.equal([
        'status.changed',
        'status.changed',
      ])
      const again = await failureOf(second.revoke(id, order, NOW + 2))
      expect((again as Problem).code).to.equal('status_final')
      expect(await intend(id, ['k1', 'k2'], 'b')).to.equal('not_approved')
      expect(await first.recordOffer(offerOf(id, 'a'), NOW)).to.equal(false)
      const nothing = await failureOf(first.revoke(await decided(), order, NOW))
      expect((nothing as Problem).code).to.equal('credential_not_found')
    })

    describe('erasing a session', () => {
      const order = { actor: 'op', reason: 'asked by letter' }
      const outcomeOf = async (erasing: Promise<unknown>) =>
        erasing.then(
          () => 'erased',
          (error: Problem) => error.code,
        )

      it('is refused while a copy is in force, and not once it is revoked or has expired', async () => {
        const [id, other] = [await decided(), await decided()]
        await intend(id, ['k1', 'k2'], 'a')
        await first.recordIssued(id, 1, NOW)
        expect(await outcomeOf(first.eraseSession(id, order, NOW + 1))).to.equal('erasure_blocked')
        expect((await second.session(id))?.state).to.equal('approved')
        await first.revoke(id, { reasonClass: 'fraud', actor: 'op' }, NOW + 1)
        expect(await outcomeOf(first.eraseSession(id, order, NOW + 2))).to.equal('erased')
        await intend(other, ['k3'], 'b')
        const late = NOW + 15 * DAY
        expect(await outcomeOf(second.eraseSession(other, order, late))).to.equal('erased')
      })

      it('is refused while a notice to the holder is held back', async () => {
        const id = await decided()
        await intend(id, ['k1'], 'a')
        await first.revoke(id, { reasonClass: 'fraud', actor: 'op', heldBy: 'court' }, NOW)
        expect(await outcomeOf(first.eraseSession(id, order, NOW))).to.equal('erasure_blocked')
      })

      it('takes the session, what refers to it and its events, with one leaf that the receipt opens', async () => {
        const types = ['carnet.session.decided.v1'] as const
        const hook = { types, createdAt: NOW, platform: undefined }
        await fixture.webhooks.addEndpoint({ id: 'o', url: 'https://o.example', ...hook })
        const [id, other] = [await decided({ faceMatch: 0.1 }), await decided()]
        await first.openDossier(id, { kind: 'reviewer', actor: 'ada' }, NOW)
        await first.recordReview(id, {
          outcome: 'approve',
          reason: 'known',
          reviewer: 'ada',
          reviewedAt: NOW,
        })
        await first.recordOffer(offerOf(id, 'x'), NOW)
        const { statuses } = intentOf(await intend(id, ['k1', 'k2'], 'a'))
        await first.revoke(id, { reasonClass: 'fraud', actor: 'op' }, NOW)
        const before = await fixture.entries()
        const { leaf, details, salt } = await first.eraseSession(id, order, NOW + 3)
        expect((await fixture.entries()).slice(before.length)).to.deep.equal(['session.erased'])
        expect(details).to.deep.equal({ session: id, ...order, erased_at: NOW + 3 })
        expect(leaf).to.be.greaterThan(0)
        expect(Buffer.from(salt, 'base64url')).to.have.length(32)
        expect(await second.session(id)).to.equal(undefined)
        expect(await second.offer('offer-x', NOW)).to.equal(undefined)
        const events = await fixture.webhooks.deliveries({ platform: undefined, limit: 20 })
        expect(events.map(({ event }) => event.subject)).to.deep.equal([other])
        expect((await second.session(other))?.state).to.equal('approved')
        const again = intentOf(await intend(other, ['k8', 'k9'], 'c'))
        expect(again.statuses.map(({ uri, idx }) => `${uri} ${idx}`)).to.not.have.any.members(
          statuses.map(({ uri, idx }) => `${uri} ${idx}`),
        )
        expect(await outcomeOf(second.eraseSession(id, order, NOW))).to.equal('session_not_found')
      })

      it('erases once for two that come at once', async () => {
        const id = await decided()
        const both = [first, second].map((store) => outcomeOf(store.eraseSession(id, order, NOW)))
        expect((await Promise.all(both)).sort()).to.deep.equal(['erased', 'session_not_found'])
      })
    })

    it('revokes the other copies where one was revoked on its own before', async () => {
      const id = await decided()
      const { statuses } = intentOf(await intend(id, ['k1', 'k2'], 'a'))
      await fixture.revokeCopy(statuses[0] as StatusReference)
      expect(await first.revoke(id, { reasonClass: 'fraud', actor: 'op' }, NOW)).to.equal(1)
    })

    it('marks a thing as used once, also for two that come at once, until it expires', async () => {
      const use = { id: 'x', expiresAt: NOW + 10 }
      const outcomes = await Promise.all([first.useOnce(use, NOW), second.useOnce(use, NOW)])
      expect(outcomes.sort()).to.deep.equal([false, true])
      expect(await first.useOnce(use, NOW + 9)).to.equal(false)
      expect(await first.useOnce({ id: 'x', expiresAt: NOW + 30 }, NOW + 10)).to.equal(true)
    })

    it('archives each trust list and logs it when it is new', async () => {
      await first.recordTrustList('one', signerKey, NOW)
      await second.recordTrustList('one', signerKey, NOW + 1)
      await first.recordTrustList('two', signerKey, NOW + 2)
      expect(await fixture.entries()).to.deep.equal([
        'trust-list.published',
        'trust-list.published',
      ])
      expect(await second.trustList(sha256Base64url('one'))).to.equal('one')
      expect(await second.trustList('nothing')).to.equal(undefined)
    })

    it('shows a dossier and logs that it did, both or neither', async () => {
      const referred = await decided({ faceMatch: 0.1 })
      const before = (await fixture.entries()).length
      const reader = { kind: 'reviewer', actor: 'ada' } as const
      const dossier = await second.openDossier(referred, reader, NOW + 5)
      expect(dossier).to.deep.equal(await first.session(referred))
      await first.recordReview(referred, {
        outcome: 'approve',
        reason: 'seen in person',
        reviewer: 'ada',
        reviewedAt: NOW + 6,
      })
      expect((await first.openDossier(referred, reader, NOW + 7))?.state).to.equal('approved')
      expect((await fixture.entries()).slice(before)).to.deep.equal([
        'dossier.opened',
        'review.decided',
        'dossier.opened',
      ])
      const { id } = await begin()
      expect(await first.openDossier(id, reader, NOW)).to.equal(undefined)
      expect(await first.openDossier('nobody', reader, NOW)).to.equal(undefined)
      expect(await fixture.entries()).to.have.length(before + 3)
    })

    it('logs the workflow and the rulebook when they change and at no other time', async () => {
      const before = (await fixture.entries()).length
      const { reference } = workflow
      const rulebook = { watchlists: [{ id: 'a', version: '1', sha256: 'x' }], pipeline: '1' }
      await first.adoptRules({ workflow: reference, rulebook }, NOW)
      await second.adoptRules({ workflow: reference, rulebook }, NOW + 1)
      const next = { ...rulebook, pipeline: '2' }
      await second.adoptRules({ workflow: reference, rulebook: next }, NOW + 2)
      await first.adoptRules({ workflow: { ...reference, version: 2 }, rulebook: next }, NOW + 3)
      await first.adoptRules({ workflow: reference, rulebook }, NOW + 4)
      expect((await fixture.entries()).slice(before)).to.deep.equal([
        'workflow.adopted',
        'rulebook.adopted',
        'rulebook.adopted',
        'workflow.adopted',
        'workflow.adopted',
        'rulebook.adopted',
      ])
      const rules = await second.adoptedRules()
      expect(rules.map(({ kind, adoptedAt }) => [kind, adoptedAt - NOW])).to.deep.equal([
        ['workflow', 0],
        ['rulebook', 0],
        ['rulebook', 2],
        ['workflow', 3],
        ['workflow', 4],
        ['rulebook', 4],
      ])
      expect(rules[1]?.details).to.deep.equal(rulebook)
      expect(rules[0]?.salt).to.equal(undefined)
      const salts = rules.flatMap(({ salt }) => (salt === undefined ? [] : [salt]))
      expect(new Set(salts).size, 'a salt for each').to.equal(3)
    })

    it('forgets sessions that were abandoned and keeps those that were decided', async () => {
      const [abandoned, kept] = [(await begin()).id, await decided()]
      await first.forgetExpired(NOW + 1799)
      expect(await first.session(abandoned)).to.not.equal(undefined)
      await first.forgetExpired(NOW + 1800)
      expect(await first.session(abandoned)).to.equal(undefined)
      expect(await first.session(kept)).to.not.equal(undefined)
    })

    it('tells the public log nothing about a person', async () => {
      const id = await decided({ fields: { given_name: 'VIKTOR', family_name: 'LISTHIT' } })
      expect(await fixture.everything()).to.contain('LISTHIT')
      const entries = JSON.stringify(await fixture.entries())
      expect(entries).to.not.contain('LISTHIT').and.not.contain(id)
    })
  })
}
