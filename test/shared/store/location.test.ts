import { expect } from 'chai'
import { defaultMark, parseStoreLocation, storeLocation } from '../../../shared/store/location.ts'

describe('parseStoreLocation', () => {
  it('knows a path, sqlite:PATH and both names of PostgreSQL', () => {
    for (const text of ['data/issuer.db', '/var/lib/a b.db', 'sqlite:data/issuer.db', 'C.db']) {
      expect(parseStoreLocation(text)).to.include({ engine: 'sqlite' })
    }
    expect(parseStoreLocation('sqlite:/var/x.db')).to.deep.equal({
      engine: 'sqlite',
      path: '/var/x.db',
    })
    for (const url of ['postgres://h/d', 'postgresql://u:p@h:1/d?sslmode=verify-full']) {
      expect(parseStoreLocation(url)).to.deep.equal({ engine: 'postgres', url })
    }
  })

  it('takes nothing else that has a scheme, and nothing empty', () => {
    for (const text of ['', 'sqlite:', 'postgres:', 'postgre://h/d', 'mysql://h/d', 'file:x']) {
      expect(parseStoreLocation(text), text).to.equal(undefined)
      const { error } = storeLocation.safeParse(text)
      expect(error?.issues[0]?.message).to.match(/is neither a path/)
    }
    const told = storeLocation.safeParse('mysql://user:secret@h/d').error?.message
    expect(told).to.not.contain('secret')
  })

  it('keeps the mark beside an SQLite file', () => {
    expect(defaultMark('sqlite:data/x.db', 'issuer')).to.equal('data/x.db.checkpoint')
    expect(defaultMark('data/x.db', 'issuer')).to.equal('data/x.db.checkpoint')
    expect(defaultMark('postgres://h/d', 'issuer')).to.equal('issuer.checkpoint')
    expect(defaultMark('postgres://h/d?schema=north', 'issuer')).to.equal('issuer-north.checkpoint')
  })
})
