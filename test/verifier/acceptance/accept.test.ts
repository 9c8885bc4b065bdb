import { expect } from 'chai'
import type { JsonObject } from '../../../shared/json.ts'
import { presentSdJwt } from '../../../shared/sd-jwt/present.ts'
import type { StatusVerdict } from '../../../shared/status-list/resolve.ts'
import { type Acceptance, accept } from '../../../verifier/acceptance/accept.ts'
import { type Policy, parsePolicy } from '../../../verifier/policy/policy.ts'
import { verifyPresentation } from '../../../verifier/presentation/verify.ts'
import { NOW } from '../../support/pki.ts'
import { type Ecosystem, makeEcosystem } from '../../support/platform.ts'

const DAY = 86_400

describe('accept', () => {
  let ecosystem: Ecosystem
  before(async () => {
    ecosystem = await makeEcosystem()
  })

  const policyOf = (
    own: JsonObject = {},
    claims: JsonObject[] = [{ path: ['given_name'] }],
  ): Policy =>
    parsePolicy({
      id: 'test',
      version: 1,
      trust_level: 'TL1',
      title: 'Test',
      purpose: 'To test',
      query: {
        credentials: [
          {
            id: 'identity',
            format: 'dc+sd-jwt',
            meta: { vct_values: ['urn:carnet:identity:1'] },
            claims,
          },
        ],
      },
      key_binding: { max_age_seconds: 300 },
      credentials: {
        identity: {
          issuers: 'trust_list',
          status: { max_staleness_seconds: 60, suspended: 'review', undetermined: 'refuse' },
          rules: [],
          ...own,
        },
      },
    })

  const presented = async (
    policy: Policy,
    { claims, status = { verdict: 'valid' } }: { claims?: JsonObject; status?: StatusVerdict } = {},
  ) => {
    const { sdJwt, holder } = await ecosystem.issue(claims ? { claims } : {})
    const [query] = policy.query.credentials
    const presentation = await presentSdJwt({
      sdJwt,
      disclose: (query?.claims ?? []).map(({ path }) => path),
      keyBinding: { signer: holder, audience: 'x509_hash:me', nonce: 'n', now: NOW },
    })
    return verifyPresentation(
      { identity: [presentation] },
      {
        expectedClientId: 'x509_hash:me',
        expectedNonce: 'n',
        policy,
        anchors: ecosystem.anchors,
        now: NOW,
      },
      async () => status,
    )
  }

  const decide = async (
    policy: Policy,
    options: Parameters<typeof presented>[1] = {},
    now = NOW,
  ): Promise<Acceptance> => accept(await presented(policy, options), policy, now)

  for (const [verdict, acceptance] of [
    ['valid', { outcome: 'accept', codes: [] }],
    ['revoked', { outcome: 'refuse', codes: ['revoked'] }],
    ['suspended', { outcome: 'review', codes: ['suspended'] }],
    ['undetermined', { outcome: 'refuse', codes: ['undetermined'] }],
  ] as [StatusVerdict['verdict'], Acceptance][]) {
    it(`answers ${acceptance.outcome} when the status is ${verdict}`, async () => {
      expect(await decide(policyOf(), { status: { verdict } })).to.deep.equal(acceptance)
    })
  }

  it('takes a credential without a status for one whose status nobody could tell', async () => {
    const { sdJwt, holder } = await ecosystem.issue()
    expect(sdJwt).to.be.a('string')
    const policy = policyOf()
    const bare = await ecosystem.issue({ holder, idx: 'none' })
    const presentation = await presentSdJwt({
      sdJwt: bare.sdJwt,
      disclose: [['given_name']],
      keyBinding: { signer: holder, audience: 'a', nonce: 'n', now: NOW },
    })
    const verified = await verifyPresentation(
      { identity: [presentation] },
      { expectedClientId: 'a', expectedNonce: 'n', policy, anchors: ecosystem.anchors, now: NOW },
      async () => ({ verdict: 'valid' }),
    )
    expect(accept(verified, policy, NOW).codes).to.deep.equal(['undetermined'])
  })

  it('takes only the issuers that a policy names, when it names some', async () => {
    const ours = policyOf({ issuers: ['https://issuer.example'] })
    expect((await decide(ours)).outcome).to.equal('accept')
    const others = policyOf({ issuers: ['https://other.example'] })
    expect(await decide(others)).to.deep.equal({
      outcome: 'refuse',
      codes: ['issuer_not_accepted'],
    })
  })

  it('refuses a presentation that was verified under another policy', async () => {
    const verified = await presented(policyOf())
    const other = policyOf({}, [{ path: ['given_name'] }, { path: ['family_name'] }])
    expect(accept(verified, other, NOW)).to.deep.equal({
      outcome: 'refuse',
      codes: ['policy_mismatch'],
    })
  })

  it('refuses two credentials, which nothing ties to one person', async () => {
    const one = policyOf()
    const [query] = (one.document.query as { credentials: JsonObject[] }).credentials
    const own = (one.document.credentials as { identity: JsonObject }).identity
    const policy = parsePolicy({
      ...one.document,
      query: {
        credentials: [query as JsonObject, { ...query, id: 'other' }],
        credential_sets: [{ options: [['identity'], ['other']] }],
      },
      credentials: { identity: own, other: own },
    })
    const present = async () => {
      const { sdJwt, holder } = await ecosystem.issue()
      const keyBinding = { signer: holder, audience: 'a', nonce: 'n', now: NOW }
      return presentSdJwt({ sdJwt, disclose: [['given_name']], keyBinding })
    }
    const verify = (vpToken: Record<string, string[]>) =>
      verifyPresentation(
        vpToken,
        { expectedClientId: 'a', expectedNonce: 'n', policy, anchors: ecosystem.anchors, now: NOW },
        async () => ({ verdict: 'valid' }),
      )
    const alone = await verify({ other: [await present()] })
    expect(accept(alone, policy, NOW).outcome).to.equal('accept')
    const both = await verify({ identity: [await present()], other: [await present()] })
    expect(accept(both, policy, NOW)).to.deep.equal({
      outcome: 'refuse',
      codes: ['credentials_not_linked'],
    })
  })

  describe('rules', () => {
    const ruled = (path: (string | null)[], rule: JsonObject) =>
      policyOf({ rules: [{ path, otherwise: 'refuse', code: 'broken', ...rule }] }, [{ path }])
    const outcome = async (policy: Policy, claims?: JsonObject, now = NOW): Promise<string> =>
      (await decide(policy, claims ? { claims } : {}, now)).outcome

    it('equals compares type and value', async () => {
      const policy = ruled(['age_equal_or_over', '18'], { equals: true })
      expect(await outcome(policy)).to.equal('accept')
      for (const value of [false, 'true', 1]) {
        const claims = { age_equal_or_over: { '16': true, '18': value, '21': false } }
        expect(await outcome(policy, claims)).to.equal('refuse')
      }
    })

    it('one_of takes any of the values', async () => {
      const policy = ruled(['document', 'type'], { one_of: ['passport', 'id_card'] })
      expect(await outcome(policy)).to.equal('accept')
      const claims = { document: { type: 'visa', issuing_country: 'UTO', number: 'X' } }
      expect(await outcome(policy, claims)).to.equal('refuse')
    })

    it('max_age_days counts from a date-time, a date or a number', async () => {
      const policy = ruled(['verification', 'time'], { max_age_days: 30 })
      const at = (time: string | number | boolean) =>
        outcome(policy, { verification: { time, assurance_level: 'baseline' } })
      expect(await at('2026-06-01T00:00:00Z')).to.equal('accept')
      expect(await at('2026-05-31T23:59:59Z')).to.equal('refuse')
      expect(await at('2026-06-01')).to.equal('accept')
      expect(await at('2026-05-31')).to.equal('refuse')
      expect(await at(NOW - 30 * DAY)).to.equal('accept')
      expect(await at(NOW - 30 * DAY - 1)).to.equal('refuse')
      for (const wrong of ['2026-07-02T00:00:00Z', NOW + 1, 'yesterday', '2026-02-30', true]) {
        expect(await at(wrong), String(wrong)).to.equal('refuse')
      }
    })

    it('not_past lasts until the end of the day that is named', async () => {
      const policy = ruled(['birthdate'], { not_past: true })
      expect(await outcome(policy, { birthdate: '2026-07-01' }, NOW + DAY - 1)).to.equal('accept')
      expect(await outcome(policy, { birthdate: '2026-07-01' }, NOW + DAY)).to.equal('refuse')
      expect(await outcome(policy, { birthdate: 'never' })).to.equal('refuse')
    })

    it('hold for every value at a path', async () => {
      const policy = policyOf(
        {
          rules: [
            {
              path: ['nationalities', null],
              one_of: ['UTO'],
              otherwise: 'review',
              code: 'foreign',
            },
          ],
        },
        [{ path: ['nationalities', null] }],
      )
      expect((await decide(policy, { claims: { nationalities: ['UTO'] } })).outcome).to.equal(
        'accept',
      )
      expect(await decide(policy, { claims: { nationalities: ['UTO', 'XXA'] } })).to.deep.equal({
        outcome: 'review',
        codes: ['foreign'],
      })
    })

    it('fail on a claim that is not there', async () => {
      const policy = policyOf(
        {
          rules: [
            {
              path: ['birthdate'],
              one_of: ['1990-04-12'],
              otherwise: 'step_up',
              code: 'no_birthdate',
            },
          ],
        },
        [
          { id: 'a', path: ['given_name'] },
          { id: 'b', path: ['birthdate'] },
        ],
      )
      const optional = parsePolicy({
        ...policy.document,
        query: {
          credentials: [
            {
              ...(policy.document.query as { credentials: JsonObject[] }).credentials[0],
              claim_sets: [['a', 'b'], ['a']],
            },
          ],
        },
      })
      const { sdJwt, holder } = await ecosystem.issue()
      const presentation = await presentSdJwt({
        sdJwt,
        disclose: [['given_name']],
        keyBinding: { signer: holder, audience: 'a', nonce: 'n', now: NOW },
      })
      const verified = await verifyPresentation(
        { identity: [presentation] },
        {
          expectedClientId: 'a',
          expectedNonce: 'n',
          policy: optional,
          anchors: ecosystem.anchors,
          now: NOW,
        },
        async () => ({ verdict: 'valid' }),
      )
      expect(accept(verified, optional, NOW)).to.deep.equal({
        outcome: 'step_up',
        codes: ['no_birthdate'],
      })
    })

    it('are all told, sorted and once, and the severest decides', async () => {
      const path = ['given_name']
      const rules = ['review', 'refuse', 'step_up'].map((otherwise, index) => ({
        path,
        equals: 'nobody',
        otherwise,
        code: ['zeta', 'alpha', 'alpha'][index] as string,
      }))
      expect(await decide(policyOf({ rules }), { status: { verdict: 'suspended' } })).to.deep.equal(
        {
          outcome: 'refuse',
          codes: ['alpha', 'suspended', 'zeta'],
        },
      )
    })
  })

  it('takes nothing but what verifyPresentation made', async () => {
    const policy = policyOf()
    const verified = await presented(policy)
    // @ts-expect-error an object of the same shape is no VerifiedPresentation
    expect(() => accept({ ...verified }, policy, NOW)).to.throw(TypeError)
    const cast = JSON.parse(JSON.stringify(verified)) as typeof verified
    expect(() => accept(cast, policy, NOW)).to.throw(TypeError)
  })

  it('gives the same acceptance for the same inputs', async () => {
    const policy = policyOf()
    const verified = await presented(policy)
    expect(accept(verified, policy, NOW)).to.deep.equal(accept(verified, policy, NOW))
  })
})
