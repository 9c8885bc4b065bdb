import { expect } from 'chai'
import { fairQueue } from '../../../issuer/evidence/fair-queue.ts'

describe('fairQueue', () => {
  it('takes from callers in turn, each in the order of arrival', () => {
    const queue = fairQueue<string>({ limit: 10, share: 5 })
    for (const item of ['a1', 'a2', 'a3']) queue.push({ caller: 'a' }, item)
    queue.push({ caller: 'b' }, 'b1')
    const taken = Array.from({ length: 5 }, () => queue.shift())
    expect(taken).to.deep.equal(['a1', 'b1', 'a2', 'a3', undefined])
  })

  it('refuses what is beyond the bound, and beyond one caller’s share', () => {
    const queue = fairQueue<number>({ limit: 3, share: 2 })
    expect([1, 2, 3].map((item) => queue.push({ caller: 'a' }, item))).to.deep.equal([
      true,
      true,
      false,
    ])
    expect(queue.push({ caller: 'b' }, 4)).to.equal(true)
    expect(queue.push({ caller: 'c' }, 5)).to.equal(false)
    expect(queue.length).to.equal(3)
    queue.shift()
    expect(queue.push({ caller: 'c' }, 5)).to.equal(true)
  })

  it('takes from tenants in turn, however many callers one of them has', () => {
    const queue = fairQueue<string>({ limit: 10, share: 2, tenantShare: 4 })
    for (const caller of ['a', 'b', 'c']) queue.push({ tenant: 'north', caller }, `north ${caller}`)
    queue.push({ tenant: 'south', caller: 'a' }, 'south a')
    const taken = [queue.shift(), queue.shift(), queue.shift(), queue.shift(), queue.shift()]
    expect(taken).to.deep.equal(['north a', 'south a', 'north b', 'north c', undefined])
  })

  it('keeps the places of one tenant from another that sends without end', () => {
    const queue = fairQueue<number>({ limit: 6, share: 2, tenantShare: 3 })
    const pushed = [1, 2, 3, 4].map((item) =>
      queue.push({ tenant: 'north', caller: `caller ${item}` }, item),
    )
    expect(pushed).to.deep.equal([true, true, true, false])
    expect(queue.push({ tenant: 'south', caller: 'a' }, 5)).to.equal(true)
    queue.shift()
    expect(queue.push({ tenant: 'north', caller: 'e' }, 6)).to.equal(true)
  })
})
