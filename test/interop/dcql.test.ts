import { expect } from 'chai'
import { DcqlQuery } from 'dcql'
import fc from 'fast-check'
import { parseDcqlQuery } from '../../shared/dcql/query.ts'
import { querySatisfied } from '../../shared/dcql/satisfied.ts'
import { selectCredentials } from '../../shared/dcql/select.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import { resolveClaimPath, valueAt } from '../../shared/sd-jwt/claim-path.ts'

const VCT = 'urn:carnet:identity:1'

/** Whether dcql 3.0.0 says that these claims answer the query; `undefined` where it refuses the query. */
function libraryVerdict(query: object, claims: JsonObject): boolean | undefined {
  let parsed: DcqlQuery.Output
  try {
    parsed = DcqlQuery.parse(query as DcqlQuery.Input)
    DcqlQuery.validate(parsed)
  } catch {
    return undefined
  }
  const credential = {
    credential_format: 'dc+sd-jwt' as const,
    vct: VCT,
    claims: claims as never,
    cryptographic_holder_binding: true,
  }
  return DcqlQuery.query(parsed, [credential]).can_be_satisfied
}

function ourVerdict(query: object, claims: JsonObject): boolean | undefined {
  try {
    const candidate = { id: 'c', format: 'dc+sd-jwt', vct: VCT, claims }
    return selectCredentials(parseDcqlQuery(query), [candidate]).satisfied
  } catch {
    return undefined
  }
}

const NAMES = ['a', 'b', 'c']
const leaf = fc.oneof(fc.integer({ min: 0, max: 2 }), fc.constantFrom('x', 'y'), fc.boolean())
const object = fc.dictionary(fc.constantFrom(...NAMES), leaf)
const few = { minLength: 1, maxLength: 3 }
const claimsOf = fc
  .dictionary(
    fc.constantFrom(...NAMES),
    fc.oneof(leaf, fc.array(leaf, few), fc.array(object, few), object),
  )
  .map((claims) => JSON.parse(JSON.stringify(claims)) as JsonObject)
const pathOf = fc
  .tuple(
    fc.constantFrom(...NAMES),
    fc.array(fc.oneof(fc.constantFrom(...NAMES), fc.nat(2), fc.constant(null)), { maxLength: 2 }),
  )
  .map(([first, rest]) => [first, ...rest])
const claimQueries = fc.uniqueArray(
  fc.record({ path: pathOf, values: fc.option(fc.array(leaf, { minLength: 1, maxLength: 2 })) }),
  { minLength: 1, maxLength: 3, selector: ({ path }) => JSON.stringify(path) },
)
const queryOf = fc
  .record({
    claims: fc.option(claimQueries),
    sets: fc.option(fc.array(fc.nat(2), { maxLength: 2 })),
  })
  .map(({ claims, sets }) => ({
    credentials: [
      {
        id: 'q',
        format: 'dc+sd-jwt',
        meta: { vct_values: [VCT] },
        ...(claims
          ? {
              claims: claims.map(({ path, values }, index) => ({
                id: `c${index}`,
                path,
                ...(values ? { values } : {}),
              })),
              ...(sets && sets.length > 0
                ? { claim_sets: sets.map((index) => [`c${index % claims.length}`]) }
                : {}),
            }
          : {}),
      },
    ],
  }))

describe('dcql 3.0.0', () => {
  it('gives the verdict that we give for queries and claims of every shape', () => {
    let satisfied = 0
    fc.assert(
      fc.property(queryOf, claimsOf, (query, claims) => {
        const verdict = ourVerdict(query, claims)
        if (verdict) satisfied++
        expect(verdict).to.equal(libraryVerdict(query, claims))
      }),
      { numRuns: 400 },
    )
    expect(satisfied).to.be.greaterThan(20)
  })

  const credential = (members: object = {}) => ({
    credentials: [{ id: 'q', format: 'dc+sd-jwt', meta: { vct_values: [VCT] }, ...members }],
  })

  it('answers a path by what every object inherits; we do not (OpenID4VP 1.0 §7.1)', () => {
    const query = credential({ claims: [{ path: ['toString'] }] })
    expect(libraryVerdict(query, {})).to.equal(true)
    expect(ourVerdict(query, {})).to.equal(false)
  })

  it('answers null in an empty array; we do not, for nothing is selected (OpenID4VP 1.0 §7.1)', () => {
    const query = credential({ claims: [{ path: ['a', null] }] })
    expect(libraryVerdict(query, { a: [] })).to.equal(true)
    expect(ourVerdict(query, { a: [] })).to.equal(false)
  })

  it('passes over an element of another kind; we do not (OpenID4VP 1.0 §7.1: "abort processing")', () => {
    const query = credential({ claims: [{ path: ['a', null, 'b'] }] })
    expect(libraryVerdict(query, { a: [0, { b: 1 }] })).to.equal(true)
    expect(ourVerdict(query, { a: [0, { b: 1 }] })).to.equal(false)
    expect(ourVerdict(query, { a: [{}, { b: 1 }] })).to.equal(true)
  })

  it('takes a query without meta or vct_values; we refuse it (OpenID4VP 1.0 §6.1, Appendix B.3.5)', () => {
    for (const meta of [undefined, {}]) {
      expect(libraryVerdict(credential({ meta }), {})).to.equal(true)
      expect(ourVerdict(credential({ meta }), {})).to.equal(undefined)
    }
  })

  it('takes a query that names a claim twice; we refuse it (OpenID4VP 1.0 §6.1)', () => {
    const query = credential({ claims: [{ path: ['a'] }, { path: ['a'] }] })
    expect(libraryVerdict(query, { a: 1 })).to.equal(true)
    expect(ourVerdict(query, { a: 1 })).to.equal(undefined)
  })
})

describe('a selection', () => {
  it('never discloses more than was asked for, and satisfies the verifier that asked', () => {
    fc.assert(
      fc.property(queryOf, claimsOf, (value, claims) => {
        const query = parseDcqlQuery(value)
        const selection = selectCredentials(query, [
          { id: 'c', format: 'dc+sd-jwt', vct: VCT, claims },
        ])
        const [match] = selection.required
        if (!match) return
        const [credentialQuery] = query.credentials
        const asked = (credentialQuery?.claims ?? []).flatMap(({ path, values }) =>
          resolveClaimPath(claims, path)
            .filter((place) => !values || values.includes(valueAt(claims as Json, place) as string))
            .map((place) => JSON.stringify(place)),
        )
        for (const place of match.disclose) expect(asked).to.include(JSON.stringify(place))
        if (!credentialQuery?.claims) expect(match.disclose).to.deep.equal([])
        const disclosedPaths = match.disclose
        const outcome = querySatisfied(query, {
          q: [{ format: 'dc+sd-jwt', vct: VCT, claims, disclosedPaths }],
        })
        expect(outcome).to.deep.equal({ satisfied: true, reasons: [], surplus: [] })
      }),
      { numRuns: 400 },
    )
  })
})
