import type { Image } from '../image.ts'
import { readBarcodesOf } from './barcode.zxing.ts'
import type { CardModels, UprightCard } from './flat-card.ts'
import { FIELD_NUMBER } from './numbered-fields.ts'
import { type LineReading, readTextCrop } from './recognise.ts'
import { cornersOf } from './regions.ts'
import type { TextBox } from './text-lines.ts'
import type { VisualLine } from './visual-zone.ts'

/** What is printed on one side of a card without a machine-readable zone. Boxes are in pixels of the flat card. */
export interface CardReading {
  readonly lines: readonly VisualLine[]
  readonly barcodes: readonly string[]
}

const MOST_LINES = 90
const CROP_HEIGHTS = [1.1, 1.35] as const
const LEAST_CONFIDENCE = 0.5
const OPEN = 0.02
const MOST_ALTERNATIVES = 3
const LABEL_WIDTH = 4.5

/** Reads every printed line on a card twice, and its barcodes: on the card laid flat, else in the picture itself. */
export async function readCard(
  models: CardModels,
  image: Image,
  card: UprightCard,
): Promise<CardReading> {
  const boxes = [...card.boxes].sort((p, q) => q.width - p.width).slice(0, MOST_LINES)
  const lines: VisualLine[] = []
  for (const box of boxes) {
    const line = await readTwice(models, card.image, box)
    if (line) lines.push(line)
  }
  const found = await readBarcodesOf(card.image)
  const barcodes = found.length > 0 ? found : await readBarcodesOf(image)
  const numbered = await withNumbers(models, card.image, lines)
  return {
    lines: numbered.map((line) => ({
      ...line,
      corners: cornersOf(line.box, image, card.origin),
    })),
    barcodes: barcodes.map(({ text }) => text),
  }
}

async function readTwice(
  { textRecogniser, alphabet }: CardModels,
  image: Image,
  box: TextBox,
): Promise<VisualLine | undefined> {
  const readings: LineReading[] = []
  for (const factor of CROP_HEIGHTS) {
    const crop = { ...box, height: box.height * factor }
    readings.push(await readTextCrop(textRecogniser, alphabet, image, crop))
  }
  const [first, second] = readings
  if (!first || !second) return undefined
  const better = first.confidence >= second.confidence ? first : second
  const text = plain(better.text)
  if (text === '' || better.confidence < LEAST_CONFIDENCE) return undefined
  const alternatives = alternativesOf(better)
  return {
    text,
    confidence: Math.min(1, ...better.characters.map(({ probability }) => probability)),
    box,
    confirmed: squeezed(first.text) === squeezed(second.text),
    ...(alternatives.length > 0 ? { alternatives } : {}),
  }
}

const plain = (text: string) => text.normalize('NFKC').trim()
const squeezed = (text: string) => plain(text).replace(/\s+/g, '')

/** The line with its least sure characters exchanged for what the recogniser held possible there. */
function alternativesOf({ characters }: LineReading): readonly string[] {
  return characters
    .flatMap(({ alternatives }, at) =>
      alternatives
        .filter(({ probability }) => probability >= OPEN)
        .map(({ value, probability }) => ({ at, value, probability })),
    )
    .sort((p, q) => q.probability - p.probability)
    .slice(0, MOST_ALTERNATIVES)
    .map(({ at, value }) =>
      plain(characters.map((character, i) => (i === at ? value : character.value)).join('')),
    )
}

/**
 * A detector loses a small number before a value: where numbers stand in a column and a line begins just right of it, the
 * line is read again from the column on.
 */
async function withNumbers(
  models: CardModels,
  image: Image,
  lines: readonly VisualLine[],
): Promise<readonly VisualLine[]> {
  const leftOf = ({ box }: VisualLine) => box.cx - box.width / 2
  const numbered = lines.filter(({ text }) => FIELD_NUMBER.test(text)).map(leftOf)
  const column = [...numbered].sort((p, q) => p - q)[numbered.length >> 1]
  if (column === undefined || numbered.length < 2) return lines
  const result: VisualLine[] = []
  for (const line of lines) {
    const gap = leftOf(line) - column
    const { height } = line.box
    const isBeside = gap > 0.3 * height && gap < LABEL_WIDTH * height
    if (FIELD_NUMBER.test(line.text) || !isBeside) {
      result.push(line)
      continue
    }
    const right = line.box.cx + line.box.width / 2
    const left = column - 0.3 * height
    const box = { ...line.box, cx: (left + right) / 2, width: right - left }
    const wider = await readTwice(models, image, box)
    const isSame = wider && squeezed(wider.text).endsWith(squeezed(line.text))
    result.push(isSame && FIELD_NUMBER.test(wider.text) ? { ...wider, box } : line)
  }
  return result
}
