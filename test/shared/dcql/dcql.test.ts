import { expect } from 'chai'
import { parseDcqlQuery } from '../../../shared/dcql/query.ts'
import { querySatisfied } from '../../../shared/dcql/satisfied.ts'
import { selectCredentials } from '../../../shared/dcql/select.ts'
import type { JsonObject } from '../../../shared/json.ts'
import { refuses } from '../../support/refusal.ts'

const VCT = 'urn:carnet:identity:1'
const claims: JsonObject = {
  vct: VCT,
  given_name: 'Erika',
  address: { locality: 'Köln', country: 'DE' },
  nationalities: ['UT', 'DE'],
  degrees: [{ type: 'BSc', year: 2001 }, { type: 'MSc' }],
  age_equal_or_over: { 18: true },
}
const candidate = { id: 'copy-1', format: 'dc+sd-jwt', vct: VCT, claims }
const credential = (members: object = {}) => ({
  id: 'pid',
  format: 'dc+sd-jwt',
  meta: { vct_values: [VCT] },
  ...members,
})
const parse = (members: object = {}) => parseDcqlQuery({ credentials: [credential(members)] })
const select = (members: object = {}, candidates = [candidate]) =>
  selectCredentials(parse(members), candidates)
const disclosed = (members: object) => select(members).required[0]?.disclose

describe('parseDcqlQuery', () => {
  it('fills in the defaults (OpenID4VP 1.0 §6.1)', () => {
    const [query] = parse().credentials
    expect(query?.multiple).to.equal(false)
    expect(query?.require_cryptographic_holder_binding).to.equal(true)
  })

  it('ignores members that the specification does not define (OpenID4VP 1.0 §6)', () => {
    const query = parseDcqlQuery({ credentials: [credential({ other: 1 })], more: true })
    expect(query).to.not.have.property('more')
  })

  const refused: [string, unknown][] = [
    ['something else than an object', []],
    ['null', null],
    ['no credentials', {}],
    ['a credential that is null', { credentials: [null] }],
    ['empty credentials', { credentials: [] }],
    ['a repeated id', { credentials: [credential(), credential()] }],
    ['an id with other characters', { credentials: [credential({ id: 'a b' })] }],
    ['an empty id', { credentials: [credential({ id: '' })] }],
    ['no format', { credentials: [credential({ format: undefined })] }],
    ['no meta', { credentials: [credential({ meta: undefined })] }],
    ['no vct_values', { credentials: [credential({ meta: {} })] }],
    ['empty vct_values', { credentials: [credential({ meta: { vct_values: [] } })] }],
    ['empty claims', { credentials: [credential({ claims: [] })] }],
    ['no path', { credentials: [credential({ claims: [{}] })] }],
    ['a claim that is null', { credentials: [credential({ claims: [null] })] }],
    [
      'a repeated claim id',
      {
        credentials: [
          credential({
            claims: [
              { id: 'a', path: ['a'] },
              { id: 'a', path: ['b'] },
            ],
          }),
        ],
      },
    ],
    [
      'claim_sets beside one claim without id',
      {
        credentials: [
          credential({ claims: [{ id: 'a', path: ['a'] }, { path: ['b'] }], claim_sets: [['a']] }),
        ],
      },
    ],
    [
      'a fractional value',
      { credentials: [credential({ claims: [{ path: ['a'], values: [0.5] }] })] },
    ],
    [
      'vct_values that are no strings',
      { credentials: [credential({ meta: { vct_values: [1] } })] },
    ],
    [
      'an mdoc without doctype_value',
      { credentials: [{ id: 'm', format: 'mso_mdoc', meta: { doctype_value: 1 } }] },
    ],
    [
      'a VC-JWT without type_values',
      { credentials: [{ id: 'w', format: 'jwt_vc_json', meta: {} }] },
    ],
    [
      'type_values that are no strings',
      { credentials: [{ id: 'w', format: 'jwt_vc_json', meta: { type_values: [[1]] } }] },
    ],
    ['an authority that is null', { credentials: [credential({ trusted_authorities: [null] })] }],
    [
      'an authority without type',
      { credentials: [credential({ trusted_authorities: [{ values: ['a'] }] })] },
    ],
    ['a credential set that is null', { credentials: [credential()], credential_sets: [null] }],
    ['an empty path', { credentials: [credential({ claims: [{ path: [] }] })] }],
    ['a negative index', { credentials: [credential({ claims: [{ path: ['a', -1] }] })] }],
    ['a fractional index', { credentials: [credential({ claims: [{ path: ['a', 0.5] }] })] }],
    ['an object in a path', { credentials: [credential({ claims: [{ path: [{}] }] })] }],
    [
      'a repeated path',
      { credentials: [credential({ claims: [{ path: ['a'] }, { path: ['a'] }] })] },
    ],
    ['empty values', { credentials: [credential({ claims: [{ path: ['a'], values: [] }] })] }],
    ['an object value', { credentials: [credential({ claims: [{ path: ['a'], values: [{}] }] })] }],
    ['claim_sets without claims', { credentials: [credential({ claim_sets: [['a']] })] }],
    [
      'claim_sets over claims without id',
      { credentials: [credential({ claims: [{ path: ['a'] }], claim_sets: [['a']] })] },
    ],
    [
      'claim_sets naming an unknown claim',
      { credentials: [credential({ claims: [{ id: 'a', path: ['a'] }], claim_sets: [['b']] })] },
    ],
    ['multiple that is not a boolean', { credentials: [credential({ multiple: 'true' })] }],
    [
      'credential_sets naming an unknown credential',
      { credentials: [credential()], credential_sets: [{ options: [['other']] }] },
    ],
    ['empty credential_sets', { credentials: [credential()], credential_sets: [] }],
    ['empty options', { credentials: [credential()], credential_sets: [{ options: [] }] }],
    [
      'trusted_authorities without values',
      { credentials: [credential({ trusted_authorities: [{ type: 'aki' }] })] },
    ],
    [
      'an mdoc path of one element',
      {
        credentials: [
          { id: 'm', format: 'mso_mdoc', meta: { doctype_value: 'd' }, claims: [{ path: ['a'] }] },
        ],
      },
    ],
  ]
  for (const [what, query] of refused) {
    it(`refuses ${what} (OpenID4VP 1.0 §6, §7)`, async () => {
      await refuses('malformed', () => parseDcqlQuery(query))
    })
  }

  it('refuses a query longer than it reads', async () => {
    const claimList = Array.from({ length: 129 }, (_, index) => ({ path: [`c${index}`] }))
    await refuses('too_large', () => parse({ claims: claimList }))
    await refuses('too_large', () => parse({ claims: [{ path: Array(17).fill('a') }] }))
  })
})

