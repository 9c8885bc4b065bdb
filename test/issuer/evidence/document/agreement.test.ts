import { expect } from 'chai'
import { align, compareAt, lookAlikes } from '../../../../issuer/evidence/document/agreement.ts'
import { compareZones } from '../../../../issuer/evidence/document/compare-zones.ts'
import { layoutOf, parseMrz } from '../../../../issuer/evidence/document/mrz.ts'
import {
  agreesIn,
  hasTwin,
  type MrzReading,
  repairByCheckDigits,
  type ZonePosition,
} from '../../../../issuer/evidence/document/read-mrz.ts'
import { zoneSpellings, zoneWords } from '../../../../issuer/evidence/document/transliterate.ts'

const TD3 = [
  'P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<',
  'L898902C36UTO7408122F1204159ZE184226B<<<<<10',
] as const

function td3(lines: readonly string[] = TD3) {
  const layout = layoutOf(lines)
  if (!layout) throw new Error('no layout')
  return { layout, mrz: parseMrz(lines, layout) }
}

describe('align', () => {
  it('finds what stands at the same place although characters were dropped or added', () => {
    expect(align('ABCDE', 'ACDEX').map((c) => c ?? '-')).to.deep.equal(['A', '-', 'C', 'D', 'E'])
    expect(align('ABC', '').filter((c) => c !== undefined)).to.deep.equal([])
    expect(align('', 'ABC')).to.deep.equal([])
  })
})

describe('compareAt', () => {
  it('takes a look-alike for the same where only one of the two may stand', () => {
    expect(compareAt('O', '0', 'letter')).to.equal('same')
    expect(compareAt('O', '0', 'any')).to.equal('look-alike')
    expect(compareAt('O', 'C', 'letter')).to.equal('other')
    expect(compareAt('O', undefined, 'letter')).to.equal('other')
  })

  it('knows only look-alikes that a check digit tells apart (ICAO 9303-3 §4.9)', () => {
    expect(lookAlikes('0')).to.deep.equal(['O', 'D', 'Q'])
    expect(lookAlikes('6')).to.deep.equal([])
  })
})

describe('repairByCheckDigits', () => {
  const read = [TD3[0], TD3[1].replace('L898902C3', 'L8989O2C3')]

  it('takes the one reading that makes every check digit right', () => {
    const { layout } = td3()
    const open = (line: number, column: number) => (line === 1 && column === 5 ? ['0'] : [])
    expect(repairByCheckDigits(read, layout, open)).to.deep.equal(TD3)
  })

  it('changes nothing where no recogniser left another reading open', () => {
    const { layout } = td3()
    expect(repairByCheckDigits(read, layout, () => [])).to.deep.equal(read)
  })

  it('changes nothing where two readings would be right', () => {
    const { layout } = td3()
    const open = (line: number, column: number) => {
      if (line !== 1) return []
      return column === 5 ? ['0', 'A', 'K'] : []
    }
    expect(repairByCheckDigits(read, layout, open)).to.deep.equal(read)
  })
})

/** A zone that both recognisers read alike, but for what is said of some columns of its second line. */
function readingOf(
  second: string,
  changes: Readonly<Record<number, Partial<ZonePosition>>> = {},
): MrzReading {
  const { layout, mrz } = td3([TD3[0], second])
  const positions = mrz.lines.map((line, row) =>
    [...line].map((value, column) => ({
      value,
      probability: 0.99,
      repaired: false,
      second: value,
      open: 0,
      ...(row === 1 ? changes[column] : {}),
    })),
  )
  return { mrz: { ...mrz, layout }, positions, boxes: [] }
}

