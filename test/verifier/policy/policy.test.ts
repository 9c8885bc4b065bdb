import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { sha256Hex } from '../../../shared/hash.ts'
import { canonicalJson, type Json, type JsonObject, parseJson } from '../../../shared/json.ts'
import { PolicyError, parsePolicy } from '../../../verifier/policy/policy.ts'
import { BUILT_IN_POLICIES } from '../../../verifier/policy-packs.ts'

const text = readFileSync(join(BUILT_IN_POLICIES, 'gig-identity.json'), 'utf8')
const data = parseJson(text) as JsonObject & {
  query: { credentials: [JsonObject & { claims: JsonObject[] }] }
  credentials: { identity: JsonObject & { status: JsonObject } }
}
const [credential] = data.query.credentials
const { identity } = data.credentials

describe('parsePolicy', () => {
  it('takes every policy that comes with the program', () => {
    for (const name of readdirSync(BUILT_IN_POLICIES)) {
      const document = parseJson(readFileSync(join(BUILT_IN_POLICIES, name), 'utf8'))
      const policy = parsePolicy(document)
      expect(`${policy.id}.json`).to.equal(name)
      expect(policy.sha256).to.equal(sha256Hex(canonicalJson(document)))
    }
  })

  it('gives the same digest whatever the order and white space', () => {
    const turned = Object.fromEntries(Object.entries(data).reverse())
    expect(parsePolicy(turned).sha256).to.equal(parsePolicy(data).sha256)
    expect(parsePolicy({ ...data, version: 2 }).sha256).not.to.equal(parsePolicy(data).sha256)
  })

  it('takes two credentials that are alternatives', () => {
    const policy = parsePolicy({
      ...data,
      query: {
        credentials: [credential, { ...credential, id: 'other' }],
        credential_sets: [{ options: [['identity'], ['other']] }],
      },
      credentials: { identity, other: identity },
    })
    expect(policy.query.credentials).to.have.length(2)
  })

  it('asks a driver and a courier for no document number and no birthdate', () => {
    const paths = parsePolicy(data).query.credentials.flatMap(({ claims }) =>
      (claims ?? []).map(({ path }) => path.join('.')),
    )
    expect(paths).to.deep.equal([
      'given_name',
      'family_name',
      'age_equal_or_over.18',
      'document.issuing_country',
      'verification.time',
    ])
  })

  const withCredential = (change: JsonObject): Json => ({
    ...data,
    query: { credentials: [{ ...credential, ...change }] },
  })
  const withIdentity = (change: JsonObject): Json => ({
    ...data,
    credentials: { identity: { ...identity, ...change } },
  })
  const rule = { path: ['given_name'], otherwise: 'refuse', code: 'a_code' }

  for (const [what, document] of [
    ['no object', []],
    ['an unknown member', { ...data, note: 'x' }],
    ['no version', { ...data, version: 0 }],
    ['no query', { ...data, query: {} }],
    ['a query that is not DCQL', withCredential({ id: 'a b' })],
    [
      'a credential that nobody is bound to',
      withCredential({ require_cryptographic_holder_binding: false }),
    ],
    [
      'a format that is not verified',
      withCredential({
        format: 'mso_mdoc',
        meta: { doctype_value: 'x' },
        claims: [{ path: ['a', 'b'] }],
      }),
    ],
    [
      'a claim asked for twice',
      withCredential({ claims: [{ path: ['given_name'] }, { path: ['given_name'] }] }),
    ],
    ['a credential without rules', withCredential({ id: 'other' })],
    [
      'rules for a credential that is not asked for',
      { ...data, credentials: { ...data.credentials, more: identity } },
    ],
    ['more than one copy of a credential', withCredential({ multiple: true })],
    [
      'two credentials, which may be of two people',
      {
        ...data,
        query: { credentials: [credential, { ...credential, id: 'other' }] },
        credentials: { identity, other: identity },
      },
    ],
    [
      'a rule on a claim that is not asked for',
      withIdentity({ rules: [{ ...rule, path: ['birthdate'], equals: 'x' }] }),
    ],
    [
      'a rule that accepts when it fails',
      withIdentity({ rules: [{ ...rule, equals: 'x', otherwise: 'accept' }] }),
    ],
    ['a rule of two kinds', withIdentity({ rules: [{ ...rule, equals: 'x', max_age_days: 1 }] })],
    ['a rule of no kind', withIdentity({ rules: [rule] })],
    [
      'an undetermined status that is accepted',
      withIdentity({ status: { ...identity.status, undetermined: 'accept' } }),
    ],
    [
      'a suspended status that is accepted',
      withIdentity({ status: { ...identity.status, suspended: 'accept' } }),
    ],
  ] as [string, Json][]) {
    it(`refuses ${what}`, () => {
      expect(() => parsePolicy(document)).to.throw(PolicyError)
    })
  }
})
