import { type DocumentDrawing, drawDocument } from './document.ts'

/** What {@link drawPassport} draws. */
export type PassportDrawing = Omit<DocumentDrawing, 'type' | 'portrait'> & {
  readonly portrait: Uint8Array
}

/** Draws the data page of a passport of Utopia (ICAO 9303-4, 125 × 88 mm), marked as a specimen, as a PNG. */
export async function drawPassport(drawing: PassportDrawing): Promise<Buffer> {
  return await drawDocument({ ...drawing, type: 'TD3' })
}
