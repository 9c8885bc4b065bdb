import { expect } from 'chai'
import { fairQueue } from '../../../issuer/evidence/fair-queue.ts'

describe('fairQueue', () => {
  it('takes from callers in turn, each in the order of arrival', () => {
    const queue = fairQueue<string>({ limit: 10, share: 5 })
    for (const item of ['a1', 'a2', 'a3']) queue.push('a', item)
    queue.push('b', 'b1')
    const taken = Array.from({ length: 5 }, () => queue.shift())
    expect(taken).to.deep.equal(['a1', 'b1', 'a2', 'a3', undefined])
  })

  it('refuses what is beyond the bound, and beyond one caller’s share', () => {
    const queue = fairQueue<number>({ limit: 3, share: 2 })
    expect([1, 2, 3].map((item) => queue.push('a', item))).to.deep.equal([true, true, false])
    expect(queue.push('b', 4)).to.equal(true)
    expect(queue.push('c', 5)).to.equal(false)
    expect(queue.length).to.equal(3)
    queue.shift()
    expect(queue.push('c', 5)).to.equal(true)
  })
})
