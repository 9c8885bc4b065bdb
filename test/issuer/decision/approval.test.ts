import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import {
  type Approval,
  ApprovalMismatch,
  type DecisionRecord,
  isApproval,
  redeemApproval,
} from '../../../issuer/decision/approval.ts'
import { decide } from '../../../issuer/decision/decide.ts'
import { readWorkflow } from '../../../issuer/decision/read-workflow.ts'
import { screen } from '../../../issuer/screening/screen.ts'
import { readWatchlist } from '../../../issuer/screening/watchlist.ts'
import { evidenceWith } from '../../support/evidence.ts'
import { failureOf } from '../../support/failure.ts'
import { WATCHLIST_FILE, WORKFLOW_TEXT } from '../../support/issuer.ts'

const now = 1_782_864_000
const published = readWorkflow(WORKFLOW_TEXT)
const lists = [readWatchlist(readFileSync(WATCHLIST_FILE))]

function recordOf(changes: Parameters<typeof evidenceWith>[0] = {}): DecisionRecord {
  const evidence = evidenceWith(changes)
  const screening = screen(evidence, lists, { threshold: 0.8, now })
  const decision = decide(evidence, screening, published, now)
  const { workflow } = published
  return { sessionId: 's', evidence, screening, decision, review: undefined, workflow }
}

const review = {
  outcome: 'approve',
  reason: 'the person is known to us',
  reviewer: 'ada',
  reviewedAt: now + 60,
} as const

describe('redeemApproval', () => {
  it('makes an approval of a decision that was redeemed just now', async () => {
    const approval = await redeemApproval(async () => recordOf())
    expect(isApproval(approval)).to.equal(true)
    expect(approval).to.include({ sessionId: 's', decidedAt: now, reviewed: false })
  })

  it('makes none where the store redeemed nothing', async () => {
    expect(await redeemApproval(async () => undefined)).to.equal(undefined)
  })

  it('takes a referral with a person’s approval, and the time of the person', async () => {
    const referred = { ...recordOf({ faceMatch: 0.1 }), review }
    expect(await redeemApproval(async () => referred)).to.include({
      decidedAt: now + 60,
      reviewed: true,
    })
  })

  const refused: Readonly<Record<string, () => DecisionRecord>> = {
    'a referral that nobody reviewed': () => recordOf({ faceMatch: 0.1 }),
    'a referral that a person rejected': () => ({
      ...recordOf({ faceMatch: 0.1 }),
      review: { ...review, outcome: 'reject' },
    }),
    'a review without a reason': () => ({
      ...recordOf({ faceMatch: 0.1 }),
      review: { ...review, reason: ' ' },
    }),
    'a rejection, whatever a person says': () => ({
      ...recordOf({ fields: { date_of_expiry: '2020-01-01' } }),
      review,
    }),
    'evidence that was changed after the decision': () => ({
      ...recordOf(),
      evidence: evidenceWith({ faceMatch: 0.1 }),
    }),
    'a decision that was changed in the store': () => {
      const record = recordOf({ faceMatch: 0.1 })
      return { ...record, decision: { ...record.decision, outcome: 'approve', codes: [] } }
    },
    'screening from which a hit was removed': () => {
      const record = recordOf({ fields: { given_name: 'VIKTOR PLANTED', family_name: 'LISTHIT' } })
      return { ...record, screening: { ...record.screening, hits: [] } }
    },
  }
  for (const [title, record] of Object.entries(refused)) {
    it(`refuses ${title}`, async () => {
      const failure = await failureOf(redeemApproval(async () => record()))
      expect(failure).to.be.instanceOf(ApprovalMismatch)
    })
  }

  it('cannot be forged: a copy and a look-alike are no approvals', async () => {
    const approval = (await redeemApproval(async () => recordOf())) as Approval
    expect(isApproval({ ...approval })).to.equal(false)
    expect(isApproval(Object.create(approval))).to.equal(false)
    expect(isApproval(structuredClone({ ...approval }))).to.equal(false)
    expect(isApproval(undefined)).to.equal(false)
    // @ts-expect-error a plain object lacks the private mark
    const forged: Approval = { ...approval }
    expect(isApproval(forged)).to.equal(false)
  })
})