describe('hasTwin', () => {
  // Weights 7 and 3: what two letters O add over two zeros is a multiple of ten. ICAO 9303-3 §4.9.
  const zeros = '00XBVOQTM8UTO7408122F1204159ZE184226B<<<<<10'
  const openAs = ['O']

  it('is another reading of what was left open that keeps every check digit', () => {
    const { checkDigits } = readingOf(zeros).mrz
    expect(checkDigits.filter(({ valid }) => !valid).map(({ field }) => field)).to.deep.equal([
      'composite',
    ])
    const right = [...'0123456789']
      .map((digit) => zeros.slice(0, -1) + digit)
      .find((line) => readingOf(line).mrz.checkDigits.every(({ valid }) => valid))
    if (!right) throw new Error('no composite check digit fits')
    expect(hasTwin(readingOf(right, { 0: { openAs }, 1: { openAs } }))).to.equal(true)
    expect(hasTwin(readingOf(right))).to.equal(false)
    expect(hasTwin(readingOf(right, { 0: { openAs } }))).to.equal(false)
    expect(hasTwin(readingOf(right, { 0: { openAs }, 5: { openAs: ['0'] } }))).to.equal(false)
  })

  it('may be there where more is left open than is tried', () => {
    const many = Object.fromEntries([0, 1, 2, 3, 4, 5].map((column) => [column, { openAs }]))
    expect(hasTwin(readingOf(TD3[1], many))).to.equal(true)
  })
})

describe('agreesIn', () => {
  const optional = [[1, 28, 42]] as const
  const withLetter = TD3[1].replace('ZE184226B', 'ZE1842O6B')
  const agrees = (line: string, change: Partial<ZonePosition>) =>
    agreesIn(readingOf(line, { 34: change }), optional, { checked: false })

  it('takes the word of the first recogniser for an O, which the second reads as a zero', () => {
    expect(agrees(withLetter, { second: '0', open: 0.009 })).to.equal(true)
    expect(agrees(withLetter, { second: '0', open: 0.03 })).to.equal(false)
    expect(agrees(withLetter, { second: 'Q', open: 0 })).to.equal(false)
  })

  it('has a zero ruled out to be an O, and takes no repaired character', () => {
    const withZero = TD3[1].replace('ZE184226B', 'ZE184206B')
    expect(agrees(withZero, { open: 0.001 })).to.equal(true)
    expect(agrees(withZero, { open: 0.009 })).to.equal(false)
    expect(agrees(withZero, { second: 'O', open: 0.001 })).to.equal(false)
    expect(agrees(withLetter, { second: '0', open: 0.001, repaired: true })).to.equal(false)
  })
})

describe('zoneSpellings', () => {
  it('writes letters as ICAO 9303-3 §6 A does', () => {
    expect(zoneSpellings('Łukasz')).to.deep.equal(['LUKASZ'])
    expect(zoneSpellings('Müller')).to.include.members(['MUELLER', 'MULLER', 'MUXXLLER'])
    expect(zoneSpellings("O'Connor-Ström")).to.include.members(['OCONNORSTROEM', 'OCONNORSTROM'])
    expect(zoneSpellings('Þór')).to.deep.equal(['THOR'])
  })

  it('stays bounded for a name of nothing but such letters', () => {
    expect(zoneSpellings('Ü'.repeat(60)).length).to.be.at.most(32)
  })
})

describe('zoneSpellings of other scripts', () => {
  it('writes Cyrillic as ICAO 9303-3 §6 B does, and as the languages that it names do', () => {
    const examples: readonly (readonly [printed: string, zone: string])[] = [
      ['Юлия Щеглова', 'IULIIASHCHEGLOVA'],
      ['Подъячев', 'PODIEIACHEV'],
      ['Бабрыковіч Аляксандр', 'BABRYKOVICHALIAKSANDR'],
      ['Ігар', 'IHAR'],
      ['Щерев', 'SHTEREV'],
      ['Ђорђевић', 'DORDEVIC'],
      ['Ѓорѓиевски', 'GJORGJIEVSKI'],
      ['Євген', 'YEVHEN'],
      ['Григорий', 'GRIGORII'],
      ['Ольга', 'OLGA'],
    ]
    for (const [printed, zone] of examples) {
      expect(zoneSpellings(printed), printed).to.include(zone)
    }
    expect(zoneSpellings('Юлия Щеглова')[0]).to.equal('IULIIASHCHEGLOVA')
  })

  it('writes Arabic script as ICAO 9303-3 §6 C does (the example of appendix B)', () => {
    expect(zoneSpellings('ابو بكر محمد بن زكريا الرازي')).to.include('ABWBKRMXHMDBNZKRYAALRAZY')
  })

  it('takes both forms of teh marbuta, and a shadda that is printed or not (appendix B.5)', () => {
    expect(zoneSpellings('فاطمة')).to.deep.equal(['FAXTTMXAH', 'FAXTTMXTA'])
    expect(zoneSpellings('محمّد')).to.include.members(['MXHMD', 'MXHMMD'])
  })

  it('knows the letters of Persian, Pashto and Urdu, in any form, and encodes no vowel sign', () => {
    expect(zoneSpellings('پژمان گل')).to.include('PXJMANXGGL')
    expect(zoneSpellings('ټوپک ڈھول')).to.include('XRTWPXKKXXDXDOWL')
    expect(zoneSpellings('ﻣﺤﻤﺪ')).to.deep.equal(zoneSpellings('محمد'))
    expect(zoneSpellings('مُحَمَد')).to.include('MXHMD')
  })

  it('takes no letter of another script among Latin ones for a letter', () => {
    expect(zoneSpellings('AИNA')).to.deep.equal(['ANA'])
  })

  it('stays bounded for a name of nothing but letters with a choice', () => {
    expect(zoneSpellings('ّم'.repeat(60)).length).to.be.at.most(32)
    expect(zoneSpellings('Г'.repeat(60)).length).to.be.at.most(32)
  })
})

