import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import fc from 'fast-check'
import { compareNames, nameTokens, prepareName } from '../../../issuer/screening/name.ts'
import { screen } from '../../../issuer/screening/screen.ts'
import { readWatchlist } from '../../../issuer/screening/watchlist.ts'
import { evidenceWith } from '../../support/evidence.ts'
import { WATCHLIST_FILE } from '../../support/issuer.ts'

const now = 1_782_864_000
const file = readFileSync(WATCHLIST_FILE)
const list = readWatchlist(file)

const screenPerson = (given_name: string, family_name: string, birthdate: string | undefined) =>
  screen(evidenceWith({ fields: { given_name, family_name, birthdate } }), [list], {
    threshold: 0.8,
    now,
  })

describe('screen', () => {
  it('finds the planted person, and explains the score by feature', () => {
    const { hits, compared, lists } = screenPerson('VIKTOR PLANTED', 'LISTHIT', '1970-01-01')
    expect(hits).to.have.length(1)
    expect(hits[0]).to.include({ list: 'made-up-persons', entry: 'MUP-0001', score: 1 })
    expect(hits[0]?.features.map(({ feature }) => feature)).to.deep.equal([
      'name',
      'birthdate',
      'nationality',
    ])
    expect(compared).to.deep.equal(['name', 'birthdate', 'nationality'])
    expect(lists).to.deep.equal([
      { id: 'made-up-persons', version: '2026-11-25', sha256: list.sha256, entries: 4 },
    ])
  })

  it('finds the person in another order, spelling, and where the list is in another script', () => {
    for (const [given, family] of [
      ['LISTHIT', 'VIKTOR PLANTED'],
      ['VICTOR', 'LISTHIT'],
      ['VIKTOR', 'LISTHITT'],
      ['VIKTOR\u200B', 'LIST\u00ADHIT'],
      ['ВИКТОР', 'ЛИСТХИТ'],
    ] as const) {
      const { hits } = screenPerson(given, family, '1970-01-01')
      expect(hits[0]?.entry, `${given} ${family}`).to.equal('MUP-0001')
    }
  })

  it('takes a listed name in another script as the zone of a document has it (ICAO 9303-3 §6 B, C)', () => {
    const score = (subject: string, listed: string) =>
      compareNames(prepareName(subject), prepareName(listed)).score
    expect(score('IULIIA SHCHEGLOVA', 'Юлия Щеглова')).to.equal(1)
    expect(score('GJORGJIEVSKI', 'Ѓорѓиевски')).to.equal(1)
    expect(score('MXHMD BN ZKRYA ALRAZY', 'محمد بن زكريا الرازي')).to.equal(1)
    expect(score('FAXTTMXAH', 'فَاطِمَة')).to.equal(1)
    expect(score('IULIIA SHCHEGLOVA', 'Пётр Ковальчук')).to.be.lessThan(0.5)
    expect(prepareName('Müller').spellings).to.deep.equal([['MULLER'], ['MUELLER']])
  })

  it('finds names in the two spellings of their letters, and joined names', () => {
    expect(screenPerson('OEZGUER', 'NOTAREAL', '1962-05-05').hits[0]?.entry).to.equal('MUP-0002')
    expect(screenPerson('OZGUR', 'NOTAREAL PERSON', '1962-05-05').hits[0]?.entry).to.equal(
      'MUP-0002',
    )
    expect(screenPerson('ABDELRAHMAN', 'AL INVENTED', '1958-03-14').hits[0]?.entry).to.equal(
      'MUP-0003',
    )
  })

  it('clears other people, also those who share one name or the birthday', () => {
    for (const [given, family, birthdate] of [
      ['ERIKA', 'MUSTERFRAU', '1970-01-01'],
      ['VIKTOR', 'LINDEMANN', '1970-01-01'],
      ['MARTA', 'PERSON', '1962-05-05'],
      ['INA', 'FICTION', '1990-01-01'],
    ] as const) {
      expect(screenPerson(given, family, birthdate).hits, `${given} ${family}`).to.deep.equal([])
    }
  })

  it('lowers the score for another birthday and says so; a name alone can still hit', () => {
    const other = screenPerson('VIKTOR PLANTED', 'LISTHIT', '1991-05-05')
    const features = other.hits[0]?.features ?? []
    expect(features.find(({ feature }) => feature === 'birthdate')?.score).to.equal(-0.15)
    const unknown = screenPerson('VIKTOR PLANTED', 'LISTHIT', undefined)
    expect(unknown.compared).to.not.include('birthdate')
    expect(unknown.hits).to.have.length(1)
  })

  it('compares nothing where no name is left, and says so', () => {
    const { hits, compared } = screenPerson('\u200B', '...', '1970-01-01')
    expect(hits).to.deep.equal([])
    expect(compared).to.not.include('name')
  })
})

describe('compareNames', () => {
  const scoreOf = (one: string, other: string) =>
    compareNames(prepareName(one), prepareName(other)).score
  const names = fc
    .array(fc.stringMatching(/^[A-Z]{2,8}$/), { minLength: 1, maxLength: 4 })
    .map((tokens) => tokens.join(' '))

  it('is 1 for the same name in any order and never leaves 0 to 1', () => {
    fc.assert(
      fc.property(names, names, (one, other) => {
        const reversed = one.split(' ').reverse().join(' ')
        expect(scoreOf(one, reversed)).to.equal(1)
        expect(scoreOf(one, other)).to.be.within(0, 1)
      }),
    )
  })

  it('drops honorifics, marks and invisible characters', () => {
    expect(nameTokens('Dr. Ma\u00ADrie-Luise O’Neil')).to.deep.equal(['MARIE', 'LUISE', 'ONEIL'])
  })
})

describe('readWatchlist', () => {
  const value = JSON.parse(file.toString())
  const codeOf = (bytes: Buffer, pinned?: string): string => {
    try {
      readWatchlist(bytes, pinned)
      return 'accepted'
    } catch (error) {
      return (error as { code: string }).code
    }
  }

  it('takes the file that was pinned and no other', () => {
    expect(codeOf(file, list.sha256)).to.equal('accepted')
    expect(codeOf(Buffer.concat([file, Buffer.from(' ')]), list.sha256)).to.equal('trust_invalid')
  })

  it('refuses a list without entries, which would clear everybody, and what is no list', () => {
    expect(codeOf(Buffer.from(JSON.stringify({ ...value, entries: [] })))).to.equal('trust_invalid')
    expect(codeOf(Buffer.from(JSON.stringify({ ...value, later: 1 })))).to.equal('trust_invalid')
    expect(codeOf(Buffer.from('[]'))).to.equal('trust_invalid')
    expect(codeOf(Buffer.from('{'))).to.equal('trust_invalid')
  })
})
