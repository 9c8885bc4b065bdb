import sharp from 'sharp'
import type { Holder } from './holders.ts'
import { type OutlineFont, openFont } from './truetype.ts'
import { type ZoneType, zoneLines } from './zone.ts'

/** What {@link drawDocument} draws. */
export interface DocumentDrawing {
  readonly type: ZoneType
  readonly holder: Holder
  /** An image of the holder's face and shoulders; left out on a side that has none. */
  readonly portrait?: Uint8Array
  /** OCR-B as a TrueType file. */
  readonly font: Uint8Array
  /** Pixels per millimetre. */
  readonly scale?: number
  /** Prints one digit of the birth date in the machine-readable zone other than its check digit asks for. */
  readonly alterMrz?: boolean
}

/** Millimetres: page, first baseline of the zone, where the visual zone begins, and the distance of its rows. */
interface PageLayout {
  readonly width: number
  readonly height: number
  readonly zone: { readonly left: number; readonly baselines: readonly number[] }
  readonly fields: { readonly left: number; readonly top: number; readonly row: number }
  readonly portrait: { readonly x: number; readonly y: number; readonly width: number }
  readonly title: string
}

const LAYOUTS: Readonly<Record<ZoneType, PageLayout>> = {
  TD3: {
    width: 125,
    height: 88,
    zone: { left: 6.6, baselines: [73.6, 79.95] },
    fields: { left: 42, top: 19, row: 7.2 },
    portrait: { x: 6, y: 15, width: 32 },
    title: 'PASSPORT  SPECIMEN  NOT A DOCUMENT',
  },
  MRVA: {
    width: 120,
    height: 80,
    zone: { left: 4.1, baselines: [65.6, 71.95] },
    fields: { left: 40, top: 16, row: 6.9 },
    portrait: { x: 5, y: 13, width: 30 },
    title: 'VISA  SPECIMEN  NOT A DOCUMENT',
  },
  TD2: {
    width: 105,
    height: 74,
    zone: { left: 6.6, baselines: [59.6, 65.95] },
    fields: { left: 36, top: 15, row: 6.2 },
    portrait: { x: 5, y: 13, width: 27 },
    title: 'IDENTITY CARD  SPECIMEN',
  },
  MRVB: {
    width: 105,
    height: 74,
    zone: { left: 6.6, baselines: [59.6, 65.95] },
    fields: { left: 36, top: 15, row: 6.2 },
    portrait: { x: 5, y: 13, width: 27 },
    title: 'VISA  SPECIMEN',
  },
  TD1: {
    width: 85.6,
    height: 54,
    zone: { left: 4.7, baselines: [36.2, 42.2, 48.2] },
    fields: { left: 24, top: 8.4, row: 3.3 },
    portrait: { x: 4, y: 7, width: 15 },
    title: 'IDENTITY CARD  SPECIMEN',
  },
}
const ZONE = { pitch: 2.54, size: 3.53 }
const PORTRAIT_RATIO = 41 / 32
const BIRTH_DIGIT = /(\d{6}\d[MF<]\d{6}\d)/

/**
 * Draws one side of a document of Utopia, which issues none, marked as a specimen, as a PNG. The same drawing gives the
 * same pixels on every machine: text is drawn as outlines.
 */
export async function drawDocument(drawing: DocumentDrawing): Promise<Buffer> {
  const { type, holder, portrait, scale = 12, alterMrz = false } = drawing
  const layout = LAYOUTS[type]
  const font = openFont(Buffer.from(drawing.font))
  const lines = alterMrz ? altered(zoneLines(type, holder)) : zoneLines(type, holder)
  const page = sharp(Buffer.from(pageSvg(font, { layout, holder, lines, scale })))
  if (!portrait) return await page.removeAlpha().png().toBuffer()
  const { x, y, width } = layout.portrait
  const face = await sharp(portrait)
    .resize(Math.round(width * scale), Math.round(width * PORTRAIT_RATIO * scale), { fit: 'cover' })
    .modulate({ saturation: 0.85 })
    .png()
    .toBuffer()
  const place = { input: face, left: Math.round(x * scale), top: Math.round(y * scale) }
  return await page.composite([place]).removeAlpha().png().toBuffer()
}

/** One digit of the birth date on, its check digit left as it was. */
function altered(lines: readonly string[]): readonly string[] {
  return lines.map((line) => {
    const at = BIRTH_DIGIT.exec(line)?.index
    if (at === undefined) return line
    return line.slice(0, at + 1) + ((Number(line[at + 1]) + 1) % 10) + line.slice(at + 2)
  })
}

function pageSvg(
  font: OutlineFont,
  page: { layout: PageLayout; holder: Holder; lines: readonly string[]; scale: number },
): string {
  const { layout, holder, lines, scale } = page
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
  const { left, top, row } = layout.fields
  const visual = visualFields(lines, holder).map(
    ([label, value], i) =>
      text(label, left, top + row * i, row * 0.24, '#3b6478') +
      text(value, left, top + row * (i + 0.47), row * 0.42, '#111'),
  )
  const machine = lines.map((line, i) =>
    text(line, layout.zone.left, layout.zone.baselines[i] ?? 0, ZONE.size, '#111', ZONE.pitch),
  )
  const band = (layout.zone.baselines[0] ?? 0) - 8.6
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${layout.width * scale}" height="${layout.height * scale}">
    <rect width="100%" height="100%" fill="#eaf1ee"/>${guilloche(layout, scale)}
    <rect y="${band * scale}" width="100%" height="${(layout.height - band) * scale}" fill="#f7f8f5"/>
    ${text('UTOPIA', layout.portrait.x, row * 1.25, row * 0.69, '#1d4a5f')}
    ${text(layout.title, left, row * 1.25, row * 0.36, '#9b2d2d')}
    ${visual.join('')}${machine.join('')}</svg>`
}

function visualFields(
  [first = '']: readonly string[],
  holder: Holder,
): readonly (readonly [string, string])[] {
  return [
    ['Type / Code / Number', `${first[0]}  UTO  ${holder.number}`],
    ['Surname', holder.surname],
    ['Given names', holder.givenNames],
    ['Nationality / Sex', `UTOPIAN   ${holder.sex}`],
    ['Date of birth', printedDate(holder.birth)],
    [
      'Date of issue / Date of expiry',
      `${printedDate(holder.issued)}   ${printedDate(holder.expiry)}`,
    ],
  ]
}

/** Interwoven sine lines, faint, as security printing has them; lengths in millimetres. */
export function guilloche(
  { width, height }: { readonly width: number; readonly height: number },
  scale: number,
): string {
  const rows = Math.ceil(height / 2) + 2
  const columns = Math.ceil(width) + 1
  const lines = Array.from({ length: rows }, (_, row) => {
    const points = Array.from({ length: columns }, (_, x) => {
      const y = row * 2 + 1.6 * Math.sin(x / 5 + row * 0.7) + 0.8 * Math.sin(x / 2.3 - row)
      return `${(x * scale).toFixed(1)},${(y * scale).toFixed(1)}`
    })
    return `<polyline points="${points.join(' ')}"/>`
  })
  return `<g fill="none" stroke="#7fa6b8" stroke-opacity=".35" stroke-width="${0.12 * scale}">${lines.join('')}</g>`
}

/** As on a page: day, month and year with points between. */
export function printedDate(yymmdd: string): string {
  return yymmdd.replace(/(..)(..)(..)/, '$3.$2.$1')
}
