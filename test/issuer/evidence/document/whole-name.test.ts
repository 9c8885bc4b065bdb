import { expect } from 'chai'
import { type Holder, WORKER } from '../../../../demo/specimen/holders.ts'
import { type ZoneType, zoneLines } from '../../../../demo/specimen/zone.ts'
import { interpretDocument } from '../../../../issuer/evidence/document/document-evidence.ts'
import { interpretSides } from '../../../../issuer/evidence/document/interpret-sides.ts'
import { layoutOf, parseMrz } from '../../../../issuer/evidence/document/mrz.ts'
import { isCutFrom, nameIn } from '../../../../issuer/evidence/document/printed-name.ts'
import type { SideReading } from '../../../../issuer/evidence/document/read-document.ts'
import type { VisualLine } from '../../../../issuer/evidence/document/visual-zone.ts'

const NOW = 1_790_000_000
const LONG: Holder = {
  ...WORKER,
  surname: 'BERGSTROEM LINDQVIST',
  givenNames: 'MARIA ANNA KATARINA JOSEFINE',
}
const FULL = ['Surname', LONG.surname, 'Given names', LONG.givenNames]

/** Lines with room between them, so that none goes on in the next. */
function print(
  texts: readonly string[],
  change: Partial<VisualLine> = {},
  pitch = 40,
): readonly VisualLine[] {
  return texts.map((text, row) => ({
    text,
    confidence: 0.98,
    confirmed: true,
    box: { cx: 200, cy: 100 + pitch * row, width: 300, height: 18, angle: 0 },
    ...change,
  }))
}

/** A zone that both recognisers read alike, and print. */
function side(lines: readonly string[], printed: readonly VisualLine[] = []): SideReading {
  const layout = layoutOf(lines)
  if (!layout) throw new Error('no layout')
  return {
    zone: {
      mrz: parseMrz(lines, layout),
      positions: lines.map((line) =>
        [...line].map((value) => ({
          value,
          probability: 0.99,
          repaired: false,
          second: value,
          open: 0,
        })),
      ),
      boxes: [],
    },
    printed,
  }
}

function read(printed: readonly VisualLine[], { type = 'TD3' as ZoneType, holder = LONG } = {}) {
  const { document, warnings } = interpretDocument(side(zoneLines(type, holder), printed), NOW)
  return {
    reading: document.reading,
    given: document.fields.given_name,
    family: document.fields.family_name,
    cut: warnings.find(({ code }) => code === 'mrz_name_truncated')?.detail,
    printedZone: document.printedZone,
  }
}

