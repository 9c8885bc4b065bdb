import { calendarDate, type NumericDate } from '../../../shared/clock.ts'
import type { FieldName, Warning } from '../evidence.ts'
import { type ComparedField, compareZones, labelledFields } from './compare-zones.ts'
import { interpretDocument } from './document-evidence.ts'
import type { DocumentSide } from './document-side.ts'
import { interpretAamva } from './interpret-aamva.ts'
import { interpretLicence } from './interpret-licence.ts'
import {
  documentWarnings,
  type Fields,
  type InterpretedDocument,
  impossibleDates,
  printedDate,
  printedField,
  printedName,
} from './interpreted.ts'
import type { VisualLine } from './visual-zone.ts'

/** The pictures of one document; a page has no back. */
export interface DocumentSides {
  readonly front: DocumentSide
  readonly back?: DocumentSide
}

type Zone = Extract<DocumentSide, { kind: 'zone' }>

/** What tells one document from another where both sides show it. */
const LINKING: readonly ComparedField[] = [
  'document_number',
  'family_name',
  'given_name',
  'birthdate',
  'date_of_expiry',
]

/** Puts the sides of a document together and says whether they are of one. Pure. */
export function interpretSides(
  { front, back }: DocumentSides,
  now: NumericDate,
): InterpretedDocument {
  if (front.kind === 'zone') return interpretPage(front, back, now)
  const { printed } = front
  switch (back?.kind) {
    case 'zone':
      return front.kind === 'printed'
        ? interpretCard(printed, back, now)
        : otherType(interpretAlone(front, now))
    case 'licence_back':
      return front.kind === 'licence_front'
        ? interpretLicence({ front: printed, back: back.printed }, now)
        : otherType(interpretAlone(front, now))
    case 'aamva_back':
      return front.kind === 'licence_front'
        ? otherType(interpretAlone(front, now))
        : interpretAamva({ front: printed, barcode: back.barcode }, now)
    case undefined:
      return interpretAlone(front, now)
    default:
      return otherType(interpretAlone(front, now))
  }
}

/** A page or side that has zone and portrait. Its back says nothing more, but may be another document's. */
function interpretPage(
  front: Zone,
  back: DocumentSide | undefined,
  now: NumericDate,
): InterpretedDocument {
  const page = interpretDocument(front, now)
  if (!back || back.kind === 'printed') return page
  if (back.kind !== 'zone') return otherType(page)
  const isSame = back.zone.mrz.lines.join() === front.zone.mrz.lines.join()
  return isSame ? page : withWarnings(page, [documentWarning('sides_differ', ['mrz'])])
}

/** An identity card: print and portrait on the front, the zone on the back. ICAO 9303-5. */
function interpretCard(
  printed: readonly VisualLine[],
  back: Zone,
  now: NumericDate,
): InterpretedDocument {
  const card = interpretDocument(back, now, { zoneSide: 'back', front: printed })
  const front = compareZones(back.zone.mrz, printed)
  const differing = LINKING.filter((field) => front[field] === 'differs')
  const linked = LINKING.some((field) => front[field] === 'agrees')
  return withWarnings(card, [
    ...(differing.length > 0 ? [documentWarning('sides_differ', differing)] : []),
    ...(linked ? [] : [documentWarning('sides_not_linked')]),
  ])
}

function interpretAlone(front: DocumentSide, now: NumericDate): InterpretedDocument {
  switch (front.kind) {
    case 'zone':
      return interpretDocument(front, now)
    case 'licence_front':
      return interpretLicence({ front: front.printed }, now)
    case 'aamva_front':
      return interpretAamva({ front: front.printed }, now)
    case 'aamva_back':
      return interpretAamva({ barcode: front.barcode }, now)
    case 'licence_back':
      return interpretLicence({ front: [], back: front.printed }, now)
    case 'printed':
      return interpretPrint(front.printed, now)
  }
}

/** The front of a card alone: what its labels name, with nothing that confirms it. */
function interpretPrint(printed: readonly VisualLine[], now: NumericDate): InterpretedDocument {
  const today = calendarDate(now)
  const fields: Fields = {}
  for (const [name, line] of labelledFields(printed)) {
    const value = labelledText(name, line.text, today)
    if (value) fields[name] = printedField(value, line, { side: 'front' })
  }
  const warnings = documentWarnings()
  warnings.add('document_side_missing', ['back'])
  warnings.add('print_uncertain', Object.keys(fields))
  const expires = fields.date_of_expiry?.value
  if (expires !== undefined && expires < today) warnings.add('document_expired')
  const impossible = impossibleDates(fields, { today, validYears: 20, needed: [] })
  if (impossible.length > 0) warnings.add('document_date_impossible', impossible)
  return {
    document: { type: 'TD1', reading: 'uncertain', repaired: false, fields, checkDigits: [] },
    warnings: warnings.list(),
  }
}

function labelledText(name: FieldName, text: string, today: string): string | undefined {
  switch (name) {
    case 'birthdate':
      return printedDate(text, { today, future: false })
    case 'date_of_expiry':
      return printedDate(text, { today, future: true })
    case 'document_number':
      return text.split(/\s+/).at(-1)
    case 'issuing_country':
      return undefined
    default:
      return printedName(text)
  }
}

function otherType(read: InterpretedDocument): InterpretedDocument {
  return withWarnings(read, [documentWarning('sides_differ', ['type'])])
}

function withWarnings(
  { document, warnings }: InterpretedDocument,
  more: readonly Warning[],
): InterpretedDocument {
  const reading = more.length > 0 ? 'uncertain' : document.reading
  return { document: { ...document, reading }, warnings: [...warnings, ...more] }
}

function documentWarning(code: Warning['code'], detail?: readonly string[]): Warning {
  return { code, feature: 'document', ...(detail ? { detail } : {}) }
}
