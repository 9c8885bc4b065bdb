import { type AamvaCard, parseAamva } from './aamva.ts'
import { readLicenceTable } from './licence-table.ts'
import { numberedFields } from './numbered-fields.ts'
import type { SideReading } from './read-document.ts'
import type { VisualLine } from './visual-zone.ts'

/**
 * What one picture of a document showed: a page or side with a machine-readable zone, a side of a driving licence, a card
 * with an AAMVA barcode, or print alone. It stays in memory.
 */
export type DocumentSide =
  | ({ readonly kind: 'zone' } & SideReading)
  | {
      readonly kind: 'licence_front' | 'licence_back' | 'aamva_front' | 'printed'
      readonly printed: readonly VisualLine[]
    }
  | {
      readonly kind: 'aamva_back'
      readonly barcode: AamvaCard
      readonly printed: readonly VisualLine[]
    }

/** Of these numbers a front shows at least so many. */
const LICENCE_NUMBERS = ['1', '2', '3', '4a', '4b', '4c', '5', '9']
const AAMVA_NUMBERS = ['1', '2', '3', '4a', '4b', '4d', '15']
const LEAST_NUMBERS = 4
const POINTED_DATE = /\d{2}[.,]\d{2}[.,]\d{2}/
const SLASHED_DATE = /\d{2}\/\d{2}\/\d{4}|\d{4}\/\d{2}\/\d{2}/
const LABELS =
  /\b(surname|given names?|date of birth|nationality|expiry|identity card|document no)/i
const LEAST_LABELS = 2

/** What a side without a machine-readable zone is; `undefined` where it is none of a document that is read. */
export function sideOfCard(
  lines: readonly VisualLine[],
  barcodes: readonly string[],
  today: string,
): DocumentSide | undefined {
  for (const text of barcodes) {
    const barcode = parseAamva(text)
    if (barcode) return { kind: 'aamva_back', barcode, printed: lines }
  }
  if (readLicenceTable(lines, { today })) return { kind: 'licence_back', printed: lines }
  if (hasNumbers(lines, { numbers: AAMVA_NUMBERS, labels: true, date: SLASHED_DATE })) {
    return { kind: 'aamva_front', printed: lines }
  }
  if (hasNumbers(lines, { numbers: LICENCE_NUMBERS, labels: false, date: POINTED_DATE })) {
    return { kind: 'licence_front', printed: lines }
  }
  const labelled = lines.filter(({ text }) => LABELS.test(text))
  return labelled.length >= LEAST_LABELS ? { kind: 'printed', printed: lines } : undefined
}

function hasNumbers(
  lines: readonly VisualLine[],
  { numbers, labels, date }: { numbers: readonly string[]; labels: boolean; date: RegExp },
): boolean {
  const found = numberedFields(lines, { labels })
  const shown = numbers.filter((number) => found.has(number))
  return shown.length >= LEAST_NUMBERS && [...found.values()].some(({ value }) => date.test(value))
}
