import { type CardPrint, type CardText, drawCard, LABEL_INK, TITLE_INK } from './card.ts'
import type { Holder } from './holders.ts'

/** A category that a licence holds: dates as YYMMDD. */
export interface LicenceCategory {
  readonly code: LicenceCode
  readonly issued: string
  readonly expiry: string
  /** Union codes of field 12, such as `01.06`. */
  readonly codes?: string
}

/** The categories in the order of the table. Directive 2006/126/EC Annex I. */
export const LICENCE_CODES = [
  'AM',
  'A1',
  'A2',
  'A',
  'B1',
  'B',
  'C1',
  'C',
  'D1',
  'D',
  'BE',
  'C1E',
  'CE',
  'D1E',
  'DE',
] as const
export type LicenceCode = (typeof LICENCE_CODES)[number]

/** What is printed on a driving licence. */
export interface Licence {
  readonly holder: Holder
  readonly placeOfBirth: string
  readonly authority: string
  readonly categories: readonly LicenceCategory[]
}

/** What {@link drawLicenceFront} draws beside the licence. */
export interface LicencePortraits {
  readonly portrait: Uint8Array
  /** The second, smaller picture of the holder; the portrait itself where nothing is said. */
  readonly ghost?: Uint8Array
}

const FRONT = { left: 27.5, top: 13.2, row: 4.3, size: 2.3 }
const BACK = { left: 24, top: 8.4, row: 2.62, size: 1.75, issued: 37.5, expiry: 52, codes: 66.5 }

/** The worker's licence. */
export function licenceOf(holder: Holder): Licence {
  return {
    holder,
    placeOfBirth: 'PORT UTOPIA',
    authority: 'UTO TRANSPORT',
    categories: [
      { code: 'AM', issued: '920914', expiry: holder.expiry },
      { code: 'B1', issued: '920914', expiry: holder.expiry },
      { code: 'B', issued: '920914', expiry: holder.expiry, codes: '01.06' },
      { code: 'BE', issued: '010302', expiry: holder.expiry },
    ],
  }
}

/**
 * Draws the front of a driving licence of Utopia, which issues none, after the model of Directive 2006/126/EC Annex I,
 * marked as a specimen.
 */
export async function drawLicenceFront(
  licence: Licence,
  { portrait, ghost = portrait }: LicencePortraits,
  print: CardPrint,
): Promise<Buffer> {
  return await drawCard(
    {
      shapes: '<rect x="3" y="3" width="11" height="7.6" fill="#23408f"/>',
      texts: [
        { text: 'UTO', x: 4.6, y: 8.2, size: 3.1, fill: '#fff' },
        { text: 'DRIVING LICENCE', x: FRONT.left, y: 7.6, size: 3.5, fill: '#23408f' },
        { text: 'SPECIMEN', x: 66, y: 7.4, size: 2.4, fill: TITLE_INK },
        ...frontTexts(licence),
      ],
      pictures: [
        { image: portrait, x: 3.5, y: 13, width: 21, height: 27 },
        { image: ghost, x: 70, y: 33, width: 11.5, height: 14.8, faded: true },
      ],
    },
    print,
  )
}

function frontTexts({ holder, placeOfBirth, authority, categories }: Licence): readonly CardText[] {
  const { left, top, row, size } = FRONT
  const line = (at: number, number: string, value: string, x = left): CardText[] => {
    const y = top + row * at
    return [
      { text: number, x, y, size: size * 0.8, fill: LABEL_INK },
      { text: value, x: x + 4.6, y, size },
    ]
  }
  return [
    ...line(0, '1.', holder.surname),
    ...line(1, '2.', holder.givenNames),
    ...line(2, '3.', `${fullDate(holder.birth)} ${placeOfBirth}`),
    ...line(3, '4a.', fullDate(holder.issued)),
    ...line(3, '4c.', authority, left + 26),
    ...line(4, '4b.', fullDate(holder.expiry)),
    ...line(5, '5.', holder.number),
    ...line(6, '7.', ''),
    ...line(8, '9.', categories.map(({ code }) => code).join('/')),
  ]
}

/** Draws the back: the table of categories with their dates. Directive 2006/126/EC Annex I, fields 9 to 12. */
export async function drawLicenceBack(licence: Licence, print: CardPrint): Promise<Buffer> {
  const { left, top, row, size, issued, expiry, codes } = BACK
  const texts = LICENCE_CODES.flatMap((code, i): CardText[] => {
    const y = top + row * (i + 1)
    const held = licence.categories.find((category) => category.code === code)
    const cell = (text: string, x: number): CardText => ({ text, x, y, size })
    if (!held) return [cell(code, left)]
    return [
      cell(code, left),
      cell(shortDate(held.issued), issued),
      cell(shortDate(held.expiry), expiry),
      ...(held.codes ? [cell(held.codes, codes)] : []),
    ]
  })
  const heads = [
    ['9.', left],
    ['10.', issued],
    ['11.', expiry],
    ['12.', codes],
  ] as const
  const bottom = top + row * LICENCE_CODES.length + 0.75
  const rules = Array.from(
    { length: LICENCE_CODES.length + 1 },
    (_, i) => `M22.5 ${(top + row * i + 0.75).toFixed(2)}H82`,
  )
  const columns = [22.5, 36, 50.5, 65, 82].map((x) => `M${x} ${top - 1.9}V${bottom}`)
  return await drawCard(
    {
      shapes: `<path d="${[...rules, ...columns].join('')}" stroke="#8aa" stroke-width=".12" fill="none"/>`,
      texts: [
        ...heads.map(([text, x]) => ({ text, x, y: top, size, fill: LABEL_INK })),
        ...texts,
        { text: 'SPECIMEN', x: 3, y: 6, size: 2.2, fill: TITLE_INK },
        { text: '1. Surname 2. Other names 3. Birth', x: 3, y: 51, size: 1.5, fill: LABEL_INK },
      ],
    },
    print,
  )
}

/** With the century, which the front has. */
function fullDate(yymmdd: string): string {
  const century = Number(yymmdd.slice(0, 2)) > 50 ? '19' : '20'
  return yymmdd.replace(/(..)(..)(..)/, `$3.$2.${century}$1`)
}

function shortDate(yymmdd: string): string {
  return yymmdd.replace(/(..)(..)(..)/, '$3.$2.$1')
}
