import { expect } from 'chai'
import fc from 'fast-check'
import { Problem } from '../../../shared/problem.ts'
import { presentSdJwt } from '../../../shared/sd-jwt/present.ts'
import type { Policy } from '../../../verifier/policy/policy.ts'
import { BUILT_IN_POLICIES, readPolicies } from '../../../verifier/policy-packs.ts'
import {
  isVerifiedPresentation,
  verifyPresentation,
} from '../../../verifier/presentation/verify.ts'
import { NOW } from '../../support/pki.ts'
import { type Ecosystem, makeEcosystem } from '../../support/platform.ts'

const policy = readPolicies([BUILT_IN_POLICIES]).get('gig-identity') as Policy
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~='

describe('verifyPresentation', () => {
  let ecosystem: Ecosystem
  let presentation: string

  const verify = (compact: string) =>
    verifyPresentation(
      { identity: [compact] },
      {
        expectedClientId: 'x509_hash:me',
        expectedNonce: 'n',
        policy,
        anchors: ecosystem.anchors,
        now: NOW,
      },
      async () => ({ verdict: 'valid' }),
    )
  /** Expects a refusal that is told, never a defect and never a fact. */
  const isRefused = async (compact: string): Promise<void> => {
    const outcome = await verify(compact).catch((error) => error)
    expect(outcome, compact).to.be.instanceOf(Problem)
  }

  before(async () => {
    ecosystem = await makeEcosystem()
    const { sdJwt, holder } = await ecosystem.issue()
    presentation = await presentSdJwt({
      sdJwt,
      disclose: (policy.query.credentials[0]?.claims ?? []).map(({ path }) => path),
      keyBinding: { signer: holder, audience: 'x509_hash:me', nonce: 'n', now: NOW },
    })
  })

  it('makes a fact of what verifies', async () => {
    expect(isVerifiedPresentation(await verify(presentation))).to.equal(true)
  })

  it('refuses a presentation with any one character changed, left out or added', async () => {
    const change = fc.record({
      at: fc.nat(presentation.length - 1),
      character: fc.constantFrom(...ALPHABET),
      kind: fc.constantFrom('change', 'leave out', 'add'),
    })
    await fc.assert(
      fc.asyncProperty(change, async ({ at, character, kind }) => {
        const rest = presentation.slice(kind === 'add' ? at : at + 1)
        const changed = presentation.slice(0, at) + (kind === 'leave out' ? '' : character) + rest
        fc.pre(changed !== presentation)
        await isRefused(changed)
      }),
      { numRuns: 400 },
    )
  })

  it('refuses disclosures in another order, repeated or left out (RFC 9901 §7.3)', async () => {
    const parts = presentation.split('~')
    const [issuerJwt, keyBinding] = [parts[0], parts.at(-1)]
    const disclosures = parts.slice(1, -1)
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...disclosures), { maxLength: disclosures.length + 2 }),
        async (others) => {
          fc.pre(others.join() !== disclosures.join())
          await isRefused([issuerJwt, ...others, keyBinding].join('~'))
        },
      ),
      { numRuns: 200 },
    )
  })

  it('refuses any text', async () => {
    await fc.assert(fc.asyncProperty(fc.string({ maxLength: 400 }), isRefused), { numRuns: 200 })
  })
})
