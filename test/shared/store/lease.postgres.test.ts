import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { type Database, openDatabase } from '../../../shared/store/database.postgres.ts'
import {
  type FencedLease,
  leaseMigrations,
  openLease,
} from '../../../shared/store/lease.postgres.ts'
import { LeaseLost } from '../../../shared/store/lease.ts'
import { failureOf } from '../../support/failure.ts'
import { postgresDatabase } from '../../support/postgres.ts'

describe('a lease on PostgreSQL', () => {
  let one: Database
  let other: Database
  let first: FencedLease
  let second: FencedLease
  const opened = async (ttlMs?: number): Promise<void> => {
    const url = await postgresDatabase()
    const migrations = { lease: leaseMigrations, written: ['CREATE TABLE written (by TEXT)'] }
    one = await openDatabase(url, migrations)
    other = await openDatabase(url, migrations)
    first = openLease(one, 'work', ttlMs)
    second = openLease(other, 'work', ttlMs)
  }
  afterEach(async () => {
    await one.close()
    await other.close()
  })
  const write = (db: Database, lease: FencedLease, by: string) =>
    db.transaction(async (tx) => {
      await lease.fence(tx)
      await tx.run('INSERT INTO written VALUES ($1)', [by])
    })
  const written = async () =>
    (await one.all<{ by: string }>('SELECT by FROM written')).map(({ by }) => by)

  it('lets one at a time work, and the next when it has ended, also by a failure', async () => {
    await opened()
    const outcome = await first.during(async () => {
      expect(await second.during(async () => 'second')).to.equal(undefined)
      expect(await openLease(other, 'else').during(async () => 'else')).to.deep.equal({
        result: 'else',
      })
      return 'first'
    })
    expect(outcome).to.deep.equal({ result: 'first' })
    expect([await first.isOurs(), await second.isOurs()]).to.deep.equal([true, false])
    const failing = second.during(async () => {
      throw new Error('stop')
    })
    expect(await failureOf(failing)).to.have.property('message', 'stop')
    expect([await first.isOurs(), await second.isOurs()]).to.deep.equal([false, true])
    expect(await first.during(async () => 'again')).to.deep.equal({ result: 'again' })
  })

  it('is renewed for as long as the work takes', async () => {
    await opened(150)
    await first.during(async () => {
      await sleep(400)
      expect(await second.during(async () => 'second')).to.equal(undefined)
      await write(one, first, 'first')
    })
    expect(await written()).to.deep.equal(['first'])
  })

  it('refuses the write of a holder that was taken over, also when it comes back', async () => {
    await opened()
    await first.during(async () => {
      // What the server's clock would do to a holder that does not renew.
      await other.run("UPDATE lease SET expires_at = clock_timestamp() - interval '1 second'")
      await second.during(() => write(other, second, 'second'))
      expect(await failureOf(write(one, first, 'first'))).to.be.instanceOf(LeaseLost)
    })
    expect(await written()).to.deep.equal(['second'])
    expect(await second.during(async () => 'free')).to.deep.equal({ result: 'free' })
  })

  it('is nobody’s outside of the work', async () => {
    await opened()
    expect(await failureOf(write(one, first, 'first'))).to.be.instanceOf(LeaseLost)
    await first.during(() => write(one, first, 'first'))
    expect(await failureOf(write(one, first, 'first'))).to.be.instanceOf(LeaseLost)
    expect(await written()).to.deep.equal(['first'])
  })

  it('is not taken over while a write that proved it is under way', async () => {
    await opened()
    const order: string[] = []
    let takeover: Promise<unknown> = Promise.resolve()
    await first.during(() =>
      one.transaction(async (tx) => {
        await first.fence(tx)
        takeover = other
          .run("UPDATE lease SET expires_at = '-infinity'")
          .then(() => second.during(async () => order.push('second')))
        await sleep(100)
        order.push('first')
      }),
    )
    await takeover
    expect(order).to.deep.equal(['first', 'second'])
  })
})
