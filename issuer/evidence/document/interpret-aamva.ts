import { calendarDate, type NumericDate } from '../../../shared/clock.ts'
import type { ComparisonReason, FieldComparison, FieldName } from '../evidence.ts'
import type { AamvaCard } from './aamva.ts'
import { align } from './agreement.ts'
import { DOCUMENT_RULES } from './document-rules.ts'
import {
  americanDate,
  documentWarnings,
  encodedField,
  type Fields,
  type InterpretedDocument,
  impossibleDates,
  printedField,
  printedName,
} from './interpreted.ts'
import { numberedFields } from './numbered-fields.ts'
import { zoneSpellings } from './transliterate.ts'
import type { VisualLine } from './visual-zone.ts'

/** Fields that both the print and the barcode of a card show. */
const COMPARED = [
  'family_name',
  'given_name',
  'birthdate',
  'date_of_issue',
  'date_of_expiry',
  'document_number',
  'sex',
] as const satisfies readonly (FieldName & keyof AamvaCard)[]
/** What has to agree before a reading is `ok`: these say whose card it is and how long it is good. */
const IDENTIFYING: readonly FieldName[] = [
  'family_name',
  'given_name',
  'birthdate',
  'date_of_expiry',
  'document_number',
]
const SEXES: Readonly<Record<string, string>> = { M: '1', F: '2', X: '0', 1: '1', 2: '2', 9: '0' }

/**
 * What a North American card says: its barcode, its printed front, and field by field whether they agree. Nothing in the
 * barcode is signed, so it confirms the print and no more. AAMVA DL/ID Card Design Standard, Annexes A and D.
 */
export function interpretAamva(
  { front, barcode }: { readonly front?: readonly VisualLine[]; readonly barcode?: AamvaCard },
  now: NumericDate,
): InterpretedDocument {
  const today = calendarDate(now)
  const warnings = documentWarnings()
  const printed = front ? readPrint(front) : {}
  const fields: Fields = { ...printed }
  for (const name of COMPARED) {
    const value = barcode?.[name]
    if (value) fields[name] = encodedField(value, 'barcode')
  }
  if (barcode?.country) fields.issuing_country = encodedField(barcode.country, 'barcode')
  const type = barcode?.subfile === 'ID' ? 'AAMVA_ID' : 'AAMVA_DL'
  const comparisons = barcode ? COMPARED.map((name) => compare(name, printed, barcode)) : []
  const differing = comparisons.filter(({ result }) => result === 'differs')
  const agreed = comparisons.filter(({ result }) => result === 'agrees').map(({ field }) => field)
  if (differing.length > 0) {
    warnings.add(
      'barcode_differs',
      differing.map(({ field, reason }) => `${field}:${reason}`),
    )
  }
  if (!barcode) warnings.add('document_side_missing', ['back'])
  if (!front) warnings.add('document_side_missing', ['front'])
  const whose = ['family_name', 'birthdate', 'document_number']
  const isOther = (names: readonly string[]) =>
    names.every((name) => differing.some(({ field }) => field === name))
  if (front && barcode && isOther(whose)) warnings.add('sides_differ', whose)
  if (front && barcode && agreed.length === 0) warnings.add('sides_not_linked')
  const unconfirmed = IDENTIFYING.filter((name) => !agreed.includes(name))
  if (unconfirmed.length > 0) warnings.add('print_uncertain', unconfirmed)
  const expires = fields.date_of_expiry?.value
  if (expires !== undefined && expires < today) warnings.add('document_expired')
  const wrong = impossibleDates(fields, {
    today,
    validYears: DOCUMENT_RULES[type].validYears,
    needed: ['birthdate', 'date_of_expiry'],
  })
  if (wrong.length > 0) warnings.add('document_date_impossible', wrong)
  const country = fields.issuing_country?.value
  if (country !== 'USA' && country !== 'CAN') warnings.add('country_unknown')
  const ok = unconfirmed.length === 0 && differing.length === 0 && wrong.length === 0
  return {
    document: {
      type,
      reading: ok ? 'ok' : 'uncertain',
      repaired: false,
      fields,
      checkDigits: [],
      comparisons,
      ...(barcode?.vehicleClass
        ? { categories: [vehicleClass(barcode, barcode.vehicleClass)] }
        : {}),
    },
    warnings: warnings.list(),
  }
}

function vehicleClass(barcode: AamvaCard, code: string) {
  const codes = [barcode.restrictions, barcode.endorsements]
    .filter((each) => each !== undefined && each !== 'NONE')
    .join(' ')
  return {
    code,
    ...(barcode.date_of_issue ? { issued: barcode.date_of_issue } : {}),
    ...(barcode.date_of_expiry ? { expires: barcode.date_of_expiry } : {}),
    ...(codes === '' ? {} : { codes }),
    confidence: 1,
  }
}

function readPrint(front: readonly VisualLine[]): Fields {
  const numbers = numberedFields(front, { labels: true })
  const fields: Fields = {}
  const names = DOCUMENT_RULES.AAMVA_DL.numbers ?? {}
  for (const [number, name] of Object.entries(names)) {
    const field = numbers.get(number)
    const value = field && printedValue(name, field.value)
    if (field && value) fields[name] = printedField(value, field.line, { side: 'front' })
  }
  return fields
}

function printedValue(name: FieldName, text: string): string | undefined {
  switch (name) {
    case 'family_name':
    case 'given_name':
      return printedName(text)
    case 'birthdate':
    case 'date_of_issue':
    case 'date_of_expiry':
      return americanDate(text)
    case 'document_number':
      return text.toUpperCase().replace(/[^A-Z0-9]/g, '')
    case 'sex':
      return SEXES[text.trim().charAt(0).toUpperCase()]
    default:
      return text
  }
}

function compare(
  field: (typeof COMPARED)[number],
  printed: Fields,
  barcode: AamvaCard,
): FieldComparison {
  const sources = ['viz', 'barcode'] as const
  const print = printed[field]?.value
  const encoded = barcode[field]
  if (!print) return { field, sources, result: 'not_found', reason: 'not_printed' }
  if (!encoded) return { field, sources, result: 'not_found', reason: 'not_encoded' }
  const reason = difference(field, print, encoded)
  if (reason === undefined) return { field, sources, result: 'agrees' }
  return { field, sources, result: 'differs', reason }
}

function difference(
  field: FieldName,
  print: string,
  encoded: string,
): ComparisonReason | undefined {
  if (field === 'birthdate' || field === 'date_of_issue' || field === 'date_of_expiry') {
    return print === encoded ? undefined : 'other_date'
  }
  const plain = encoded.toUpperCase().replace(/[^A-Z0-9]/g, '')
  const spellings = zoneSpellings(print)
  if (spellings.includes(plain)) return undefined
  if (spellings.some((each) => each.startsWith(plain) || plain.startsWith(each))) return 'cut_off'
  return spellings.some((each) => isOneOff(each, plain)) ? 'one_character' : 'other_value'
}

function isOneOff(print: string, encoded: string): boolean {
  const partners = align(encoded, print)
  const other = partners.filter((partner, i) => partner !== encoded[i]).length
  return other <= 1 && Math.abs(print.length - encoded.length) <= 1
}
