import sharp from 'sharp'
import { type OutlineFont, openFont } from './truetype.ts'

/** Whom a specimen document is made out to. Dates as YYMMDD, names in the Latin alphabet without marks. */
export interface Holder {
  readonly surname: string
  readonly givenNames: string
  readonly number: string
  readonly nationality: string
  readonly birth: string
  readonly sex: 'F' | 'M' | '<'
  readonly issued: string
  readonly expiry: string
  readonly personalNumber?: string
}

/** What {@link drawPassport} draws. */
export interface PassportDrawing {
  readonly holder: Holder
  /** An image of the holder's face and shoulders. */
  readonly portrait: Uint8Array
  /** OCR-B as a TrueType file. */
  readonly font: Uint8Array
  /** Pixels per millimetre. */
  readonly scale?: number
  /** Prints one digit of the birth date in the machine-readable zone other than its check digit asks for. */
  readonly alterMrz?: boolean
}

const PAGE = { width: 125, height: 88 }
const PORTRAIT = { x: 6, y: 15, width: 32, height: 41 }
const MRZ = { left: 6.6, pitch: 2.54, size: 3.53, baselines: [73.6, 79.95] }
const WEIGHTS = [7, 3, 1]
const BIRTH_YEAR = 14

/** The two lines of a passport's machine-readable zone. ICAO 9303-4 §4.2. */
export function td3Lines(holder: Holder): readonly [string, string] {
  const { surname, givenNames, number, nationality, birth, sex, expiry, personalNumber } = holder
  const name = `${surname.replace(/[^A-Z]/g, '<')}<<${givenNames.replace(/[^A-Z]/g, '<')}`
  const document = withCheckDigit(padded(number, 9))
  const born = withCheckDigit(birth)
  const expires = withCheckDigit(expiry)
  const personal = withCheckDigit(padded(personalNumber ?? '', 14))
  const composite = checkDigit(document + born + expires + personal)
  return [
    padded(`P<UTO${name}`, 44),
    `${document}${padded(nationality, 3)}${born}${sex}${expires}${personal}${composite}`,
  ]
}

/**
 * Draws the data page of a passport of Utopia, which issues none (ICAO 9303-4, 125 × 88 mm), marked as a specimen, as a
 * PNG. The same drawing gives the same pixels on every machine: text is drawn as outlines.
 */
export async function drawPassport(drawing: PassportDrawing): Promise<Buffer> {
  const { holder, portrait, scale = 12, alterMrz = false } = drawing
  const font = openFont(Buffer.from(drawing.font))
  const lines = alterMrz ? altered(td3Lines(holder)) : td3Lines(holder)
  const svg = pageSvg(font, { holder, lines, scale })
  const face = await sharp(portrait)
    .resize(Math.round(PORTRAIT.width * scale), Math.round(PORTRAIT.height * scale), {
      fit: 'cover',
    })
    .modulate({ saturation: 0.85 })
    .png()
    .toBuffer()
  return await sharp(Buffer.from(svg))
    .composite([
      {
        input: face,
        left: Math.round(PORTRAIT.x * scale),
        top: Math.round(PORTRAIT.y * scale),
      },
    ])
    .removeAlpha()
    .png()
    .toBuffer()
}

function altered([upper, lower]: readonly [string, string]): readonly [string, string] {
  const digit = (Number(lower[BIRTH_YEAR]) + 1) % 10
  return [upper, lower.slice(0, BIRTH_YEAR) + digit + lower.slice(BIRTH_YEAR + 1)]
}

function pageSvg(
  font: OutlineFont,
  { holder, lines, scale }: { holder: Holder; lines: readonly string[]; scale: number },
): string {
  const text = (
    value: string,
    x: number,
    y: number,
    size: number,
    fill: string,
    pitch?: number,
  ) => {
    const place = { x: x * scale, y: y * scale, size: size * scale }
    const spaced = pitch === undefined ? place : { ...place, pitch: pitch * scale }
    return `<path fill="${fill}" d="${font.outline(value, spaced)}"/>`
  }
  const fields = [
    ['Type / Code / Number', `P  UTO  ${holder.number}`],
    ['Surname', holder.surname],
    ['Given names', holder.givenNames],
    ['Nationality / Sex', `UTOPIAN   ${holder.sex}`],
    ['Date of birth', printedDate(holder.birth)],
    [
      'Date of issue / Date of expiry',
      `${printedDate(holder.issued)}   ${printedDate(holder.expiry)}`,
    ],
  ]
  const visual = fields.map(
    ([label = '', value = ''], i) =>
      text(label, 42, 19 + 7.2 * i, 1.7, '#3b6478') + text(value, 42, 22.4 + 7.2 * i, 3, '#111'),
  )
  const machine = lines.map((line, i) =>
    text(line, MRZ.left, MRZ.baselines[i] ?? 0, MRZ.size, '#111', MRZ.pitch),
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${PAGE.width * scale}" height="${PAGE.height * scale}">
    <rect width="100%" height="100%" fill="#eaf1ee"/>${guilloche(scale)}
    <rect y="${65 * scale}" width="100%" height="${23 * scale}" fill="#f7f8f5"/>
    ${text('UTOPIA', 6, 9, 5, '#1d4a5f')}
    ${text('PASSPORT  SPECIMEN  NOT A DOCUMENT', 42, 9, 2.6, '#9b2d2d')}
    ${visual.join('')}${machine.join('')}</svg>`
}

/** Interwoven sine lines, faint, as security printing has them. */
function guilloche(scale: number): string {
  const lines = Array.from({ length: 46 }, (_, row) => {
    const points = Array.from({ length: 126 }, (_, x) => {
      const y = row * 2 + 1.6 * Math.sin(x / 5 + row * 0.7) + 0.8 * Math.sin(x / 2.3 - row)
      return `${(x * scale).toFixed(1)},${(y * scale).toFixed(1)}`
    })
    return `<polyline points="${points.join(' ')}"/>`
  })
  return `<g fill="none" stroke="#7fa6b8" stroke-opacity=".35" stroke-width="${0.12 * scale}">${lines.join('')}</g>`
}

function printedDate(yymmdd: string): string {
  return yymmdd.replace(/(..)(..)(..)/, '$3.$2.$1')
}

function padded(text: string, length: number): string {
  return text
    .replace(/[^A-Z0-9]/g, '<')
    .padEnd(length, '<')
    .slice(0, length)
}

function withCheckDigit(field: string): string {
  return field + checkDigit(field)
}

/** ICAO 9303-3 §4.9. Written apart from the reader's, which it tests. */
function checkDigit(field: string): string {
  let sum = 0
  for (const [i, character] of [...field].entries()) {
    const value = character === '<' ? 0 : Number.parseInt(character, 36)
    sum += value * (WEIGHTS[i % 3] ?? 0)
  }
  return String(sum % 10)
}
