import { expect } from 'chai'
import { OperatorError } from '../../../shared/operator-error.ts'
import { Problem } from '../../../shared/problem.ts'
import {
  checkWritable,
  type Database,
  lockName,
  openDatabase,
  rollBackWith,
} from '../../../shared/store/database.postgres.ts'
import type { Migrations } from '../../../shared/store/migrations.ts'
import { failureOf } from '../../support/failure.ts'
import { postgresDatabase } from '../../support/postgres.ts'

const first = 'CREATE TABLE thing (id BIGINT PRIMARY KEY, name TEXT NOT NULL)'
const second = 'ALTER TABLE thing ADD COLUMN colour TEXT'

describe('openDatabase on PostgreSQL', () => {
  const opened: Database[] = []
  const open = async (url: string, migrations: Migrations = {}): Promise<Database> => {
    const database = await openDatabase(url, migrations)
    opened.push(database)
    return database
  }
  afterEach(async () => {
    for (const database of opened.splice(0)) await database.close()
  })
  const codeOf = async (url: string, migrations: Migrations = {}): Promise<string> => {
    const failure = await failureOf(open(url, migrations))
    return failure instanceof OperatorError ? failure.code : String(failure)
  }
  const change = (url: string, pattern: string | RegExp, by: string) => url.replace(pattern, by)

  it('commits to the disk even where the server says otherwise, and bounds waiting', async () => {
    const url = `${await postgresDatabase()}%20-c%20synchronous_commit%3Doff`
    const database = await open(url)
    const settings = await database.get(
      `SELECT current_setting('synchronous_commit') AS commit, current_setting('lock_timeout') AS lock,
         current_setting('statement_timeout') AS statement,
         current_setting('idle_in_transaction_session_timeout') AS idle`,
    )
    expect(settings).to.deep.equal({ commit: 'on', lock: '10s', statement: '30s', idle: '30s' })
  })

  it('works in the schema that the address names, and in no other', async () => {
    const [one, other] = [await postgresDatabase(), await postgresDatabase()]
    const schemaOf = (url: string) => /search_path%3D(\w+)/.exec(url)?.[1] ?? ''
    const named = (url: string) => `${url.replace(/\?.*/, '')}?schema=${schemaOf(url)}`
    const north = await open(named(one), { thing: [first] })
    const south = await open(named(other), { thing: [first] })
    await north.run("INSERT INTO thing VALUES (1, 'a')")
    expect(await south.all('SELECT * FROM thing')).to.deep.equal([])
    expect(await (await open(one, { thing: [first] })).all('SELECT * FROM thing')).to.have.length(1)
    expect(await codeOf(`${named(one).replace(/=.*/, '=')}absent`)).to.equal('database_unusable')
    expect(await codeOf(`${named(one).replace(/=.*/, '=')}a"b`)).to.equal('config_invalid')
  })

  it('applies what is new and nothing twice, also when two processes start at once', async () => {
    const url = await postgresDatabase()
    await open(url, { thing: [first] })
    await Promise.all([1, 2, 3].map(() => open(url, { thing: [first, second] })))
    const database = await open(url, { thing: [first, second] })
    await database.run("INSERT INTO thing VALUES (1, 'a', 'red')")
    const rows = await database.all('SELECT component, number FROM migration ORDER BY number')
    expect(rows).to.deep.equal([
      { component: 'thing', number: 1 },
      { component: 'thing', number: 2 },
    ])
  })

  it('leaves no half of a migration that failed and resumes with the mended one', async () => {
    const url = await postgresDatabase()
    const broken = 'CREATE TABLE half (id BIGINT); CREATE TABLE half (id BIGINT)'
    expect(await codeOf(url, { thing: [first, broken] })).to.equal('database_unusable')
    const database = await open(url, { thing: [first, second] })
    const half = await database.get("SELECT to_regclass('half') AS half")
    expect(half).to.deep.equal({ half: null })
  })

  it('refuses a database that a newer program has written, untouched', async () => {
    const url = await postgresDatabase()
    await open(url, { thing: [first, second] })
    expect(await codeOf(url, { thing: [first] })).to.equal('database_newer')
    expect(await codeOf(url)).to.equal('database_newer')
  })

  it('refuses a migration whose text has changed since it was applied', async () => {
    const url = await postgresDatabase()
    await open(url, { thing: [first] })
    expect(await codeOf(url, { thing: [second] })).to.equal('database_changed')
  })

  it('refuses a server that is not there, a wrong password and a database that is not there', async () => {
    const url = await postgresDatabase()
    const wrong = [
      change(url, /:\d+\//, ':1/'),
      change(url, 'p4ss-word', 'not-the-password'),
      `${url}_missing`,
    ]
    for (const one of wrong) expect(await codeOf(one), one).to.equal('database_unusable')
  })

  it('tells nobody the password of the connection string', async () => {
    const url = await postgresDatabase()
    for (const one of [
      change(url, /:\d+\//, ':1/'),
      `${url}_missing`,
      'postgres://u:p4ss-word@[::',
    ]) {
      const failure = (await failureOf(open(one))) as OperatorError
      const told = [failure.message, failure.hint, failure.stack, String(failure.cause)].join('\n')
      expect(told).to.not.contain('p4ss-word')
    }
  })

  it('reads eight-byte numbers as numbers and refuses one that is not a safe integer', async () => {
    const database = await open(await postgresDatabase())
    expect(await database.get('SELECT 9007199254740991::int8 AS n')).to.deep.equal({
      n: Number.MAX_SAFE_INTEGER,
    })
    const failure = await failureOf(database.get('SELECT 9007199254740993::int8 AS n'))
    expect(failure).to.be.instanceOf(RangeError)
  })

  describe('a transaction', () => {
    let one: Database
    let other: Database
    beforeEach(async () => {
      const url = await postgresDatabase()
      one = await open(url, { thing: [first] })
      other = await open(url, { thing: [first] })
      await one.run("INSERT INTO thing VALUES (1, 'a'), (2, 'b')")
    })
    const names = () => one.all<{ name: string }>('SELECT name FROM thing ORDER BY id')

    it('rolls back when its work throws, and answers a value when it is told to', async () => {
      const failing = one.transaction(async (tx) => {
        await tx.run("UPDATE thing SET name = 'x'")
        throw new Error('stop')
      })
      expect(await failureOf(failing)).to.have.property('message', 'stop')
      const told = await one.transaction(async (tx) => {
        await tx.run("UPDATE thing SET name = 'y'")
        return rollBackWith('refused')
      })
      expect(told).to.equal('refused')
      expect(await names()).to.deep.equal([{ name: 'a' }, { name: 'b' }])
    })

    it('is run again when it was the victim of a deadlock', async () => {
      let runs = 0
      const crossing = (database: Database, ids: readonly number[]) =>
        database.transaction(async (tx) => {
          runs += 1
          for (const id of ids) {
            await tx.run('UPDATE thing SET name = name || $2 WHERE id = $1', [id, '+'])
            await tx.run('SELECT pg_sleep(0.05)')
          }
        })
      await Promise.all([crossing(one, [1, 2]), crossing(other, [2, 1])])
      expect(runs).to.be.greaterThan(2)
      expect(await names()).to.deep.equal([{ name: 'a++' }, { name: 'b++' }])
    }).timeout(10_000)

    it('gives up after eight runs', async () => {
      let runs = 0
      const failing = one.transaction(async (tx) => {
        runs += 1
        await tx.run("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$")
      })
      expect(await failureOf(failing)).to.have.property('code', '40001')
      expect(runs).to.equal(8)
    })

    it('takes turns under a name', async () => {
      const order: string[] = []
      const turn = (database: Database, mark: string) =>
        database.transaction(async (tx) => {
          await lockName(tx, 'turn')
          order.push(`${mark} in`)
          await tx.run('SELECT pg_sleep(0.02)')
          order.push(`${mark} out`)
        })
      await Promise.all([turn(one, 'a'), turn(other, 'b')])
      expect(order.map((line) => line.split(' ')[1])).to.deep.equal(['in', 'out', 'in', 'out'])
    })

    it('reads one snapshot, and writes nothing in it', async () => {
      await one.snapshot(async (tx) => {
        const before = await tx.all('SELECT name FROM thing ORDER BY id')
        await other.run("UPDATE thing SET name = 'changed'")
        expect(await tx.all('SELECT name FROM thing ORDER BY id')).to.deep.equal(before)
      })
      const writing = one.snapshot((tx) => tx.run("UPDATE thing SET name = 'x'"))
      expect(await failureOf(writing)).to.have.property('code', '25006')
    })

    it('can be written to, and refuses a text with a NUL as the caller’s mistake', async () => {
      await checkWritable(one)
      const failure = await failureOf(one.run('INSERT INTO thing VALUES (3, $1)', ['a\u0000b']))
      expect(failure).to.be.instanceOf(Problem).with.property('code', 'request_invalid')
      expect(await names()).to.have.length(2)
    })

    it('is busy when the server ends its connection, and the next one works', async () => {
      const failing = one.transaction(async (tx) => {
        const own = await tx.get<{ pid: number }>('SELECT pg_backend_pid() AS pid')
        await other.get('SELECT pg_terminate_backend($1)', [own?.pid])
        await tx.get('SELECT 1')
      })
      const failure = await failureOf(failing)
      expect(failure).to.be.instanceOf(Problem).with.property('code', 'busy')
      expect(await names()).to.have.length(2)
    })
  })
})
