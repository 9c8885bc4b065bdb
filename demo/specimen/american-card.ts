import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import sharp from 'sharp'
import { prepareZXingModule, writeBarcode } from 'zxing-wasm/writer'
import { type CardPrint, type CardText, drawCard, LABEL_INK, TITLE_INK } from './card.ts'
import type { Holder } from './holders.ts'

/** What is printed on a North American driving licence, and what its barcode says where that is something else. */
export interface AmericanLicence {
  readonly holder: Holder
  readonly encoded?: Partial<Holder>
  readonly vehicleClass?: string
}

const WASM = 'zxing-wasm/writer/zxing_writer.wasm'
/** Of a jurisdiction that does not exist. */
const ISSUER = '636999'

/** Draws the front of a driving licence after the AAMVA DL/ID Card Design Standard, marked as a specimen. */
export async function drawAmericanFront(
  { holder, vehicleClass = 'D' }: AmericanLicence,
  { portrait, ghost = portrait }: { readonly portrait: Uint8Array; readonly ghost?: Uint8Array },
  print: CardPrint,
): Promise<Buffer> {
  const line = (at: number, number: string, label: string, value: string, x = 29): CardText[] => {
    const y = 15 + 4.6 * at
    const head = label === '' ? number : `${number} ${label}`
    return [
      { text: head, x, y, size: 1.8, fill: LABEL_INK },
      { text: value, x: x + (label === '' ? 3.6 : 8.6), y, size: 2.3 },
    ]
  }
  return await drawCard(
    {
      background: '#e7eef5',
      texts: [
        { text: 'UTOPIA', x: 3.5, y: 8, size: 3.6, fill: '#1d4a5f' },
        { text: 'DRIVER LICENSE', x: 29, y: 8, size: 3.2, fill: '#1d4a5f' },
        { text: 'SPECIMEN', x: 66, y: 8, size: 2.2, fill: TITLE_INK },
        ...line(0, '4d', 'DLN', holder.number),
        ...line(1, '1', '', holder.surname),
        ...line(2, '2', '', holder.givenNames),
        ...line(3, '3', 'DOB', slashed(holder.birth)),
        ...line(4, '4a', 'ISS', slashed(holder.issued)),
        ...line(4, '9', 'CLASS', vehicleClass, 58),
        ...line(5, '4b', 'EXP', slashed(holder.expiry)),
        ...line(6, '15', 'SEX', holder.sex === '<' ? 'X' : holder.sex),
      ],
      pictures: [
        { image: portrait, x: 3.5, y: 13, width: 22, height: 28 },
        { image: ghost, x: 70, y: 34, width: 11, height: 14, faded: true },
      ],
    },
    print,
  )
}

/** Draws the back with its PDF417 barcode. AAMVA DL/ID Card Design Standard, Annex D. */
export async function drawAmericanBack(
  licence: AmericanLicence,
  print: CardPrint,
): Promise<Buffer> {
  const { svg } = await barcodeOf(aamvaText(licence))
  const image = await sharp(Buffer.from(svg), { density: 300 })
    .flatten({ background: '#fff' })
    .png()
    .toBuffer()
  return await drawCard(
    {
      background: '#e7eef5',
      texts: [
        { text: 'SPECIMEN', x: 4, y: 7, size: 2.4, fill: TITLE_INK },
        { text: 'CLASS D NON-COMMERCIAL', x: 4, y: 48, size: 1.9, fill: LABEL_INK },
      ],
      pictures: [{ image, x: 4, y: 11, width: 77.6, height: 26 }],
    },
    print,
  )
}

/** What the barcode says, in the order of the standard. */
export function aamvaText({ holder, encoded = {}, vehicleClass = 'D' }: AmericanLicence): string {
  const says = { ...holder, ...encoded }
  const [first = '', ...middle] = says.givenNames.split(' ')
  const sex = { M: '1', F: '2', '<': '9' }[says.sex]
  const elements = [
    `DLDAQ${says.number}`,
    `DCS${says.surname}`,
    'DDEN',
    `DAC${first}`,
    'DDFN',
    `DAD${middle.join(',')}`,
    'DDGN',
    `DCA${vehicleClass}`,
    'DCBNONE',
    'DCDNONE',
    `DBD${compact(says.issued)}`,
    `DBB${compact(says.birth)}`,
    `DBA${compact(says.expiry)}`,
    `DBC${sex}`,
    'DCGUSA',
  ].join('\n')
  const length = String(elements.length).padStart(4, '0')
  return `@\n\x1e\rANSI ${ISSUER}090001DL0031${length}${elements}\r`
}

async function barcodeOf(text: string): Promise<{ readonly svg: string }> {
  const wasm = await readFile(createRequire(import.meta.url).resolve(WASM))
  await prepareZXingModule({
    overrides: { wasmBinary: Uint8Array.from(wasm).buffer },
    fireImmediately: true,
  })
  return await writeBarcode(text, { format: 'PDF417', scale: 4 })
}

function fullYear(yymmdd: string): string {
  const year = yymmdd.slice(0, 2)
  return (Number(year) > 50 ? '19' : '20') + year
}

function slashed(yymmdd: string): string {
  return `${yymmdd.slice(2, 4)}/${yymmdd.slice(4)}/${fullYear(yymmdd)}`
}

function compact(yymmdd: string): string {
  return slashed(yymmdd).replaceAll('/', '')
}
