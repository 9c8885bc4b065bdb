import type { Region } from '../evidence.ts'
import type { Image } from '../image.ts'
import type { Model } from '../model.ts'
import { readTextCrop, type TextAlphabet } from './recognise.ts'
import { cornersOf } from './regions.ts'
import type { TextBox } from './text-lines.ts'

/** A line of the printed part of a document. */
export interface VisualLine {
  readonly text: string
  readonly confidence: number
  readonly box: TextBox
  /** Whether a second look, at another height of the crop, read the same. */
  readonly confirmed?: boolean
  /** What else the line may say, likeliest first. */
  readonly alternatives?: readonly string[]
  /** Where it stands in the picture, in parts of its width and height. */
  readonly corners?: Region['corners']
}

const MOST_LINES = 60
const CROP_HEIGHT = 1.1
const SECOND_CROP_HEIGHT = 1.35
const LEAST_CONFIDENCE = 0.6
const SURE = 0.9

/**
 * Reads the printed lines of a document that lie the same way as its machine-readable zone, the tallest first because
 * values are printed larger than labels, until there is `enough` or more than can be looked at; those that are to be
 * looked at `twice` say whether both looks read the same.
 */
export async function readVisualZone(
  models: { readonly textRecogniser: Model; readonly alphabet: TextAlphabet },
  image: Image,
  {
    boxes,
    zone,
    enough,
    twice,
  }: {
    boxes: readonly TextBox[]
    zone: readonly TextBox[]
    enough: (lines: readonly VisualLine[]) => boolean
    twice: (text: string) => boolean
  },
): Promise<readonly VisualLine[]> {
  const direction = zone[0]?.angle ?? 0
  const printed = boxes
    .filter((box) => zone.every((line) => Math.hypot(line.cx - box.cx, line.cy - box.cy) > 1))
    .filter(({ width, height }) => width >= height)
    .sort((p, q) => q.height - p.height)
    .slice(0, MOST_LINES)
  const lines: VisualLine[] = []
  for (const box of printed) {
    if (enough(lines)) break
    const turned =
      Math.cos(box.angle - direction) < 0 ? { ...box, angle: box.angle + Math.PI } : box
    if (Math.cos(turned.angle - direction) < 0.9) continue
    const read = async (factor: number) => {
      const crop = { ...turned, height: turned.height * factor }
      const seen = await readTextCrop(models.textRecogniser, models.alphabet, image, crop)
      return { text: seen.text.normalize('NFKC').trim(), confidence: seen.confidence }
    }
    const { text, confidence } = await read(CROP_HEIGHT)
    if (confidence < LEAST_CONFIDENCE || text === '') continue
    const again = twice(text) ? await read(SECOND_CROP_HEIGHT) : undefined
    lines.push({
      text,
      confidence,
      box: turned,
      ...(again ? { confirmed: isConfirmed({ text, confidence }, again) } : {}),
      corners: cornersOf(turned, image),
    })
  }
  return lines
}

type Look = Pick<VisualLine, 'text' | 'confidence'>

function isConfirmed(first: Look, second: Look): boolean {
  return first.text === second.text && Math.min(first.confidence, second.confidence) >= SURE
}
