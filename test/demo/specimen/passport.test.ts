import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import sharp from 'sharp'
import { LISTED, WORKER } from '../../../demo/specimen/holders.ts'
import { drawPassport } from '../../../demo/specimen/passport.ts'
import { zoneLines } from '../../../demo/specimen/zone.ts'
import { layoutOf, parseMrz } from '../../../issuer/evidence/document/mrz.ts'
import { supplyFiles } from '../../../issuer/evidence/model-supply.ts'

describe('zoneLines', () => {
  for (const type of ['TD1', 'TD2', 'TD3', 'MRVA', 'MRVB'] as const) {
    it(`makes a ${type} zone whose check digits are all right (ICAO 9303-3 §4.9)`, () => {
      for (const holder of [WORKER, LISTED]) {
        const lines = zoneLines(type, holder)
        const layout = layoutOf(lines)
        expect(layout?.type).to.equal(type)
        if (layout) {
          const { checkDigits } = parseMrz(lines, layout)
          expect(checkDigits.every(({ valid }) => valid)).to.equal(true)
        }
      }
    })
  }
})

describe('drawPassport', () => {
  let font: Buffer
  let portrait: Buffer
  before(async () => {
    const files = await supplyFiles('demo/specimen/manifest.json')
    font = await readFile(files['font-ocr-b'] ?? '')
    portrait = await sharp({ create: { width: 64, height: 82, channels: 3, background: '#777' } })
      .png()
      .toBuffer()
  })

  it('draws a page of 125 by 88 millimetres, the same each time', async () => {
    const drawing = { holder: WORKER, portrait, font, scale: 6 }
    const [once, again] = [await drawPassport(drawing), await drawPassport(drawing)]
    const { width, height } = await sharp(once).metadata()
    expect([width, height]).to.deep.equal([750, 528])
    expect(once.equals(again)).to.equal(true)
  })

  it('draws another zone when a digit is to be altered', async () => {
    const drawing = { holder: WORKER, portrait, font, scale: 4 }
    const altered = await drawPassport({ ...drawing, alterMrz: true })
    expect((await drawPassport(drawing)).equals(altered)).to.equal(false)
  })
}).timeout(60_000)
