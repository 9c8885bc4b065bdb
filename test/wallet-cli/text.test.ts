import { expect } from 'chai'
import fc from 'fast-check'
import { jsonLine, plain, wrap } from '../../wallet-cli/text.ts'

describe('plain', () => {
  it('leaves names of any script as they are', () => {
    for (const name of [
      'Société Générale',
      '東京配送株式会社',
      'Ćwikła & Söhne',
      'شركة',
      '🚚 Fast',
    ]) {
      expect(plain(name)).to.equal(name)
    }
  })

  for (const [what, text] of [
    ['an escape sequence', '\u001b[31mred'],
    ['a line end', 'a\nb'],
    ['a carriage return, which would overwrite the line', 'evil\rgood'],
    ['a C1 control', '\u009b2J'],
    ['a direction override', 'abc\u202edcba'],
    ['a direction isolate', '\u2066abc\u2069'],
    ['a zero-width space', 'pay\u200bpal'],
    ['a byte order mark', '\ufeffname'],
    ['a tag character', 'a\u{e0041}'],
    ['a line separator', 'a\u2028b'],
    ['a pile of marks, which would reach into other lines', `a${'\u0301'.repeat(9)}`],
    ['a Hangul filler, which shows as nothing', 'a\u3164b'],
  ] as const) {
    it(`makes ${what} visible`, () => {
      expect(plain(text)).to.include('\ufffd').and.not.to.equal(text)
    })
  }

  it('cuts a text that would fill the screen', () => {
    expect([...plain('x'.repeat(10_000), 50)]).to.have.lengthOf(50)
  })

  it('never lets a control or format character through', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(plain(text, 10_000)).not.to.match(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
      }),
    )
  })
})

describe('jsonLine', () => {
  it('is JSON of the same value, without a character that acts on a terminal', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
        const line = jsonLine({ value, text })
        expect(JSON.parse(line)).to.deep.equal(JSON.parse(JSON.stringify({ value, text })))
        expect(line).not.to.match(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
      }),
    )
  })
})

describe('wrap', () => {
  it('keeps every line within the width and loses no word', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-z]{1,30}$/)),
        fc.integer({ min: 20, max: 80 }),
        (words, width) => {
          const lines = wrap(words.join(' '), width, '    ')
          for (const line of lines) expect(line.length).to.be.at.most(width)
          expect(lines.join('').replace(/ /g, '')).to.equal(words.join(''))
        },
      ),
    )
  })
})