describe('selectCredentials', () => {
  it('discloses nothing selectively disclosable where no claims are asked for (OpenID4VP 1.0 §6.4.1)', () => {
    expect(disclosed({})).to.deep.equal([])
  })

  it('discloses all claims that are asked for (OpenID4VP 1.0 §6.4.1)', () => {
    expect(
      disclosed({ claims: [{ path: ['given_name'] }, { path: ['address', 'country'] }] }),
    ).to.deep.equal([['given_name'], ['address', 'country']])
  })

  it('returns nothing when a claim is missing (OpenID4VP 1.0 §6.4.1)', () => {
    const { satisfied, required, missing } = select({
      claims: [{ path: ['given_name'] }, { path: ['family_name'] }],
    })
    expect({ satisfied, required, missing }).to.deep.equal({
      satisfied: false,
      required: [],
      missing: ['pid'],
    })
  })

  it('selects every element by null, one by index, and members below elements (OpenID4VP 1.0 §7.1)', () => {
    expect(disclosed({ claims: [{ path: ['nationalities', null] }] })).to.deep.equal([
      ['nationalities', 0],
      ['nationalities', 1],
    ])
    expect(disclosed({ claims: [{ path: ['nationalities', 1] }] })).to.deep.equal([
      ['nationalities', 1],
    ])
    expect(disclosed({ claims: [{ path: ['degrees', null, 'year'] }] })).to.deep.equal([
      ['degrees', 0, 'year'],
    ])
    expect(disclosed({ claims: [{ path: ['nationalities', 2] }] })).to.equal(undefined)
    expect(disclosed({ claims: [{ path: ['given_name', null] }] })).to.equal(undefined)
    expect(disclosed({ claims: [{ path: ['nationalities', 'length'] }] })).to.equal(undefined)
    expect(disclosed({ claims: [{ path: ['toString'] }] })).to.equal(undefined)
  })

  it('compares values by type and value, and discloses only those that match (OpenID4VP 1.0 §6.4.1)', () => {
    const path = ['age_equal_or_over', '18']
    expect(disclosed({ claims: [{ path, values: [true] }] })).to.deep.equal([path])
    expect(disclosed({ claims: [{ path, values: ['true'] }] })).to.equal(undefined)
    expect(
      disclosed({ claims: [{ path: ['nationalities', null], values: ['DE'] }] }),
    ).to.deep.equal([['nationalities', 1]])
  })

  it('takes the first claim set that can be answered (OpenID4VP 1.0 §6.4.1)', () => {
    const asked = [
      { id: 'a', path: ['family_name'] },
      { id: 'b', path: ['given_name'] },
      { id: 'c', path: ['address', 'country'] },
    ]
    expect(disclosed({ claims: asked, claim_sets: [['a', 'b'], ['c'], ['b']] })).to.deep.equal([
      ['address', 'country'],
    ])
    expect(disclosed({ claims: asked, claim_sets: [['a']] })).to.equal(undefined)
  })

  it('matches format, type and its ancestors, authorities and holder binding (OpenID4VP 1.0 §6.1)', () => {
    const one = (members: object, facts: object) =>
      select(members, [{ ...candidate, ...facts }]).satisfied
    expect(one({}, { format: 'mso_mdoc' })).to.equal(false)
    expect(one({}, { vct: 'urn:other:1' })).to.equal(false)
    expect(one({}, { vct: 'urn:other:1', extendedVcts: [VCT] })).to.equal(true)
    expect(one({}, { holderBound: false })).to.equal(false)
    expect(one({ require_cryptographic_holder_binding: false }, { holderBound: false })).to.equal(
      true,
    )
    const authorities = { trusted_authorities: [{ type: 'aki', values: ['one', 'two'] }] }
    expect(one(authorities, { authorityKeyIds: ['two'] })).to.equal(true)
    expect(one(authorities, { authorityKeyIds: ['three'] })).to.equal(false)
    expect(one(authorities, {})).to.equal(false)
    const unknown = { trusted_authorities: [{ type: 'etsi_tl', values: ['two'] }] }
    expect(one(unknown, { authorityKeyIds: ['two'] })).to.equal(false)
  })

  it('matches other formats by their own metadata (OpenID4VP 1.0 Appendix B)', () => {
    const mdoc = parseDcqlQuery({
      credentials: [
        {
          id: 'mdl',
          format: 'mso_mdoc',
          meta: { doctype_value: 'org.iso.18013.5.1.mDL' },
          claims: [{ path: ['org.iso.18013.5.1', 'family_name'] }],
        },
      ],
    })
    const held = {
      id: 'm',
      format: 'mso_mdoc',
      doctype: 'org.iso.18013.5.1.mDL',
      claims: { 'org.iso.18013.5.1': { family_name: 'x' } },
    }
    expect(selectCredentials(mdoc, [held]).satisfied).to.equal(true)
    expect(selectCredentials(mdoc, [{ ...held, doctype: 'other' }]).satisfied).to.equal(false)
    const w3c = parseDcqlQuery({
      credentials: [{ id: 'v', format: 'jwt_vc_json', meta: { type_values: [['A', 'B'], ['C']] } }],
    })
    const vc = { id: 'v', format: 'jwt_vc_json', claims: {} }
    expect(selectCredentials(w3c, [{ ...vc, types: ['B', 'A'] }]).satisfied).to.equal(true)
    expect(selectCredentials(w3c, [{ ...vc, types: ['A'] }]).satisfied).to.equal(false)
  })

  it('returns nothing when a required set cannot be answered, and takes the first option that can (OpenID4VP 1.0 §6.4.2)', () => {
    const query = (required: boolean) =>
      parseDcqlQuery({
        credentials: [
          credential(),
          credential({ id: 'other', meta: { vct_values: ['urn:other:1'] } }),
          credential({ id: 'third', meta: { vct_values: ['urn:third:1'] } }),
        ],
        credential_sets: [{ options: [['other'], ['pid']] }, { options: [['third']], required }],
      })
    const optional = selectCredentials(query(false), [candidate])
    expect(optional.required.map(({ queryId }) => queryId)).to.deep.equal(['pid'])
    expect(optional.optional).to.deep.equal([])
    const third = { ...candidate, id: 'third', vct: 'urn:third:1' }
    const offered = selectCredentials(query(false), [candidate, third])
    expect(offered.optional.flat().map(({ queryId }) => queryId)).to.deep.equal(['third'])
    const required = selectCredentials(query(true), [candidate])
    expect(required).to.deep.include({ satisfied: false, required: [], missing: ['third'] })
  })

  it('proposes the first candidate and names the others', () => {
    const { required, alternatives } = select({}, [candidate, { ...candidate, id: 'copy-2' }])
    expect(required.map(({ candidateId }) => candidateId)).to.deep.equal(['copy-1'])
    expect(alternatives.pid?.map(({ candidateId }) => candidateId)).to.deep.equal([
      'copy-1',
      'copy-2',
    ])
  })
})

