import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { OperatorError } from '../../../shared/operator-error.ts'
import { immediate, isOlder, openDatabase } from '../../../shared/store/database.sqlite.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const first = 'CREATE TABLE thing(id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT'
const second = 'ALTER TABLE thing ADD COLUMN colour TEXT'

describe('openDatabase', () => {
  const folder = temporaryFolder()
  after(folder.remove)
  const path = (name: string) => join(folder.path, name)
  const codeOf = (work: () => unknown): string | undefined => {
    try {
      work()
    } catch (error) {
      return error instanceof OperatorError ? error.code : String(error)
    }
    return undefined
  }

  it('survives power loss: WAL, synchronous=FULL, foreign keys, no trusted schema', () => {
    const db = openDatabase(path('pragmas'), {})
    expect(db.pragma('journal_mode', { simple: true })).to.equal('wal')
    expect(db.pragma('synchronous', { simple: true })).to.equal(2)
    expect(db.pragma('foreign_keys', { simple: true })).to.equal(1)
    expect(db.pragma('trusted_schema', { simple: true })).to.equal(0)
    expect(db.pragma('busy_timeout', { simple: true })).to.be.greaterThan(0)
    db.close()
  })

  it('applies what is new and nothing twice', () => {
    openDatabase(path('grows'), { thing: [first] }).close()
    const db = openDatabase(path('grows'), { thing: [first, second] })
    db.prepare("INSERT INTO thing(name, colour) VALUES ('a', 'red')").run()
    db.close()
    const again = openDatabase(path('grows'), { thing: [first, second] })
    expect(again.prepare('SELECT count(*) FROM thing').pluck().get()).to.equal(1)
    again.close()
  })

  it('leaves no half of a migration that failed and resumes with the mended one', () => {
    const broken = 'CREATE TABLE half(id INTEGER) STRICT; CREATE TABLE half(id INTEGER) STRICT'
    expect(codeOf(() => openDatabase(path('half'), { thing: [first, broken] }))).to.equal(
      'database_unusable',
    )
    const db = openDatabase(path('half'), { thing: [first, second] })
    const tables = db.prepare("SELECT name FROM sqlite_schema WHERE name = 'half'").all()
    expect(tables).to.deep.equal([])
    db.close()
  })

  it('refuses a database that a newer program has written, untouched', () => {
    openDatabase(path('newer'), { thing: [first, second] }).close()
    expect(codeOf(() => openDatabase(path('newer'), { thing: [first] }))).to.equal('database_newer')
    expect(codeOf(() => openDatabase(path('newer'), {}))).to.equal('database_newer')
  })

  it('refuses a migration whose text has changed since it was applied', () => {
    openDatabase(path('changed'), { thing: [first] }).close()
    expect(codeOf(() => openDatabase(path('changed'), { thing: [second] }))).to.equal(
      'database_changed',
    )
  })

  it('refuses a file that is no database and a folder that is not there', () => {
    writeFileSync(path('text'), 'no database at all, but long enough to have a header\n'.repeat(40))
    expect(codeOf(() => openDatabase(path('text'), {}))).to.equal('database_unusable')
    expect(codeOf(() => openDatabase(path('no/such/folder'), {}))).to.equal('database_unusable')
  })

  it('knows the versions of SQLite that can lose data', () => {
    expect(['3.51.2', '3.40.1', '3.9.99', '2.99.9'].map(isOlder)).to.not.include(false)
    expect(['3.51.3', '3.53.2', '4.0.0'].map(isOlder)).to.not.include(true)
  })

  it('rolls a transaction back when its work throws', () => {
    const db = openDatabase(':memory:', { thing: [first] })
    expect(() =>
      immediate(db, () => {
        db.prepare("INSERT INTO thing(name) VALUES ('a')").run()
        throw new Error('stop')
      }),
    ).to.throw('stop')
    expect(db.prepare('SELECT count(*) FROM thing').pluck().get()).to.equal(0)
    db.close()
  })
})