describe('a name that may be cut off in the zone (ICAO 9303-3 §4.6)', () => {
  for (const type of ['TD1', 'TD2', 'TD3', 'MRVA', 'MRVB'] as const) {
    it(`is never ok in ${type} where print does not show it whole`, () => {
      const { reading, cut, given } = read([], { type })
      expect(reading).to.equal('uncertain')
      expect(cut).to.deep.equal(['family_name', 'given_name'])
      expect(given?.source).to.equal('mrz')
    })

    it(`is the printed one in ${type} where print shows what it was cut from`, () => {
      const { reading, cut, given, family, printedZone } = read(print(FULL), { type })
      expect(reading).to.equal('ok')
      expect(cut).to.equal(undefined)
      expect(given).to.include({ value: LONG.givenNames, source: 'viz' })
      expect(family).to.include({ value: LONG.surname, source: 'mrz' })
      expect(printedZone).to.include({ family_name: 'agrees', given_name: 'agrees' })
    })
  }

  it('is ok with the name of the zone where print shows that it just fits', () => {
    const holder = { ...WORKER, surname: 'BERGSTROEM LINDQVIST', givenNames: 'MARIA KATARINA JO' }
    expect(holder.surname.length + 2 + holder.givenNames.length).to.equal(39)
    const { reading, given } = read(print([holder.surname, holder.givenNames]), { holder })
    expect(reading).to.equal('ok')
    expect(given).to.include({ value: holder.givenNames, source: 'mrz' })
    expect(read([], { holder }).reading).to.equal('uncertain')
  })

  it('is cut where only a filler is left at its end', () => {
    const holder = {
      ...WORKER,
      surname: 'BERGSTROEM LINDQVIST',
      givenNames: 'MARIA KATARINA J ANNA',
    }
    expect(zoneLines('TD3', holder)[0]?.slice(-3)).to.equal('<J<')
    expect(read([], { holder }).cut).to.deep.equal(['family_name', 'given_name'])
  })

  it('is uncertain where the two looks at the print differ or the line is not clear', () => {
    for (const change of [{ confirmed: false }, { confidence: 0.55 }]) {
      const { reading, cut, given } = read(print(FULL, change))
      expect(reading).to.equal('uncertain')
      expect(given).to.include({ value: LONG.givenNames, source: 'viz' })
      expect(cut).to.deep.equal(['family_name', 'given_name'])
    }
  })

  it('is uncertain where print shows two names that it may come from', () => {
    const { reading, cut } = read(print([...FULL, 'MARIA ANNA KATARINA JOSEFA']))
    expect(reading).to.equal('uncertain')
    expect(cut).to.deep.equal(['given_name'])
  })

  it('is uncertain where the printed name goes on in the next line', () => {
    const two = print([LONG.givenNames, 'WILHELMINE'], {}, 24)
    const surname = print(['Surname', LONG.surname]).map((line) => ({
      ...line,
      box: { ...line.box, cy: line.box.cy + 400 },
    }))
    expect(read([...two, ...surname]).cut).to.deep.equal(['given_name'])
    expect(read([...two.slice(0, 1), ...surname]).cut).to.equal(undefined)
  })

  it('does not go on in a line that a label stands over', () => {
    const value = print([LONG.givenNames, 'UTOPIAN'], {}, 30)
    const label = (text: string) =>
      print([text]).map((line) => ({
        ...line,
        box: { ...line.box, cx: 110, cy: 116, width: 120, height: 8 },
      }))
    const surname = print(['Surname', LONG.surname]).map((line) => ({
      ...line,
      box: { ...line.box, cy: line.box.cy + 400 },
    }))
    expect(read([...value, ...surname]).cut).to.deep.equal(['given_name'])
    expect(read([...value, ...label('Nationality'), ...surname]).cut).to.equal(undefined)
    expect(read([...value, ...label('NATIONALITY'), ...surname]).cut).to.deep.equal(['given_name'])
  })

  it('is uncertain where the surname alone fills the field', () => {
    const holder = { ...LONG, surname: 'BERGSTROEM LINDQVIST VON HOHENZOLLERNBURG' }
    const { reading, cut, family } = read(print([holder.surname, 'Given names', 'MARIA']), {
      holder,
    })
    expect(reading).to.equal('uncertain')
    expect(cut).to.deep.equal(['given_name'])
    expect(family).to.include({ value: holder.surname, source: 'viz' })
  })

  it('takes a short rest of a name only from the line that a label names', () => {
    const lines = [
      'P<UTOBENNELONG<WOOLOOMOOLOO<WARRANDYTE<WA<<D',
      zoneLines('TD3', WORKER)[1] ?? '',
    ]
    const surname = 'BENNELONG WOOLOOMOOLOO WARRANDYTE WARNAMBOOL'
    const given = (texts: readonly string[]) =>
      interpretDocument(side(lines, print(texts)), NOW).document.fields.given_name
    expect(given([surname, 'Given names', 'DINGO POTOROO'])).to.include({
      value: 'DINGO POTOROO',
      source: 'viz',
    })
    expect(given([surname, 'DINGO POTOROO'])).to.include({ value: 'D', source: 'mrz' })
    expect(given([surname, 'Date of birth', 'UTOPIAN'])).to.include({ value: 'D', source: 'mrz' })
  })

  it('of an identity card is the one on the front (ICAO 9303-5 §4.2.3)', () => {
    const back = { kind: 'zone', ...side(zoneLines('TD1', LONG)) } as const
    const whole = interpretSides({ front: { kind: 'printed', printed: print(FULL) }, back }, NOW)
    expect(whole.document.reading).to.equal('ok')
    expect(whole.document.fields.given_name).to.include({ value: LONG.givenNames, source: 'viz' })
    const without = print(['Surname', LONG.surname, 'Identity card'])
    const cut = interpretSides({ front: { kind: 'printed', printed: without }, back }, NOW)
    expect(cut.document.reading).to.equal('uncertain')
    expect(cut.warnings.map(({ code }) => code)).to.include('mrz_name_truncated')
  })
})

describe('isCutFrom', () => {
  it('allows an end that is missing and parts cut down to first letters (ICAO 9303-4 §4.2.3)', () => {
    expect(isCutFrom('CHAYAPA DEJTHAMRONG K', 'CHAYAPA DEJTHAMRONG KRASUANG')).to.equal(true)
    expect(isCutFrom('BENNELONG W W', 'BENNELONG WOOLOOMOOLOO WARRANDYTE')).to.equal(true)
    expect(isCutFrom('MUELLER LUE', 'MÜLLER-LÜDENSCHEID')).to.equal(true)
    expect(isCutFrom('OCONNOR', "O'CONNOR")).to.equal(true)
  })

  it('allows no other name and no longer one', () => {
    expect(isCutFrom('BENNELONG W', 'BENNELONG')).to.equal(false)
    expect(isCutFrom('MARIA ANNA', 'ANNA MARIA')).to.equal(false)
    expect(isCutFrom('', 'ANNA')).to.equal(false)
  })
})

describe('nameIn', () => {
  it('is what a line says without its field number, and none where figures stand', () => {
    expect(nameIn('1. MARTIN  SPECIMEN')).to.equal('MARTIN SPECIMEN')
    expect(nameIn("D'ÄRZTE-LÖW Jr.")).to.equal("D'ÄRZTE-LÖW Jr.")
    expect(nameIn('UTO 12')).to.equal(undefined)
    expect(nameIn('MART1N')).to.equal(undefined)
  })
})
