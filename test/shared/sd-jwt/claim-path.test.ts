import { expect } from 'chai'
import { resolveClaimPath } from '../../../shared/sd-jwt/claim-path.ts'

describe('resolveClaimPath', () => {
  const claims = {
    rows: [
      ['a', 'b'],
      ['c', null],
    ],
    people: [{ name: 'x' }, { name: 'y', nick: 'z' }],
    mixed: [{ name: 'x' }, 'text'],
    nothing: null,
    none: [],
  }

  it('selects a member, an element and every element, in order (OpenID4VP 1.0 §7.1)', () => {
    expect(resolveClaimPath(claims, ['rows', 1, 0])).to.deep.equal([['rows', 1, 0]])
    expect(resolveClaimPath(claims, ['rows', null, 1])).to.deep.equal([
      ['rows', 0, 1],
      ['rows', 1, 1],
    ])
    expect(resolveClaimPath(claims, ['rows', null, null])).to.have.length(4)
    expect(resolveClaimPath(claims, ['nothing'])).to.deep.equal([['nothing']])
  })

  it('leaves out elements that do not have what is asked for (OpenID4VP 1.0 §7.1)', () => {
    expect(resolveClaimPath(claims, ['people', null, 'nick'])).to.deep.equal([
      ['people', 1, 'nick'],
    ])
    expect(resolveClaimPath(claims, ['rows', null, 2])).to.deep.equal([])
    expect(resolveClaimPath(claims, ['none', null])).to.deep.equal([])
  })

  it('selects nothing at all where a value on the way is of another kind (OpenID4VP 1.0 §7.1)', () => {
    for (const path of [
      ['mixed', null, 'name'],
      ['people', 'name'],
      ['people', null, 0],
      ['nothing', 'x'],
      ['nothing', null],
      ['rows', 0, 0, 'x'],
      ['people', 0, null],
      [0],
    ]) {
      expect(resolveClaimPath(claims, path), JSON.stringify(path)).to.deep.equal([])
    }
  })
})
