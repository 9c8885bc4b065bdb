import { expect } from 'chai'
import { approveBulk, proposeBulk } from '../../../issuer/status/bulk.sqlite.ts'
import {
  markTold,
  openNotices,
  overdueNotices,
  releaseNotice,
  timeliness,
} from '../../../issuer/status/notices.sqlite.ts'
import { publishStatusLists } from '../../../issuer/status/publish.ts'
import {
  type CredentialStatus,
  PublicationMismatch,
  REASON_CLASSES,
  type ReasonClass,
  reasonText,
} from '../../../issuer/status/status.ts'
import {
  allocateIndexes,
  changeStatus,
  endSuspensions,
  type StatusChange,
  stirDecoys,
  withdrawChange,
} from '../../../issuer/status/store.sqlite.ts'
import { Problem } from '../../../shared/problem.ts'
import { systemRandom } from '../../../shared/random.ts'
import type { StatusReference } from '../../../shared/status-list/reference.ts'
import { immediate } from '../../../shared/store/database.sqlite.ts'
import {
  listOf,
  openStatusFixture,
  type StatusFixture,
  TEST_POOL,
  valueAt,
} from '../../support/status.ts'

const NOW = 1_800_000_000
const DAY = 86_400
const subjectKey = Buffer.alloc(32, 9)

