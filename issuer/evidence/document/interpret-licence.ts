import { calendarDate, type NumericDate } from '../../../shared/clock.ts'
import type { DrivingCategory } from '../evidence.ts'
import {
  DOCUMENT_RULES,
  FIVE_YEAR_CATEGORIES,
  LICENCE_AGES,
  LICENCE_CODES,
  LICENCE_SIGNS,
} from './document-rules.ts'
import {
  documentWarnings,
  type Fields,
  type InterpretedDocument,
  impossibleDates,
  printedDate,
  printedField,
  printedName,
  yearsBetween,
} from './interpreted.ts'
import { type LicenceRow, type LicenceTable, readLicenceTable } from './licence-table.ts'
import { type NumberedField, numberedFields, withoutNumber } from './numbered-fields.ts'
import type { VisualLine } from './visual-zone.ts'

const REQUIRED = ['1', '2', '3', '4a', '4b', '5'] as const
const SURE = 0.8
const NUMBER = /^[A-Z0-9][A-Z0-9 /.-]{3,19}$/

/**
 * What a driving licence says: the numbered fields of its front, and the table of its back where that was seen. One
 * recogniser reads print, and nothing on the card checks it, so a reading is never `ok`: `print_uncertain` names what
 * two looks at it did not even read alike. Directive 2006/126/EC Annex I.
 */
export function interpretLicence(
  { front, back }: { readonly front: readonly VisualLine[]; readonly back?: readonly VisualLine[] },
  now: NumericDate,
): InterpretedDocument {
  const today = calendarDate(now)
  const numbers = numberedFields(front)
  const warnings = documentWarnings()
  const fields = readFields(numbers, front, today)
  const unsure = REQUIRED.filter((number) => {
    const field = numbers.get(number)
    return !field || field.line.confidence < SURE || field.line.confirmed === false
  }).map((number) => `field_${number}`)
  const table = back && readLicenceTable(back, { today })
  if (!table) warnings.add('document_side_missing', ['back'])
  const unsureRows = (table?.rows ?? [])
    .filter(
      ({ confirmed, confidence, issued, expires }) =>
        !confirmed || confidence < SURE || !issued || !expires,
    )
    .map(({ code }) => `category_${code}`)
  warnings.add('print_uncertain', [
    ...unsure,
    ...unsureRows,
    ...(table && table.stray > 0 ? ['category_dates'] : []),
  ])
  const wrong = impossibleDates(fields, {
    today,
    validYears: DOCUMENT_RULES.EU_DL.validYears,
    needed: ['birthdate', 'date_of_issue', 'date_of_expiry'],
  })
  if (wrong.length > 0) warnings.add('document_date_impossible', wrong)
  const expires = fields.date_of_expiry?.value
  if (expires !== undefined && expires < today) warnings.add('document_expired')
  if (!fields.issuing_country) warnings.add('country_unknown')
  const held = categoriesOf(numbers.get('9'))
  if (table) {
    const differing = differentCategories(held, table)
    if (differing.length > 0) warnings.add('sides_differ', differing)
    const broken = brokenRules(table.rows, fields)
    if (broken.length > 0) warnings.add('driving_rule_broken', broken)
  }
  return {
    document: {
      type: 'EU_DL',
      reading: 'uncertain',
      repaired: false,
      fields,
      checkDigits: [],
      categories: table
        ? table.rows.map(categoryOf)
        : held.map((code) => ({ code, confidence: 0 })),
    },
    warnings: warnings.list(),
  }
}

function readFields(
  numbers: ReadonlyMap<string, NumberedField>,
  front: readonly VisualLine[],
  today: string,
): Fields {
  const fields: Fields = {}
  const read = (number: string, parse: (value: string) => string | undefined) => {
    const field = numbers.get(number)
    const value = field && parse(field.value)
    const name = DOCUMENT_RULES.EU_DL.numbers?.[number]
    if (field && value && name) {
      fields[name] = printedField(value, field.line, {
        side: 'front',
        parse: (text) => parse(withoutNumber(text)),
      })
    }
  }
  read('1', printedName)
  read('2', printedName)
  read('3', (value) => printedDate(value, { today, future: false }))
  read('4a', (value) => printedDate(value, { today, future: false }))
  read('4b', (value) => printedDate(value, { today, future: true }))
  read('4c', (value) => value)
  read('4d', (value) => value)
  read('5', licenceNumber)
  read('8', (value) => value)
  const birth = numbers.get('3')
  const place = birth && printedName(birth.value.replace(/^[\d.,\-/ ]+/, ''))
  if (birth && place) fields.place_of_birth = printedField(place, birth.line, { side: 'front' })
  const sign = countryOf(front)
  if (sign) fields.issuing_country = printedField(sign.code, sign.line, { side: 'front' })
  return fields
}

/** Spaces in a number are the printer's. */
function licenceNumber(value: string): string | undefined {
  const plain = value.toUpperCase().trim()
  return NUMBER.test(plain) ? plain.replaceAll(' ', '') : undefined
}

/** The distinguishing sign stands alone in the upper left corner, left of every number. */
function countryOf(
  front: readonly VisualLine[],
): { readonly code: string; readonly line: VisualLine } | undefined {
  const bottom = Math.max(...front.map(({ box }) => box.cy))
  const right = Math.max(...front.map(({ box }) => box.cx + box.width / 2))
  for (const line of front) {
    const code = LICENCE_SIGNS[line.text.toUpperCase().replace(/^UT0$/, 'UTO')]
    if (code && line.box.cy < 0.35 * bottom && line.box.cx < 0.3 * right) return { code, line }
  }
  return undefined
}

/** The categories of field 9, in any separation. */
function categoriesOf(field: NumberedField | undefined): readonly string[] {
  const words = field?.value.toUpperCase().split(/[^A-Z0-9]+/) ?? []
  return LICENCE_CODES.filter((code) => words.includes(code))
}

function categoryOf(row: LicenceRow): DrivingCategory {
  const { code, issued, expires, codes, confidence, line } = row
  return {
    code,
    ...(issued ? { issued } : {}),
    ...(expires ? { expires } : {}),
    ...(codes ? { codes } : {}),
    confidence: Math.round(confidence * 1000) / 1000,
    ...(line.corners ? { region: { side: 'back', corners: line.corners } } : {}),
  }
}

function differentCategories(held: readonly string[], { rows }: LicenceTable): readonly string[] {
  if (held.length === 0) return []
  const dated = rows.map(({ code }) => code)
  return LICENCE_CODES.filter((code) => held.includes(code) !== dated.includes(code)).map(
    (code) => `category_${code}`,
  )
}

/** Rules of the directive that a row breaks. */
function brokenRules(rows: readonly LicenceRow[], fields: Fields): readonly string[] {
  const birth = fields.birthdate?.value
  const issued = fields.date_of_issue?.value
  return rows.flatMap((row) => {
    const age = LICENCE_AGES[row.code as keyof typeof LICENCE_AGES]
    const broken: string[] = []
    if (birth && row.issued && yearsBetween(birth, row.issued) < age) broken.push('age')
    if (row.issued && row.expires && row.expires <= row.issued) broken.push('dates')
    const isShort = FIVE_YEAR_CATEGORIES.includes(row.code)
    if (isShort && issued && row.expires && yearsBetween(issued, row.expires) > 5) {
      broken.push('validity')
    }
    return broken.map((rule) => `category_${row.code}_${rule}`)
  })
}
