import { expect } from 'chai'
import { numberedFields } from '../../../../issuer/evidence/document/numbered-fields.ts'
import type { VisualLine } from '../../../../issuer/evidence/document/visual-zone.ts'

const line = (text: string, row: number, left = 330): VisualLine => ({
  text,
  confidence: 0.98,
  box: {
    cx: left + 8 * text.length,
    cy: 150 + 52 * row,
    width: 16 * text.length,
    height: 32,
    angle: 0,
  },
})
const values = (lines: readonly VisualLine[]) =>
  Object.fromEntries([...numberedFields(lines)].map(([number, { value }]) => [number, value]))

describe('numberedFields', () => {
  it('reads a number and its value, alone, together and without a space (Directive 2006/126/EC Annex I)', () => {
    const lines = [
      '1. MARTIN',
      '2.JONAS EMIL',
      '3.12.08.1974 PORT UTOPIA',
      '4a.16.04.2021 4c. UTO',
      '5.L898902C3',
    ]
    expect(values(lines.map((text, row) => line(text, row)))).to.deep.equal({
      1: 'MARTIN',
      2: 'JONAS EMIL',
      3: '12.08.1974 PORT UTOPIA',
      '4a': '16.04.2021',
      '4c': 'UTO',
      5: 'L898902C3',
    })
  })

  it('takes no date for a number', () => {
    expect(values([line('28.06.1988 PORT UTOPIA', 0), line('4a. 16.04.2021', 1)])).to.deep.equal({
      '4a': '16.04.2021',
    })
  })

  it('finds a value whose number was lost between those of its neighbours, and does not call it confirmed', () => {
    const lines = [
      line('MARTIN', 0, 386),
      line('2. JONAS', 1),
      line('28.06.1988 PORT UTOPIA', 2, 386),
      line('4a. 16.04.2021', 3),
      line('4b. 15.04.2031', 4),
      line('L898902C3', 5, 386),
    ]
    expect(values(lines)).to.deep.equal({
      1: 'MARTIN',
      2: 'JONAS',
      3: '28.06.1988 PORT UTOPIA',
      '4a': '16.04.2021',
      '4b': '15.04.2031',
      5: 'L898902C3',
    })
    expect(numberedFields(lines).get('1')?.line.confirmed).to.equal(false)
  })

  it('guesses nothing where two lines may be it', () => {
    const lines = [
      line('2. JONAS', 0),
      line('28.06.1988', 1, 386),
      line('SPECIMEN', 2, 386),
      line('4a. 16.04.2021', 3),
    ]
    expect(values(lines)).to.have.keys(['2', '4a'])
  })

  it('reads the numbers of North American cards, which have labels instead of points', () => {
    const lines = ['4d DLN X123', '1 MARTIN', '3 DOB 08/12/1974'].map((text, row) =>
      line(text, row),
    )
    const found = numberedFields(lines, { labels: true })
    expect([...found].map(([number, { value }]) => [number, value])).to.deep.equal([
      ['4d', 'X123'],
      ['1', 'MARTIN'],
      ['3', '08/12/1974'],
    ])
  })
})
