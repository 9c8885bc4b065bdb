import sharp, { type OverlayOptions } from 'sharp'
import { guilloche } from './document.ts'
import { openFont } from './truetype.ts'

/** A text on a card: millimetres from the upper left corner to the start of its baseline, and its size. */
export interface CardText {
  readonly text: string
  readonly x: number
  readonly y: number
  readonly size: number
  readonly fill?: string
  readonly pitch?: number
}

/** A picture on a card, in millimetres; `faded` prints it pale and grey, as a second portrait is. */
export interface CardPicture {
  readonly image: Uint8Array
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly faded?: boolean
}

/** One side of a card. */
export interface CardSide {
  readonly texts: readonly CardText[]
  readonly pictures?: readonly CardPicture[]
  /** More SVG, in units of a millimetre. */
  readonly shapes?: string
  readonly background?: string
}

/** OCR-B as a TrueType file, and pixels per millimetre. */
export interface CardPrint {
  readonly font: Uint8Array
  readonly scale?: number
}

const INK = '#111'
/** ID-1. ISO/IEC 7810. */
export const CARD = { width: 85.6, height: 54 }
export const LABEL_INK = '#3b6478'
export const TITLE_INK = '#9b2d2d'

/** Draws one side of a card as a PNG; the same drawing gives the same pixels on every machine. */
export async function drawCard(side: CardSide, { font, scale = 12 }: CardPrint): Promise<Buffer> {
  const outlines = openFont(Buffer.from(font))
  const texts = side.texts.map(({ text, x, y, size, fill = INK, pitch }) => {
    const place = { x: x * scale, y: y * scale, size: size * scale }
    const spaced = pitch === undefined ? place : { ...place, pitch: pitch * scale }
    return `<path fill="${fill}" d="${outlines.outline(text, spaced)}"/>`
  })
  const [width, height] = [Math.round(CARD.width * scale), Math.round(CARD.height * scale)]
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <rect width="100%" height="100%" fill="${side.background ?? '#f3e9ec'}"/>${guilloche(CARD, scale)}
    <g transform="scale(${scale})">${side.shapes ?? ''}</g>${texts.join('')}</svg>`
  const layers: OverlayOptions[] = []
  for (const picture of side.pictures ?? []) layers.push(await layerOf(picture, scale))
  return await sharp(Buffer.from(svg)).composite(layers).removeAlpha().png().toBuffer()
}

async function layerOf(
  { image, x, y, width, height, faded = false }: CardPicture,
  scale: number,
): Promise<OverlayOptions> {
  const size = [Math.round(width * scale), Math.round(height * scale)] as const
  const scaled = sharp(image).resize(...size, { fit: 'cover' })
  const printed = faded
    ? scaled.greyscale().linear(0.62, 82).toColourspace('srgb')
    : scaled.modulate({ saturation: 0.85 })
  const input = await printed.png().toBuffer()
  return { input, left: Math.round(x * scale), top: Math.round(y * scale) }
}