describe('querySatisfied', () => {
  const shown = (members: JsonObject, disclosedPaths: (string | number)[][]) => ({
    format: 'dc+sd-jwt',
    vct: VCT,
    claims: { vct: VCT, ...members },
    disclosedPaths,
  })
  const query = parse({ claims: [{ path: ['given_name'], values: ['Erika'] }] })
  const name = shown({ given_name: 'Erika' }, [['given_name']])

  it('accepts what was asked for', () => {
    expect(querySatisfied(query, { pid: [name] })).to.deep.equal({
      satisfied: true,
      reasons: [],
      surplus: [],
    })
  })

  it('never relies on the wallet (OpenID4VP 1.0 §8.6, §14.9)', () => {
    const cases: [string, Parameters<typeof querySatisfied>[1]][] = [
      ['credential_missing:pid', {}],
      ['credential_missing:pid', { pid: [] }],
      ['claims_missing:pid', { pid: [shown({}, [])] }],
      ['claims_missing:pid', { pid: [shown({ given_name: 'Max' }, [['given_name']])] }],
      ['credential_repeated:pid', { pid: [name, name] }],
      ['credential_type:pid', { pid: [{ ...name, vct: 'urn:other:1' }] }],
      ['credential_type:pid', { pid: [{ ...name, holderBound: false }] }],
      ['not_requested:more', { pid: [name], more: [name] }],
    ]
    for (const [reason, presented] of cases) {
      const { satisfied, reasons } = querySatisfied(query, presented)
      expect(satisfied, reason).to.equal(false)
      expect(reasons).to.include(reason)
    }
  })

  it('checks every presentation where several are allowed', () => {
    const several = parse({ multiple: true, claims: [{ path: ['given_name'] }] })
    expect(querySatisfied(several, { pid: [name, name] }).satisfied).to.equal(true)
    expect(querySatisfied(several, { pid: [name, shown({}, [])] }).reasons).to.deep.equal([
      'claims_missing:pid',
    ])
  })

  it('names what was disclosed without being asked for', () => {
    const more = shown({ given_name: 'Erika', address: { country: 'DE' } }, [
      ['given_name'],
      ['address', 'country'],
    ])
    expect(querySatisfied(query, { pid: [more] })).to.deep.equal({
      satisfied: true,
      reasons: [],
      surplus: [{ queryId: 'pid', path: ['address', 'country'] }],
    })
  })

  it('answers a required set by any of its options', () => {
    const sets = parseDcqlQuery({
      credentials: [credential(), credential({ id: 'b', meta: { vct_values: ['urn:b:1'] } })],
      credential_sets: [{ options: [['pid'], ['b']] }],
    })
    const b = { ...shown({}, []), vct: 'urn:b:1' }
    expect(querySatisfied(sets, { b: [b] }).satisfied).to.equal(true)
    expect(querySatisfied(sets, {}).reasons).to.deep.equal(['credential_missing:pid'])
  })
})