describe('changes of status', () => {
  let fixture: StatusFixture
  let references: StatusReference[]
  const [first, second] = [0, 1]
  const at = (place: number): StatusReference => references[place] as StatusReference
  const change = (
    place: number,
    to: CredentialStatus,
    now: number,
    more: Partial<StatusChange> = {},
  ): number =>
    immediate(fixture.db, () =>
      changeStatus(fixture.db, {
        reference: at(place),
        to,
        reasonClass: 'fraud',
        actor: 'operator-1',
        requestedAt: now,
        subjectKey,
        now,
        ...more,
      }),
    )
  const publish = (now: number) => publishStatusLists(fixture.publisher, now)
  const current = async (place: number): Promise<number> => {
    const { uri, idx } = at(place)
    const token = await fixture.store.current(uri.split('/').at(-1) ?? '')
    return valueAt(listOf(token?.token ?? ''), idx)
  }
  const withdraw = (event: number, now: number) =>
    immediate(fixture.db, () => withdrawChange(fixture.db, { event, now }))
  const expectProblem = (act: () => unknown, code: string) =>
    expect(act).to.throw(Problem).with.property('code', code)

  beforeEach(async () => {
    fixture = openStatusFixture()
    await fixture.store.keepOpen(TEST_POOL, NOW)
    await publish(NOW)
    references = immediate(fixture.db, () =>
      allocateIndexes(fixture.db, { copies: 3, credentialExpires: NOW + DAY * 365, now: NOW }),
    )
  })
  afterEach(() => fixture.db.close())

  describe('withdrawChange', () => {
    it('withdraws a change that no publication carries, even a revocation', async () => {
      const event = change(first, 'revoked', NOW + 1)
      withdraw(event, NOW + 2)
      await publish(NOW + 300)
      expect(await current(first)).to.equal(0)
      change(first, 'suspended', NOW + 301)
      await publish(NOW + 600)
      expect(await current(first)).to.equal(2)
    })

    it('withdraws nothing that was published, and nothing twice', async () => {
      const event = change(first, 'revoked', NOW + 1)
      await publish(NOW + 300)
      expectProblem(() => withdraw(event, NOW + 301), 'change_published')
      const other = change(second, 'suspended', NOW + 301)
      withdraw(other, NOW + 302)
      expectProblem(() => withdraw(other, NOW + 303), 'change_not_found')
      expectProblem(() => withdraw(999, NOW + 303), 'change_not_found')
    })

    it('withdraws nothing that a later change builds on', () => {
      const event = change(first, 'suspended', NOW + 1)
      change(first, 'revoked', NOW + 2)
      expectProblem(() => withdraw(event, NOW + 3), 'change_published')
    })

    it('stops a publication that was being signed meanwhile', async () => {
      const event = change(first, 'revoked', NOW + 1)
      const { signToken } = fixture.publisher
      const slow: typeof signToken = async (claims) => {
        if (claims.uri === at(first).uri) withdraw(event, NOW + 2)
        return signToken(claims)
      }
      const outcome = await publishStatusLists(
        { ...fixture.publisher, signToken: slow },
        NOW + 300,
      ).catch((error) => error)
      expect(outcome).to.be.instanceOf(PublicationMismatch)
      expect(await current(first)).to.equal(0)
      await publish(NOW + 301)
      expect(await current(first)).to.equal(0)
    })

    it('says in the log that the change did not come about', () => {
      withdraw(change(first, 'revoked', NOW + 1), NOW + 2)
      const leaves = fixture.db
        .prepare('SELECT CAST(entry AS TEXT) FROM audit_entry ORDER BY idx DESC LIMIT 2')
        .pluck()
        .all()
        .map((text) => JSON.parse(String(text)))
      expect(leaves.map(({ type }) => type)).to.deep.equal(['status.withdrawn', 'status.changed'])
      expect(Object.keys(leaves[0])).to.have.members(['type', 'at', 'leaf'])
    })
  })

  describe('endSuspensions', () => {
    const end = (now: number, key: Uint8Array | undefined = subjectKey) =>
      immediate(fixture.db, () => endSuspensions(fixture.db, { now, subjectKeyOf: () => key }))

    it('lifts a suspension at its end and not before', async () => {
      change(first, 'suspended', NOW + 1, { until: NOW + 1000 })
      change(second, 'suspended', NOW + 1)
      expect(end(NOW + 999)).to.equal(0)
      expect(end(NOW + 1000)).to.equal(1)
      expect(end(NOW + 1001)).to.equal(0)
      await publish(NOW + 1200)
      expect([await current(first), await current(second)]).to.deep.equal([0, 2])
    })

    it('lifts nothing that was revoked or suspended anew meanwhile', async () => {
      change(first, 'suspended', NOW + 1, { until: NOW + 1000 })
      change(first, 'revoked', NOW + 2)
      change(second, 'suspended', NOW + 1, { until: NOW + 1000 })
      change(second, 'valid', NOW + 2)
      change(second, 'suspended', NOW + 3, { until: NOW + 2000 })
      expect(end(NOW + 1500)).to.equal(0)
      expect(end(NOW + 2000)).to.equal(1)
      await publish(NOW + 2000)
      expect(await current(first)).to.equal(1)
    })

    it('leaves a suspension whose person has no key any more', () => {
      change(first, 'suspended', NOW + 1, { until: NOW + 2 })
      expect(
        immediate(fixture.db, () =>
          endSuspensions(fixture.db, { now: NOW + 3, subjectKeyOf: () => undefined }),
        ),
      ).to.equal(0)
    })

    it('takes an end for suspensions only, and only ahead', () => {
      expectProblem(() => change(first, 'revoked', NOW, { until: NOW + 9 }), 'request_invalid')
      expectProblem(() => change(first, 'suspended', NOW, { until: NOW }), 'request_invalid')
    })
  })

  describe('notices to holders', () => {
    it('are open once the change is published, with words that they may see', async () => {
      const event = change(first, 'revoked', NOW + 1, { reasonClass: 'compliance' })
      expect(openNotices(fixture.db)).to.deep.equal([])
      await publish(NOW + 300)
      const [notice] = openNotices(fixture.db)
      expect(notice).to.deep.equal({
        event,
        reference: at(first),
        to: 'revoked',
        text: 'The issuer has withdrawn it.',
        effectiveAt: NOW + 1,
        dueAt: NOW + 1 + DAY,
      })
      markTold(fixture.db, { event, now: NOW + 400 })
      markTold(fixture.db, { event, now: NOW + 500 })
      expect(openNotices(fixture.db)).to.deep.equal([])
      const told = timeliness(fixture.db, { from: NOW, to: NOW + DAY })
      expect(told.told).to.deep.equal({ count: 1, median: 399, max: 399, late: 0 })
      expect(told.published).to.deep.equal({ count: 1, median: 299, max: 299, late: 0 })
    })

    it('raise an alarm after 24 hours', async () => {
      change(first, 'revoked', NOW + 1)
      await publish(NOW + 300)
      expect(overdueNotices(fixture.db, NOW + 1 + DAY)).to.equal(0)
      expect(overdueNotices(fixture.db, NOW + 2 + DAY)).to.equal(1)
    })

    it('wait for the end of a legal hold, which no alarm tells of', async () => {
      const event = change(first, 'revoked', NOW + 1, {
        reasonClass: 'legal_order',
        heldBy: 'court-7',
      })
      await publish(NOW + 300)
      expect(openNotices(fixture.db)).to.deep.equal([])
      expect(overdueNotices(fixture.db, NOW + 9 * DAY)).to.equal(0)
      expect(releaseNotice(fixture.db, { event, now: NOW + 9 * DAY })).to.equal(true)
      expect(releaseNotice(fixture.db, { event, now: NOW + 9 * DAY })).to.equal(false)
      expect(openNotices(fixture.db)[0]?.dueAt).to.equal(NOW + 10 * DAY)
    })

    it('say the same for every class that could tell of an investigation', () => {
      const neutral: ReasonClass[] = ['fraud', 'compliance', 'legal_order', 'deceased']
      expect(new Set(neutral.map(reasonText)).size).to.equal(1)
      for (const reasonClass of REASON_CLASSES) {
        expect(reasonText(reasonClass)).not.to.match(
          /sanction|watch|list|court|order|fraud|police|investigat/i,
        )
      }
    })
  })

  describe('bulk changes', () => {
    const propose = () =>
      immediate(fixture.db, () =>
        proposeBulk(
          fixture.db,
          { references, to: 'revoked', reasonClass: 'key_or_wallet_compromise' },
          { actor: 'anna', random: systemRandom, now: NOW + 1 },
        ),
      )
    const approve = (id: string, sha256: string, actor = 'ben') =>
      immediate(fixture.db, () =>
        approveBulk(
          fixture.db,
          { id, sha256 },
          { actor, now: NOW + 2, subjectKeyOf: () => subjectKey },
        ),
      )

    it('show what they would do, and do it when a second person approves that', async () => {
      change(first, 'revoked', NOW)
      const preview = propose()
      expect(preview).to.deep.include({ total: 3, lists: 3, unchanged: 1 })
      expect(preview.now).to.deep.equal({ valid: 2, suspended: 0, revoked: 1 })
      await publish(NOW + 1)
      expect(await current(second)).to.equal(0)
      expect(approve(preview.id, preview.sha256)).to.have.length(2)
      await publish(NOW + 300)
      expect(await current(second)).to.equal(1)
      expectProblem(() => approve(preview.id, preview.sha256), 'bulk_not_found')
    })

    it('are not approved by their author', () => {
      const { id, sha256 } = propose()
      expectProblem(() => approve(id, sha256, 'anna'), 'second_person_needed')
    })

    it('are not approved blindly, nor after something changed', () => {
      const { id, sha256 } = propose()
      expectProblem(() => approve(id, 'x'), 'bulk_changed')
      change(second, 'suspended', NOW + 1)
      expectProblem(() => approve(id, sha256), 'bulk_changed')
      expectProblem(() => approve('x', sha256), 'bulk_not_found')
    })

    it('name credentials that exist, each once', () => {
      const options = { actor: 'anna', random: systemRandom, now: NOW }
      const rest = { to: 'revoked', reasonClass: 'fraud' } as const
      expectProblem(
        () => proposeBulk(fixture.db, { references: [], ...rest }, options),
        'request_invalid',
      )
      const twice = [at(first), at(first)]
      expectProblem(
        () => proposeBulk(fixture.db, { references: twice, ...rest }, options),
        'request_invalid',
      )
      const unknown = [{ uri: 'x', idx: 1 }]
      expectProblem(
        () => proposeBulk(fixture.db, { references: unknown, ...rest }, options),
        'credential_not_found',
      )
    })
  })

  describe('stirDecoys', () => {
    it('revokes entries of nobody, so that counts tell little, and tells nobody', async () => {
      await fixture.store.keepOpen({ name: 'decoyed', size: 1024, lanes: 1, decoys: 100 }, NOW)
      await publish(NOW + 1)
      let stirred = 0
      for (let n = 0; n < 20; n++) {
        stirred += immediate(fixture.db, () =>
          stirDecoys(fixture.db, {
            random: (length) => new Uint8Array(length).fill(n),
            now: NOW + n,
          }),
        )
        await publish(NOW + 2 + n)
      }
      expect(stirred).to.equal(15)
      expect(openNotices(fixture.db)).to.deep.equal([])
      const [reference] = allocateIndexes(fixture.db, {
        copies: 1,
        credentialExpires: NOW + DAY,
        now: NOW,
        pool: 'decoyed',
      })
      const set = fixture.db
        .prepare('SELECT count(*) FROM status_entry WHERE decoy = 1 AND status = 1')
        .pluck()
        .get()
      expect(set).to.equal(stirred)
      expect(reference?.uri).to.be.a('string')
    })
  })
})
