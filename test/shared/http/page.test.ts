import { expect } from 'chai'
import fc from 'fast-check'
import { z } from 'zod'
import { type PageQuery, pageOf, pageQuery } from '../../../shared/http/page.http.ts'
import { Problem } from '../../../shared/problem.ts'
import { failureOf } from '../../support/failure.ts'

type Row = readonly [at: number, id: string]

const place = { list: 'things', position: z.tuple([z.int(), z.string().max(16)]) }
const compare = (one: Row, other: Row): number =>
  one[0] - other[0] || (one[1] < other[1] ? -1 : Number(one[1] > other[1]))

/** A page of `rows` as a store reads it. */
const page = (rows: readonly Row[], query: PageQuery, from = place) =>
  pageOf<Row, [number, string]>(query, from, {
    read: async ({ limit, after }) =>
      [...rows]
        .sort(compare)
        .filter((row) => after === undefined || compare(row, after) > 0)
        .slice(0, limit),
    positionOf: ([at, id]) => [at, id],
  })

describe('pageOf', () => {
  const rows: readonly Row[] = ['a', 'b', 'c', 'd', 'e'].map((id) => [7, id])

  it('tells every row that stays once, while others come and go between the pages', () =>
    fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(fc.nat(5), fc.stringMatching(/^[a-z]{1,3}$/)), {
          selector: ([, id]) => id,
          maxLength: 40,
        }),
        fc.infiniteStream(fc.tuple(fc.nat(5), fc.stringMatching(/^[A-Z]{1,3}$/))),
        fc.integer({ min: 1, max: 7 }),
        async (staying, coming, limit) => {
          const told: Row[] = []
          let present: Row[] = [...staying]
          let cursor: string | undefined
          do {
            const { rows: some, next } = await page(present, { limit, cursor })
            expect(some.length).to.be.at.most(limit)
            told.push(...some)
            cursor = next.next
            present = [...staying, coming.next().value, coming.next().value]
          } while (cursor !== undefined && told.length < 1000)
          const stayed = new Set(staying.map(([, id]) => id))
          const found = told.filter(([, id]) => stayed.has(id))
          expect(found).to.deep.equal([...staying].sort(compare))
        },
      ),
      { numRuns: 50 },
    ))

  it('says that there is no more exactly where there is none', async () => {
    expect((await page(rows, { limit: 5 })).next).to.deep.equal({})
    const { rows: some, next } = await page(rows, { limit: 4 })
    expect(some.map(([, id]) => id).join('')).to.equal('abcd')
    expect((await page(rows, { limit: 4, cursor: next.next })).rows).to.deep.equal([[7, 'e']])
    expect(await page([], { limit: 1 })).to.deep.equal({ rows: [], next: {} })
  })

  it('refuses a cursor that is not one of this list and these parameters', async () => {
    const { next } = await page(rows, { limit: 1 })
    const cursor = next.next ?? ''
    const encoded = (value: unknown): string =>
      Buffer.from(JSON.stringify(value)).toString('base64url')
    expect(encoded(['things', {}, [7, 'a']])).to.equal(cursor)
    const wrong = [
      ...['', 'x', '====', `${cursor}A`, cursor.slice(1), encoded('things'), encoded([])],
      ...[encoded(['others', {}, [7, 'a']]), encoded(['things', {}, [7, 'a', 1]])],
      ...[encoded(['things', {}, ['7', 'a']]), encoded(['things', {}, [7, 'a'.repeat(17)]])],
      ...[encoded(['things', { state: 'dead' }, [7, 'a']]), encoded(['x', 'things', {}, [7, 'a']])],
      Buffer.from('["things",{}, [7,"a"]]').toString('base64url'),
    ]
    for (const each of wrong) {
      expect(await failureOf(page(rows, { limit: 1, cursor: each })), each)
        .to.be.instanceOf(Problem)
        .with.property('code', 'cursor_invalid')
    }
    const narrowed = { ...place, filter: { state: 'dead' } }
    expect(await failureOf(page(rows, { limit: 1, cursor }, narrowed))).to.be.instanceOf(Problem)
  })

  it('is asked for 1 to 500 rows, 100 where nothing is said, by a cursor of bounded length', () => {
    expect(pageQuery.parse({})).to.deep.equal({ limit: 100 })
    expect(pageQuery.parse({ limit: '500', cursor: 'x' })).to.deep.equal({
      limit: 500,
      cursor: 'x',
    })
    for (const limit of ['0', '501', '-1', '1.5', 'all', ['1', '2']]) {
      expect(pageQuery.safeParse({ limit }).success, String(limit)).to.equal(false)
    }
    expect(pageQuery.safeParse({ cursor: 'x'.repeat(513) }).success).to.equal(false)
    expect(pageQuery.safeParse({ offset: '3' }).success).to.equal(false)
  })
})
