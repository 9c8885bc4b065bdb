import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { expect } from 'chai'
import sharp from 'sharp'
import { prepareZXingModule, writeBarcode } from 'zxing-wasm/writer'
import { parseAamva } from '../../../../issuer/evidence/document/aamva.ts'
import { readBarcodesOf } from '../../../../issuer/evidence/document/barcode.zxing.ts'
import { decodeImage } from '../../../../issuer/evidence/image.sharp.ts'

/** Made up after AAMVA DL/ID Card Design Standard, Annex D. */
const CARD = [
  '@',
  '\x1e\rANSI 636000090002DL00410278ZV03190008DLDAQT64235789',
  'DCSSAMPLE',
  'DDEN',
  'DACMICHAEL',
  'DDFN',
  'DADJOHN,BOB',
  'DDGN',
  'DCAD',
  'DCBK',
  'DCDPH',
  'DBD06062019',
  'DBB06061986',
  'DBA12102034',
  'DBC1',
  'DCGUSA',
  '\rZVZVA01',
].join('\n')

async function drawn(text: string): Promise<Buffer> {
  const wasm = await readFile(
    createRequire(import.meta.url).resolve('zxing-wasm/writer/zxing_writer.wasm'),
  )
  await prepareZXingModule({
    overrides: { wasmBinary: Uint8Array.from(wasm).buffer },
    fireImmediately: true,
  })
  const { svg } = await writeBarcode(text, { format: 'PDF417', scale: 4 })
  return await sharp(Buffer.from(svg), { density: 96 })
    .flatten({ background: '#fff' })
    .extend({ top: 40, bottom: 40, left: 40, right: 40, background: '#fff' })
    .png()
    .toBuffer()
}

describe('readBarcodesOf', () => {
  it('reads a PDF417 code, also blurred, compressed or upside down', async () => {
    const clean = await drawn(CARD)
    for (const picture of [
      clean,
      await sharp(clean).rotate(180).png().toBuffer(),
      await sharp(clean).blur(1).jpeg({ quality: 40 }).toBuffer(),
    ]) {
      const image = await decodeImage(picture, { longestSide: 2400 })
      const [code] = await readBarcodesOf(image)
      expect(code?.format).to.equal('PDF417')
      expect(code?.text).to.equal(CARD)
    }
  })

  it('finds none where there is none', async () => {
    const plain = await sharp({
      create: { width: 400, height: 300, channels: 3, background: '#aaa' },
    })
      .png()
      .toBuffer()
    expect(await readBarcodesOf(await decodeImage(plain, { longestSide: 800 }))).to.deep.equal([])
  })
}).timeout(30_000)

describe('parseAamva', () => {
  it('reads the elements of a card (AAMVA DL/ID Card Design Standard, Annex D)', () => {
    expect(parseAamva(CARD)).to.deep.equal({
      version: 9,
      issuer: '636000',
      subfile: 'DL',
      family_name: 'SAMPLE',
      given_name: 'MICHAEL JOHN BOB',
      birthdate: '1986-06-06',
      date_of_issue: '2019-06-06',
      date_of_expiry: '2034-12-10',
      document_number: 'T64235789',
      sex: '1',
      country: 'USA',
      vehicleClass: 'D',
      restrictions: 'K',
      endorsements: 'PH',
    })
  })

  it('reads Canadian dates, which begin with the year', () => {
    const canadian = CARD.replace('DCGUSA', 'DCGCAN').replace('DBB06061986', 'DBB19860606')
    expect(parseAamva(canadian)?.birthdate).to.equal('1986-06-06')
  })

  it('is not fooled by other text, and drops a date that is none', () => {
    expect(parseAamva('https://example.org/?DCS=SAMPLE')).to.equal(undefined)
    expect(parseAamva('@\nANSI 636000')).to.equal(undefined)
    expect(parseAamva(CARD + 'X'.repeat(3000))).to.equal(undefined)
    expect(parseAamva(CARD.replace('DBB06061986', 'DBB99991986'))?.birthdate).to.equal(undefined)
  })
})
