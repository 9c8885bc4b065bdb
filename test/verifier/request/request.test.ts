import { expect } from 'chai'
import fc from 'fast-check'
import { Problem } from '../../../shared/problem.ts'
import { systemRandom } from '../../../shared/random.ts'
import type { Policy } from '../../../verifier/policy/policy.ts'
import { BUILT_IN_POLICIES, readPolicies } from '../../../verifier/policy-packs.ts'
import { createRequest } from '../../../verifier/request/create.ts'
import {
  answer,
  expire,
  MAX_REJECTIONS,
  type PresentationRequest,
  refuse,
  reject,
  retrieve,
} from '../../../verifier/request/request.ts'
import { NOW } from '../../support/pki.ts'

const policy = readPolicies([BUILT_IN_POLICIES]).get('gig-identity') as Policy
const fresh = (): PresentationRequest =>
  createRequest(
    policy,
    { platform: 'backend', lifetimeSeconds: 300, clientId: 'x509_hash:x' },
    { now: NOW, random: systemRandom },
  )

type Move = 'retrieve' | 'answer' | 'refuse' | 'reject' | 'expire'
const MOVES: Record<Move, (request: PresentationRequest, now: number) => PresentationRequest> = {
  retrieve,
  answer,
  refuse: (request, now) => refuse(request, 'access_denied', now),
  reject: (request, now) => reject(request, 'key_binding_nonce', now),
  expire,
}

/** Every state and what may follow it; nothing else may. */
const LEGAL: Record<
  PresentationRequest['state'],
  Partial<Record<Move, PresentationRequest['state'][]>>
> = {
  requested: { retrieve: ['retrieved'], expire: ['requested', 'expired'] },
  retrieved: {
    retrieve: ['retrieved'],
    answer: ['answered'],
    refuse: ['refused'],
    reject: ['retrieved', 'refused'],
    expire: ['retrieved', 'expired'],
  },
  answered: { expire: ['answered'] },
  refused: { expire: ['refused'] },
  expired: { expire: ['expired'] },
}

describe('the states of a presentation request', () => {
  it('follow one another only by legal moves, in any order and at any time', () => {
    const steps = fc.array(
      fc.tuple(
        fc.constantFrom(...(Object.keys(MOVES) as Move[])),
        fc.integer({ min: 0, max: 400 }),
      ),
      { maxLength: 30 },
    )
    fc.assert(
      fc.property(steps, (sequence) => {
        let request = fresh()
        for (const [move, offset] of sequence) {
          const { state } = request
          const legal = LEGAL[state][move]
          try {
            const next = MOVES[move](request, NOW + offset)
            expect(legal, `${move} from ${state}`).to.include(next.state)
            if (next.state === 'requested' || next.state === 'retrieved') {
              expect(next.pkcs8).to.be.a('string')
            } else expect(next).not.to.have.any.keys('pkcs8', 'encryptionKey')
            request = next
          } catch (error) {
            expect(error).to.be.instanceOf(Problem)
            const inTime = offset < 300
            expect(legal === undefined || !inTime, `${move} from ${state} at ${offset}`).to.equal(
              true,
            )
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  it('end at the last rejection that is allowed', () => {
    let request: PresentationRequest = retrieve(fresh(), NOW)
    for (let count = 1; count < MAX_REJECTIONS; count++) {
      request = reject(request, 'presentation_malformed', NOW)
      expect(request.state).to.equal('retrieved')
    }
    expect(reject(request, 'presentation_malformed', NOW)).to.deep.include({
      state: 'refused',
      reason: 'too_many_rejections',
    })
  })
})
