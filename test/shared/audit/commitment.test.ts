import { expect } from 'chai'
import { commit, commitmentSalt } from '../../../shared/audit/commitment.ts'

const details = { list: 'https://issuer.example/status/a', idx: 7, to: 'revoked' }
const subjectKey = Buffer.alloc(32, 7)

describe('commit', () => {
  // Values computed with Python's hmac and hashlib from the description in docs/log.md.
  it('gives the same bytes for the same inputs, in any member order', () => {
    const salt = commitmentSalt(subjectKey, 'status.changed/1')
    expect(salt.toString('hex')).to.equal(
      '138256071462c2a766a10da55f09dc3c4a076d73deb5bbf98d365cb4a74cc992',
    )
    expect(commit(details, salt)).to.equal('tcA-rlTwcthlRvJYnhXd8zjpGkJKLseCXV2LC8Hb29Y')
    const { list, ...rest } = details
    expect(commit({ ...rest, list }, salt)).to.equal(commit(details, salt))
  })

  it('says something else for another index, another person and another purpose', () => {
    const seen = new Set([
      commit(details, commitmentSalt(subjectKey, 'a')),
      commit({ ...details, idx: 8 }, commitmentSalt(subjectKey, 'a')),
      commit(details, commitmentSalt(Buffer.alloc(32, 8), 'a')),
      commit(details, commitmentSalt(subjectKey, 'b')),
    ])
    expect(seen.size).to.equal(4)
  })

  it('refuses a salt or a key that is too short to hide anything', () => {
    expect(() => commit(details, Buffer.alloc(16))).to.throw(RangeError)
    expect(() => commitmentSalt(Buffer.alloc(16), 'a')).to.throw(RangeError)
  })
})
