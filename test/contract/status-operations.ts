import { expect } from 'chai'
import type { OperatorChange, StatusOperations } from '../../issuer/status/operations.ts'
import { DEFAULT_CADENCE, type Publisher, publishStatusLists } from '../../issuer/status/publish.ts'
import {
  type CredentialStatus,
  PublicationMismatch,
  type StatusStore,
} from '../../issuer/status/status.ts'
import type { AuditLog } from '../../shared/audit/log.ts'
import { Problem } from '../../shared/problem.ts'
import { type Random, systemRandom } from '../../shared/random.ts'
import type { StatusReference } from '../../shared/status-list/reference.ts'
import type { WebhookStore } from '../../shared/webhook/store.ts'
import { failureOf } from '../support/failure.ts'
import { listOf, TEST_POOL, unsignedTokens, valueAt } from '../support/status.ts'

/** What the operations draw on, and what a test changes under them. */
export interface OperationsInputs {
  /** The key of every person; `undefined` when it was erased. */
  subjectKey: Uint8Array | undefined
  random: Random
}

/** The operations of one process, on a database whose lists are empty. */
export interface StatusOperationsFixture {
  readonly store: StatusStore
  readonly log: AuditLog
  readonly operations: StatusOperations
  readonly webhooks: WebhookStore
  /** Allocates for `session-1` in a transaction of its own. */
  allocate(copies: number, credentialExpires: number): Promise<StatusReference[]>
  /** Every entry of the log, the oldest first. */
  entries(): Promise<{ readonly type: string }[]>
  close(): Promise<void>
}

const NOW = 1_800_000_000
const DAY = 86_400
const ACTOR = 'operator-1'

