import { expect } from 'chai'
import { claimsAt, pickClaims } from '../../../verifier/presentation/claims.ts'

const claims = {
  name: 'a',
  address: { street: 's', country: 'UTO' },
  nationalities: ['UTO', 'XXA'],
  degrees: [{ type: 'b', year: 1 }, { year: 2 }],
  empty: {},
  __proto__: undefined as never,
}

describe('pickClaims', () => {
  for (const [paths, picked] of [
    [[], {}],
    [[['name']], { name: 'a' }],
    [[['address', 'country']], { address: { country: 'UTO' } }],
    [[['address']], { address: { street: 's', country: 'UTO' } }],
    [[['nationalities', null]], { nationalities: ['UTO', 'XXA'] }],
    [[['nationalities', 1]], { nationalities: ['XXA'] }],
    [[['degrees', null, 'type']], { degrees: [{ type: 'b' }] }],
    [
      [
        ['degrees', 0, 'year'],
        ['degrees', 1],
      ],
      { degrees: [{ year: 1 }, { year: 2 }] },
    ],
    [[['missing'], ['name', 'x'], ['address', null], ['nationalities', 9]], {}],
    [[['empty']], { empty: {} }],
    [[['constructor'], ['toString']], {}],
  ] as [(string | number | null)[][], object][]) {
    it(`picks ${JSON.stringify(paths)}`, () => {
      expect(pickClaims(claims, paths)).to.deep.equal(picked)
    })
  }
})

describe('claimsAt', () => {
  it('answers every value at a path (OpenID4VP 1.0 §7.1)', () => {
    expect(claimsAt(claims, ['degrees', null, 'year'])).to.deep.equal([1, 2])
    expect(claimsAt(claims, ['address', 'street'])).to.deep.equal(['s'])
    expect(claimsAt(claims, ['address', 'city'])).to.deep.equal([])
  })
})
