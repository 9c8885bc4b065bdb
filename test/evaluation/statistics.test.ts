import { expect } from 'chai'
import { dataSet, partOf } from '../../evaluation/dataset.ts'
import { randomHolder } from '../../evaluation/holders.ts'
import { seededRandom } from '../../evaluation/random.ts'
import { regressions } from '../../evaluation/report.ts'
import { rate, renderRate } from '../../evaluation/statistics.ts'

describe('rate', () => {
  it('gives Wilson intervals (Wilson 1927; values of Newcombe 1998, table I)', () => {
    const few = rate(81, 263)
    expect([few.low, few.high].map((x) => x.toFixed(4))).to.deep.equal(['0.2553', '0.3662'])
    const none = rate(0, 20)
    expect([none.low, none.high].map((x) => x.toFixed(4))).to.deep.equal(['0.0000', '0.1611'])
  })

  it('says that there is no data where there is none', () => {
    expect(renderRate(rate(0, 0))).to.equal('no data')
    expect(renderRate(rate(39, 40))).to.equal('97.5 % (39/40, 87.1–99.6)')
  })
})

describe('dataSet', () => {
  const items = ['a', 'b'].map((path, i) => ({
    path,
    sha256: `${'0'.repeat(63)}${i}`,
    bytes: Buffer.alloc(0),
  }))

  it('is named by what is in it, in any order', () => {
    expect(dataSet(items).digest).to.equal(dataSet([...items].reverse()).digest)
    expect(dataSet(items.slice(1)).digest).to.not.equal(dataSet(items).digest)
  })

  it('splits by the last digit of the digest', () => {
    expect(dataSet(items).items.map(({ part }) => part)).to.deep.equal(['tuning', 'reporting'])
    expect(partOf('ff'.repeat(32))).to.equal('reporting')
  })
})

describe('regressions', () => {
  const tracked = (hits: number) => [{ name: 'zone clean whole', rate: rate(hits, 100) }]

  it('finds a figure that is worse than the committed one by more than its interval', () => {
    expect(regressions(tracked(98), tracked(90))).to.have.length(1)
  })

  it('finds none where it is better, within the interval, or new', () => {
    expect(regressions(tracked(98), tracked(100))).to.deep.equal([])
    expect(regressions(tracked(98), tracked(95))).to.deep.equal([])
    expect(regressions([], tracked(10))).to.deep.equal([])
  })
})

describe('randomHolder', () => {
  it('makes the same holder of the same seed, within what ICAO 9303 allows', () => {
    for (let seed = 0; seed < 200; seed++) {
      const holder = randomHolder(seededRandom(seed))
      expect(randomHolder(seededRandom(seed))).to.deep.equal(holder)
      expect(holder.number).to.match(/^[A-Z0-9]{6,9}$/)
      expect(holder.birth).to.match(/^\d{6}$/)
      expect(`${holder.surname}${holder.givenNames}`).to.match(/^[A-Z ]+$/)
    }
  })
})