/** The promises of {@link StatusOperations}, to be kept by every adapter. */
export function statusOperationsContract(
  name: string,
  open: (inputs: OperationsInputs) => Promise<StatusOperationsFixture>,
): void {
  describe(`StatusOperations, ${name}`, () => {
    let fixture: StatusOperationsFixture
    let operations: StatusOperations
    let publisher: Publisher
    let references: StatusReference[]
    const inputs: OperationsInputs = { subjectKey: undefined, random: systemRandom }
    const [first, second] = [0, 1]
    const at = (place: number): StatusReference => references[place] as StatusReference
    const change = (
      place: number,
      to: CredentialStatus,
      now: number,
      more: Partial<OperatorChange> = {},
    ): Promise<number> =>
      operations.change({ reference: at(place), to, reasonClass: 'fraud', ...more }, ACTOR, now)
    const publish = (now: number) => publishStatusLists(publisher, now)
    const current = async (place: number): Promise<number> => {
      const { uri, idx } = at(place)
      const token = await fixture.store.current(uri.split('/').at(-1) ?? '')
      return valueAt(listOf(token?.token ?? ''), idx)
    }
    const refuses = async (work: Promise<unknown>, code: string): Promise<void> => {
      expect(await failureOf(work))
        .to.be.instanceOf(Problem)
        .with.property('code', code)
    }

    beforeEach(async () => {
      inputs.subjectKey = Buffer.alloc(32, 9)
      inputs.random = systemRandom
      fixture = await open(inputs)
      const { store, log } = fixture
      operations = fixture.operations
      publisher = { store, log, cadence: DEFAULT_CADENCE, ...unsignedTokens }
      await store.keepOpen(TEST_POOL, NOW)
      await publish(NOW)
      references = await fixture.allocate(3, NOW + DAY * 365)
    })
    afterEach(() => fixture.close())

    describe('withdraw', () => {
      it('withdraws a change that no publication carries, even a revocation', async () => {
        await operations.withdraw(await change(first, 'revoked', NOW + 1), NOW + 2)
        await publish(NOW + 300)
        expect(await current(first)).to.equal(0)
        await change(first, 'suspended', NOW + 301)
        await publish(NOW + 600)
        expect(await current(first)).to.equal(2)
      })

      it('withdraws nothing that was published, and nothing twice', async () => {
        const event = await change(first, 'revoked', NOW + 1)
        await publish(NOW + 300)
        await refuses(operations.withdraw(event, NOW + 301), 'change_published')
        const other = await change(second, 'suspended', NOW + 301)
        await operations.withdraw(other, NOW + 302)
        await refuses(operations.withdraw(other, NOW + 303), 'change_not_found')
        await refuses(operations.withdraw(999, NOW + 303), 'change_not_found')
      })

      it('withdraws nothing that a later change builds on', async () => {
        const event = await change(first, 'suspended', NOW + 1)
        await change(first, 'revoked', NOW + 2)
        await refuses(operations.withdraw(event, NOW + 3), 'change_published')
      })

      it('stops a publication that was being signed meanwhile', async () => {
        const event = await change(first, 'revoked', NOW + 1)
        const { signToken } = publisher
        const slow: typeof signToken = async (claims) => {
          if (claims.uri === at(first).uri) await operations.withdraw(event, NOW + 2)
          return signToken(claims)
        }
        const outcome = await failureOf(
          publishStatusLists({ ...publisher, signToken: slow }, NOW + 300),
        )
        expect(outcome).to.be.instanceOf(PublicationMismatch)
        expect(await current(first)).to.equal(0)
        await publish(NOW + 301)
        expect(await current(first)).to.equal(0)
      })

      it('says in the log that the change did not come about', async () => {
        await operations.withdraw(await change(first, 'revoked', NOW + 1), NOW + 2)
        const leaves = (await fixture.entries()).slice(-2)
        expect(leaves.map(({ type }) => type)).to.deep.equal(['status.changed', 'status.withdrawn'])
        expect(Object.keys(leaves[1] ?? {})).to.have.members(['type', 'at', 'leaf'])
      })
    })

    describe('change', () => {
      it('changes nothing of a person whose key is erased', async () => {
        inputs.subjectKey = undefined
        await refuses(change(first, 'revoked', NOW), 'credential_not_found')
        await publish(NOW + 1)
        expect(await current(first)).to.equal(0)
      })

      it('takes an end for suspensions only, and only ahead', async () => {
        await refuses(change(first, 'revoked', NOW, { until: NOW + 9 }), 'request_invalid')
        await refuses(change(first, 'suspended', NOW, { until: NOW }), 'request_invalid')
      })

      it('takes one of two revocations that come at once', async () => {
        const both = await Promise.allSettled([
          change(first, 'revoked', NOW + 1),
          change(first, 'revoked', NOW + 1),
        ])
        expect(both.map(({ status }) => status).sort()).to.deep.equal(['fulfilled', 'rejected'])
      })
    })

    describe('advance', () => {
      it('lifts a suspension at its end and not before', async () => {
        await change(first, 'suspended', NOW + 1, { until: NOW + 1000 })
        await change(second, 'suspended', NOW + 1)
        await operations.advance(NOW + 999)
        await publish(NOW + 999)
        expect([await current(first), await current(second)]).to.deep.equal([2, 2])
        await operations.advance(NOW + 1000)
        await operations.advance(NOW + 1001)
        await publish(NOW + 1200)
        expect([await current(first), await current(second)]).to.deep.equal([0, 2])
        const changed = (await fixture.entries()).filter(({ type }) => type === 'status.changed')
        expect(changed, 'lifted once').to.have.length(3)
      })

      it('lifts nothing that was revoked or suspended anew meanwhile', async () => {
        await change(first, 'suspended', NOW + 1, { until: NOW + 1000 })
        await change(first, 'revoked', NOW + 2)
        await change(second, 'suspended', NOW + 1, { until: NOW + 1000 })
        await change(second, 'valid', NOW + 2)
        await change(second, 'suspended', NOW + 3, { until: NOW + 2000 })
        await operations.advance(NOW + 1500)
        await publish(NOW + 1500)
        expect([await current(first), await current(second)]).to.deep.equal([1, 2])
        await operations.advance(NOW + 2000)
        await publish(NOW + 2000)
        expect([await current(first), await current(second)]).to.deep.equal([1, 0])
      })

      it('leaves a suspension whose person has no key any more', async () => {
        await change(first, 'suspended', NOW + 1, { until: NOW + 2 })
        inputs.subjectKey = undefined
        await operations.advance(NOW + 3)
        await publish(NOW + 3)
        expect(await current(first)).to.equal(2)
      })

      it('revokes entries of nobody, so that counts tell little, and tells nobody', async () => {
        const before = new Set(await fixture.store.publishedLists(NOW))
        await fixture.store.keepOpen({ name: 'decoyed', size: 1024, lanes: 1, decoys: 100 }, NOW)
        await publish(NOW + 1)
        for (let n = 0; n < 20; n++) {
          inputs.random = (length) => new Uint8Array(length).fill(n)
          await operations.advance(NOW + 2 + n)
          await publish(NOW + 2 + n)
        }
        const lists = await fixture.store.publishedLists(NOW + 30)
        const decoyed = lists.filter((id) => !before.has(id))
        expect(decoyed).to.have.length(1)
        const { entries } = await fixture.store.draft(decoyed[0] ?? '')
        expect(entries.map(({ value }) => value)).to.deep.equal(Array.from({ length: 15 }, () => 1))
        expect(await operations.openNotices({ limit: 100 })).to.deep.equal([])
      })
    })

    describe('notices to holders', () => {
      it('are open once the change is published, with words that they may see', async () => {
        const event = await change(first, 'revoked', NOW + 1, { reasonClass: 'compliance' })
        expect(await operations.openNotices({ limit: 100 })).to.deep.equal([])
        await publish(NOW + 300)
        expect(await operations.openNotices({ limit: 100 })).to.deep.equal([
          {
            event,
            reference: at(first),
            to: 'revoked',
            text: 'The issuer has withdrawn it.',
            effectiveAt: NOW + 1,
            dueAt: NOW + 1 + DAY,
          },
        ])
        expect(await operations.markTold(event, NOW + 400)).to.equal(true)
        expect(await operations.markTold(event, NOW + 500)).to.equal(true)
        expect(await operations.markTold(event + 1, NOW + 500)).to.equal(false)
        expect(await operations.openNotices({ limit: 100 })).to.deep.equal([])
        const { told, published } = await operations.timeliness(NOW, NOW + DAY)
        expect(told).to.deep.equal({ count: 1, median: 399, max: 399, late: 0 })
        expect(published).to.deep.equal({ count: 1, median: 299, max: 299, late: 0 })
      })

      it('are read in pages, by when they are due', async () => {
        const events: number[] = []
        for (const place of [0, 1, 2]) events.push(await change(place, 'revoked', NOW + 1))
        await publish(NOW + 300)
        expect(await operations.countOpenNotices()).to.equal(3)
        const told: number[] = []
        let after: readonly [number, number] | undefined
        for (;;) {
          const [notice] = await operations.openNotices({ limit: 1, after })
          if (notice === undefined) break
          told.push(notice.event)
          after = [notice.dueAt, notice.event]
        }
        expect(told).to.deep.equal(events)
      })

      it('raise an alarm after 24 hours', async () => {
        await change(first, 'revoked', NOW + 1)
        await publish(NOW + 300)
        expect(await operations.overdueNotices(NOW + 1 + DAY)).to.equal(0)
        expect(await operations.overdueNotices(NOW + 2 + DAY)).to.equal(1)
      })

      it('wait for the end of a legal hold, which no alarm tells of', async () => {
        const event = await change(first, 'revoked', NOW + 1, {
          reasonClass: 'legal_order',
          heldBy: 'court-7',
        })
        await publish(NOW + 300)
        expect(await operations.openNotices({ limit: 100 })).to.deep.equal([])
        expect(await operations.overdueNotices(NOW + 9 * DAY)).to.equal(0)
        await operations.releaseNotice(event, NOW + 9 * DAY)
        await refuses(operations.releaseNotice(event, NOW + 9 * DAY), 'change_not_found')
        expect((await operations.openNotices({ limit: 100 }))[0]?.dueAt).to.equal(NOW + 10 * DAY)
      })

      it('refuse to be noted before the change is published, while they are held, and of nothing', async () => {
        const event = await change(first, 'revoked', NOW + 1)
        expect(await operations.markTold(event, NOW + 2)).to.equal(false)
        const held = await change(second, 'revoked', NOW + 1, { heldBy: 'court-7' })
        await publish(NOW + 300)
        expect(await operations.markTold(held, NOW + 301)).to.equal(false)
        expect(await operations.markTold(held + 1, NOW + 301)).to.equal(false)
        expect(await operations.markTold(event, NOW + 301)).to.equal(true)
        expect(await operations.markTold(event, NOW + 302)).to.equal(true)
        const { told } = await operations.timeliness(NOW, NOW + DAY)
        expect(told).to.deep.equal({ count: 1, median: 300, max: 300, late: 0 })
      })

      describe('are asked for at the operator, and at no platform', () => {
        const types = ['carnet.holder-notice.due.v1'] as const
        const asked = async () =>
          (await fixture.webhooks.deliveries({ limit: 9 }))
            .map(({ endpointId, event: { id: _, ...event } }) => ({ endpointId, ...event }))
            .reverse()
        const notice = (event: number, due: string, at: number) => ({
          endpointId: 'o',
          type: types[0],
          subject: `notice-${event}`,
          sequence: 1,
          at,
          data: {
            notice: event,
            session: 'session-1',
            status: 'revoked',
            text: 'The issuer has withdrawn it.',
            due,
          },
        })

        beforeEach(async () => {
          for (const [id, platform] of [
            ['o', undefined],
            ['d', 'driver'],
          ] as const) {
            const url = `https://${id}.example`
            await fixture.webhooks.addEndpoint({ id, url, platform, types, createdAt: NOW })
          }
        })

        it('once the change is published, in neutral words, once', async () => {
          const event = await change(first, 'revoked', NOW, { reasonClass: 'compliance' })
          expect(await asked()).to.deep.equal([])
          await publish(NOW + 300)
          await publish(NOW + 600)
          const expected = notice(event, '2027-01-16T08:00:00Z', NOW + 300)
          expect(await asked()).to.deep.equal([expected])
          expect(JSON.stringify(await asked())).not.to.include('compliance')
        })

        it('after the end of a legal hold, which no event tells of before', async () => {
          const hold = { reasonClass: 'legal_order', heldBy: 'court-7' } as const
          const event = await change(first, 'revoked', NOW, hold)
          await publish(NOW + 300)
          expect(await asked()).to.deep.equal([])
          await operations.releaseNotice(event, NOW + 9 * DAY)
          await refuses(operations.releaseNotice(event, NOW + 9 * DAY + 1), 'change_not_found')
          await publish(NOW + 9 * DAY + 300)
          const expected = notice(event, '2027-01-25T08:00:00Z', NOW + 9 * DAY)
          expect(await asked()).to.deep.equal([expected])
        })

        it('once, where the hold ends before the change is published', async () => {
          const event = await change(first, 'revoked', NOW, { heldBy: 'court-7' })
          await operations.releaseNotice(event, NOW + 1)
          expect(await asked()).to.deep.equal([])
          await publish(NOW + 300)
          expect(await asked()).to.deep.equal([notice(event, '2027-01-16T08:00:01Z', NOW + 300)])
        })

        it('never for a change that was withdrawn', async () => {
          await operations.withdraw(await change(first, 'revoked', NOW), NOW + 1)
          await publish(NOW + 300)
          expect(await asked()).to.deep.equal([])
        })
      })
    })

    describe('with an idempotency key', () => {
      const keyOf = (keySha256: string) => ({ caller: 'key anna', keySha256, requestSha256: 'r' })
      const many = Array.from({ length: 50 })
      const changed = async () =>
        (await fixture.entries()).filter(({ type }) => type === 'status.changed').length

      it('change once for fifty at once, and withdraw once', async () => {
        const suspend = { reference: at(first), to: 'suspended', reasonClass: 'fraud' } as const
        const events = await Promise.all(
          many.map(() => operations.change(suspend, ACTOR, NOW + 1, keyOf('a'))),
        )
        expect(new Set(events).size).to.equal(1)
        expect(await changed()).to.equal(1)
        const [event = 0] = events
        await operations.withdraw(event, NOW + 2, keyOf('b'))
        await operations.withdraw(event, NOW + 3, keyOf('b'))
        await refuses(operations.withdraw(event, NOW + 3, keyOf('c')), 'change_not_found')
        const other = { ...keyOf('a'), requestSha256: 'other' }
        await refuses(operations.change(suspend, ACTOR, NOW, other), 'idempotency_key_reused')
      })

      it('keep nothing of what was refused', async () => {
        await refuses(operations.withdraw(99, NOW, keyOf('a')), 'change_not_found')
        const event = await change(first, 'suspended', NOW)
        await operations.withdraw(event, NOW, keyOf('a'))
      })

      it('propose and approve a bulk change once for fifty at once', async () => {
        const bulk = { references, to: 'revoked', reasonClass: 'fraud' } as const
        const previews = await Promise.all(
          many.map(() => operations.proposeBulk(bulk, 'anna', NOW + 1, keyOf('a'))),
        )
        expect(new Set(previews.map(({ id }) => id)).size).to.equal(1)
        const [{ id, sha256 } = { id: '', sha256: '' }] = previews
        const counts = await Promise.all(
          many.map(() => operations.approveBulk({ id, sha256 }, 'ben', NOW + 2, keyOf('b'))),
        )
        expect(new Set(counts)).to.deep.equal(new Set([3]))
        expect(await changed()).to.equal(3)
      })

      it('end a legal hold once', async () => {
        const event = await change(first, 'revoked', NOW + 1, { heldBy: 'court-7' })
        await operations.releaseNotice(event, NOW + 2, keyOf('a'))
        await operations.releaseNotice(event, NOW + 9, keyOf('a'))
        const again = () => operations.releaseNotice(event, NOW + 9, keyOf('b'))
        await refuses(again(), 'change_not_found')
        await refuses(again(), 'change_not_found')
      })
    })

    describe('bulk changes', () => {
      const propose = () =>
        operations.proposeBulk(
          { references, to: 'revoked', reasonClass: 'key_or_wallet_compromise' },
          'anna',
          NOW + 1,
        )
      const approve = (id: string, sha256: string, actor = 'ben') =>
        operations.approveBulk({ id, sha256 }, actor, NOW + 2)

      it('show what they would do, and do it when a second person approves that', async () => {
        await change(first, 'revoked', NOW)
        const preview = await propose()
        expect(preview).to.deep.include({ total: 3, lists: 3, unchanged: 1 })
        expect(preview.now).to.deep.equal({ valid: 2, suspended: 0, revoked: 1 })
        await publish(NOW + 1)
        expect(await current(second)).to.equal(0)
        expect(await approve(preview.id, preview.sha256)).to.equal(2)
        await publish(NOW + 300)
        expect(await current(second)).to.equal(1)
        await refuses(approve(preview.id, preview.sha256), 'bulk_not_found')
      })

      it('are not approved by their author', async () => {
        const { id, sha256 } = await propose()
        await refuses(approve(id, sha256, 'anna'), 'second_person_needed')
      })

      it('are not approved blindly, nor after something changed', async () => {
        const { id, sha256 } = await propose()
        await refuses(approve(id, 'x'), 'bulk_changed')
        await change(second, 'suspended', NOW + 1)
        await refuses(approve(id, sha256), 'bulk_changed')
        await refuses(approve('x', sha256), 'bulk_not_found')
      })

      it('are carried out as a whole or not at all', async () => {
        const { id, sha256 } = await propose()
        inputs.subjectKey = undefined
        await refuses(approve(id, sha256), 'credential_not_found')
        await publish(NOW + 3)
        expect(await current(first)).to.equal(0)
        inputs.subjectKey = Buffer.alloc(32, 9)
        expect(await approve(id, sha256)).to.equal(3)
      })

      it('name credentials that exist, each once', async () => {
        const proposal = (named: readonly StatusReference[]) =>
          operations.proposeBulk(
            { references: named, to: 'revoked', reasonClass: 'fraud' },
            'anna',
            NOW,
          )
        await refuses(proposal([]), 'request_invalid')
        await refuses(proposal([at(first), at(first)]), 'request_invalid')
        await refuses(proposal([{ uri: 'x', idx: 1 }]), 'credential_not_found')
      })
    })
  })
}
