import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { compareNames, type PreparedName, prepareName } from '../../issuer/screening/name.ts'
import { external } from '../support/external.ts'

/** The threshold of the package's own workflow. */
const THRESHOLD = 0.8

/** Listed people of the United Nations and people on no list, collected by OpenSanctions (yente, MIT). */
describe('compareNames on names that others collected', () => {
  let folder: string
  let listed: readonly PreparedName[]
  before(function () {
    folder = external(this, 'data/aml')
    listed = firstColumn('un_queries_exact.csv')
  })
  const firstColumn = (file: string, every = 1): PreparedName[] =>
    readFileSync(join(folder, file), 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => /^(?:"((?:[^"]|"")*)"|([^,]*))/.exec(line))
      .map((match) => match?.[1] ?? match?.[2] ?? '')
      .filter((name, index) => name !== '' && index % every === 0)
      .map(prepareName)
  const isHit = (name: PreparedName): boolean =>
    listed.some((other) => compareNames(name, other).score >= THRESHOLD)
  const share = (names: readonly PreparedName[]): number =>
    names.filter(isHit).length / names.length

  it('finds every listed name as it is written', () => {
    expect(share(listed.slice(0, 100))).to.equal(1)
  })

  it('finds nine of ten with typing errors, in another order, with parts left out', () => {
    expect(share(firstColumn('un_queries_distorted.csv', 2))).to.be.at.least(0.88)
  })

  it('takes next to nobody for one of them who is on no list', () => {
    const people = [
      ...firstColumn('not_listed_global.csv', 50),
      ...firstColumn('not_listed_us.csv', 50),
    ]
    expect(people).to.have.length.greaterThan(150)
    expect(share(people)).to.be.at.most(0.01)
  })
}).timeout(30_000)
