import { expect } from 'chai'
import { isCountryCode } from '../../../../issuer/evidence/document/countries.ts'
import {
  checkDigit,
  isoDate,
  layoutOf,
  parseMrz,
  repairByPosition,
} from '../../../../issuer/evidence/document/mrz.ts'

/** The specimens that ICAO 9303 prints. */
const SPECIMENS = {
  TD3: [
    'P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<',
    'L898902C36UTO7408122F1204159ZE184226B<<<<<10',
  ],
  TD2: ['I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<', 'D231458907UTO7408122F1204159<<<<<<<6'],
  TD1: [
    'I<UTOD231458907<<<<<<<<<<<<<<<',
    '7408122F1204159UTO<<<<<<<<<<<6',
    'ERIKSSON<<ANNA<MARIA<<<<<<<<<<',
  ],
  MRVA: [
    'V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<',
    'L8988901C4XXX4009078F96121096ZE184226B<<<<<<',
  ],
  MRVB: ['V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<', 'L8988901C4XXX4009078F9612109<<<<<<<<'],
}

function parse(lines: readonly string[]) {
  const layout = layoutOf(lines)
  if (!layout) throw new Error('no layout')
  return parseMrz(lines, layout)
}

describe('parseMrz', () => {
  for (const [type, lines] of Object.entries(SPECIMENS)) {
    it(`takes apart the ${type} specimen of ICAO 9303 with every check digit right`, () => {
      const mrz = parse(lines)
      expect(mrz.layout.type).to.equal(type)
      expect([mrz.surname, mrz.givenNames]).to.deep.equal(['ERIKSSON', 'ANNA MARIA'])
      expect(mrz.checkDigits.filter(({ valid }) => !valid)).to.deep.equal([])
    })
  }

  it('finds the field whose check digit is wrong (ICAO 9303-3 §4.9)', () => {
    const [upper = '', lower = ''] = SPECIMENS.TD3
    const mrz = parse([upper, lower.replace('740812', '740813')])
    expect(mrz.checkDigits.filter(({ valid }) => !valid).map(({ field }) => field)).to.deep.equal([
      'birth_date',
      'composite',
    ])
  })

  it('takes a filler for the check digit of empty optional data, and of no other', () => {
    const [upper = '', lower = ''] = SPECIMENS.TD3
    const empty = `${lower.slice(0, 28)}${'<'.repeat(15)}`
    const composite = checkDigit(empty.slice(0, 10) + empty.slice(13, 20) + empty.slice(21, 43))
    const optional = (line: string) =>
      parse([upper, line]).checkDigits.find(({ field }) => field === 'optional_data')?.valid
    expect(optional(empty + composite)).to.equal(true)
    expect(optional(`${lower.slice(0, 42)}<${lower[43]}`)).to.equal(false)
  })

  it('reads a document number of more than nine characters (ICAO 9303-5 §4.2.2)', () => {
    const number = 'D23145890734'
    const first = `I<UTO${number.slice(0, 9)}<${number.slice(9)}${checkDigit(number)}`.padEnd(
      30,
      '<',
    )
    const mrz = parse([first, SPECIMENS.TD1[1] ?? '', SPECIMENS.TD1[2] ?? ''])
    expect(mrz.number).to.equal(number)
    expect(mrz.checkDigits[0]).to.deep.equal({ field: 'document_number', valid: true })
  })

  it('says that a name may be cut off when it fills its field (ICAO 9303-3 §4.6)', () => {
    const [, lower = ''] = SPECIMENS.TD3
    expect(parse([`P<UTO${'NAME<<'.padEnd(39, 'X')}`, lower]).nameMayBeCut).to.equal(true)
    expect(parse(SPECIMENS.TD3).nameMayBeCut).to.equal(false)
  })

  for (const [name, cut] of [
    ['LINDQVIST<<MARIA<ANNA<KATARINA', true],
    ['LINDQVIST<<MARIA<ANNA<KATRINE<', true],
    ['LINDQVIST<<MARIA<ANNA<KATRIN<<', false],
    ['LINDQVISTLINDQVISTLINDQVISTL<<', true],
    ['LINDQVISTLINDQVISTLINDQVIST<<<', false],
  ] as const) {
    it(`${cut ? 'holds it possible' : 'rules out'} that ${name} was cut (ICAO 9303-3 §4.6)`, () => {
      expect(parse([...SPECIMENS.TD1.slice(0, 2), name]).nameMayBeCut).to.equal(cut)
    })
  }
})

describe('layoutOf', () => {
  it('knows no layout of other numbers or lengths of lines', () => {
    expect(layoutOf(['P'.repeat(44)])).to.equal(undefined)
    expect(layoutOf(['P'.repeat(43), 'P'.repeat(44)])).to.equal(undefined)
  })
})

describe('repairByPosition', () => {
  it('settles look-alikes where only letters or only digits may stand', () => {
    const lines = [
      'P<UT0ERIKSS0N<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<',
      'L898902C36UT074O8l22F12O4I59ZE184226B<<<<<1O'.replace('l', 'I'),
    ]
    const layout = layoutOf(lines)
    if (!layout) throw new Error('no layout')
    const repaired = repairByPosition(lines, layout)
    expect(repaired.lines).to.deep.equal(SPECIMENS.TD3)
    expect(repaired.repaired).to.have.length(8)
  })

  it('leaves the document number as it was read: both letters and digits are allowed there', () => {
    const [upper = '', lower = ''] = SPECIMENS.TD3
    const read = [upper, lower.replace('L898902C3', 'L8989O2C3')]
    const layout = layoutOf(read)
    if (!layout) throw new Error('no layout')
    expect(repairByPosition(read, layout)).to.deep.equal({ lines: read, repaired: [] })
  })
})

describe('isoDate', () => {
  const today = '2026-11-25'
  it('takes the latest century in which the holder was born already', () => {
    expect(isoDate('740812', { today, birth: true })).to.equal('1974-08-12')
    expect(isoDate('261125', { today, birth: true })).to.equal('2026-11-25')
    expect(isoDate('261126', { today, birth: true })).to.equal('1926-11-26')
  })

  it('takes the expiry nearest to today', () => {
    expect(isoDate('310415', { today, birth: false })).to.equal('2031-04-15')
    expect(isoDate('991231', { today, birth: false })).to.equal('1999-12-31')
  })

  it('is not a date where the calendar has none', () => {
    expect(isoDate('740230', { today, birth: true })).to.equal(undefined)
    expect(isoDate('74<<<<', { today, birth: true })).to.equal(undefined)
    expect(isoDate('000229', { today, birth: true })).to.equal('2000-02-29')
  })
})

describe('isCountryCode', () => {
  it('knows ISO 3166-1 and the codes of ICAO 9303-3 §5, and no other', () => {
    for (const code of ['FRA', 'D', 'UTO', 'XXA', 'EUE', 'RKS']) {
      expect(isCountryCode(code), code).to.equal(true)
    }
    for (const code of ['', 'FR', 'DEU ', 'ZZZ', 'UT0']) {
      expect(isCountryCode(code), code).to.equal(false)
    }
  })
})