describe('zoneWords', () => {
  it('keeps the words of a name apart, a list for each way of writing it', () => {
    expect(zoneWords('محمد بن زكريا')).to.deep.equal([['MXHMD', 'BN', 'ZKRYA']])
    expect(zoneWords('Григорий-Ян')).to.deep.include(['GRIGORII', 'IAN'])
    expect(zoneWords('Григорий-Ян')).to.deep.include(['HRYHORYI', 'YAN'])
  })

  it('has nothing to add to Latin letters, nor to a script without a table', () => {
    expect(zoneWords('Müller')).to.deep.equal([])
    expect(zoneWords('李')).to.deep.equal([])
    expect(zoneWords('')).to.deep.equal([])
  })
})

describe('compareZones', () => {
  const { mrz } = td3()
  const printed = (...texts: readonly string[]) =>
    texts.map((text, row) => ({
      text,
      confidence: 0.97,
      box: { cx: 200, cy: 100 + 20 * row, width: 300, height: 16, angle: 0 },
    }))

  it('finds a name that is printed in another script (ICAO 9303-3 §6 B, C)', () => {
    const zone = ['P<UTOSHCHEGLOVA<<IULIIA<<<<<<<<<<<<<<<<<<<<<', TD3[1]]
    const names = compareZones(td3(zone).mrz, printed('ЩЕГЛОВА', 'ЮЛИЯ'))
    expect([names.family_name, names.given_name]).to.deep.equal(['agrees', 'agrees'])
    const arabic = ['P<UTOALRAZY<<MXHMD<<<<<<<<<<<<<<<<<<<<<<<<<<', TD3[1]]
    const right = compareZones(td3(arabic).mrz, printed('الرازي', 'محمد'))
    expect([right.family_name, right.given_name]).to.deep.equal(['agrees', 'agrees'])
    const other = compareZones(td3(arabic).mrz, printed('زكريا', 'محمد'))
    expect(other.family_name).to.equal('not_found')
  })

  it('finds what both zones show', () => {
    const lines = printed(
      'ERIKSSON',
      'ANNA MARIA',
      'P UTO L898902C3',
      '12 AUG/AOU 74',
      '15.04.2012',
    )
    expect(compareZones(mrz, lines)).to.deep.equal({
      family_name: 'agrees',
      given_name: 'agrees',
      document_number: 'agrees',
      birthdate: 'agrees',
      date_of_expiry: 'agrees',
      issuing_country: 'agrees',
    })
  })

  it('says differs where a label names another value', () => {
    const lines = printed('Surname', 'JOHANSEN', 'Date of birth', '13.08.1974')
    const compared = compareZones(mrz, lines)
    expect(compared.family_name).to.equal('differs')
    expect(compared.birthdate).to.equal('differs')
    expect(compared.given_name).to.equal('not_found')
  })

  it('does not take a slip of the recogniser for another value', () => {
    expect(compareZones(mrz, printed('Surname', 'ERlKSSON')).family_name).to.equal('not_found')
    expect(compareZones(mrz, printed('Surname', 'ERIKSS')).family_name).to.equal('not_found')
  })
})
