import { align, lookAlikes } from './agreement.ts'
import type { Mrz } from './mrz.ts'
import { isCutFrom, LEAST_CUT_LETTERS } from './printed-name.ts'
import { joinedRows, placeOf } from './rows.ts'
import { zoneSpellings } from './transliterate.ts'
import type { VisualLine } from './visual-zone.ts'

/** The fields that both zones of a document show. */
export type ComparedField =
  | 'family_name'
  | 'given_name'
  | 'document_number'
  | 'birthdate'
  | 'date_of_expiry'
  | 'issuing_country'

/**
 * `agrees`: the printed zone shows the value of the machine-readable one. `differs`: a label says that the printed value
 * is another. `not_found`: neither, which says nothing.
 */
export type ZoneAgreement = 'agrees' | 'differs' | 'not_found'

/** Labels in English, French, German and Spanish, and the field numbers of European driving licences. */
const LABELS: Readonly<Record<ComparedField, RegExp>> = {
  family_name: /^(1\.|surname|name|nom|familienname|apellidos?)\b/i,
  given_name: /^(2\.|given|pr[eé]noms?|vornamen?|nombres?)\b/i,
  document_number:
    /(^5\.|passport no|document no|card no|code \/ number|n[o°º]\.? du|ausweis-?nr|pass-?nr)/i,
  birthdate: /^(3\.|date of birth|birth|date de naissance|geburts|fecha de nacimiento)/i,
  issuing_country: /^(code of issuing|issuing (state|country)|ausstellender staat)/i,
  date_of_expiry: /(^4b\.|expir|g[uü]ltig bis|caducidad|valid until)/i,
}
const DATE = /(\d{1,2})[ .\-/]+(\d{1,2}|[A-Z]{3,4}(?:\/[A-Z]{3,4})?)[ .\-/]+(\d{4}|\d{2})(?!\d)/gi
const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
const SURE = 0.9
const VALUE_BELOW = 2.4

/** The value that a label names for each field, where one is printed. */
export function labelledFields(
  lines: readonly VisualLine[],
): ReadonlyMap<ComparedField, VisualLine> {
  const rows = [...lines, ...joinedRows(lines)]
  const found = new Map<ComparedField, VisualLine>()
  for (const field of Object.keys(LABELS) as ComparedField[]) {
    const line = labelledValue(LABELS[field], rows)
    if (line) found.set(field, line)
  }
  return found
}

/** Compares the two zones field by field. */
export function compareZones(
  mrz: Mrz,
  lines: readonly VisualLine[],
): Readonly<Record<ComparedField, ZoneAgreement>> {
  const numberRight = mrz.checkDigits.some(
    ({ field, valid }) => field === 'document_number' && valid,
  )
  const tests: Readonly<Record<ComparedField, (text: string) => boolean>> = {
    family_name: (text) => showsName(text, mrz.surname, mrz.nameMayBeCut),
    given_name: (text) => showsName(text, mrz.givenNames, mrz.nameMayBeCut),
    document_number: (text) => showsNumber(text, mrz.number, numberRight),
    birthdate: (text) => datesIn(text).includes(mrz.birth),
    date_of_expiry: (text) => datesIn(text).includes(mrz.expiry),
    issuing_country: (text) => showsCode(text, mrz.issuer),
  }
  const rows = [...lines, ...joinedRows(lines)]
  const compare = (field: ComparedField): ZoneAgreement => {
    if (rows.some(({ text }) => tests[field](text))) return 'agrees'
    const labelled = labelledValue(LABELS[field], rows)
    if (!labelled || labelled.confidence < SURE) return 'not_found'
    return isOtherValue(field, labelled.text, mrz) ? 'differs' : 'not_found'
  }
  return {
    family_name: compare('family_name'),
    given_name: compare('given_name'),
    document_number: compare('document_number'),
    birthdate: compare('birthdate'),
    date_of_expiry: compare('date_of_expiry'),
    issuing_country: compare('issuing_country'),
  }
}

/**
 * A labelled line counts as another value only where it has the form of one and is further from the zone's than a
 * recogniser errs.
 */
function isOtherValue(field: ComparedField, text: string, mrz: Mrz): boolean {
  switch (field) {
    case 'family_name':
      return /^\p{Lu}[\p{Lu} '-]+$/u.test(text) && isFar(text, mrz.surname)
    case 'given_name':
      return /^\p{Lu}[\p{Lu} '-]+$/u.test(text) && isFar(text, mrz.givenNames)
    case 'document_number': {
      const last = text.split(/\s+/).at(-1) ?? ''
      return /^[A-Z0-9]{6,12}$/.test(last) && isFar(last, mrz.number)
    }
    case 'issuing_country':
      return false // a code that was read otherwise is a slip, or a name
    case 'birthdate':
      return isOtherDate(text, mrz.birth)
    case 'date_of_expiry':
      return isOtherDate(text, mrz.expiry)
  }
}

function isOtherDate(text: string, expected: string): boolean {
  const dates = datesIn(text)
  return dates.length > 0 && dates.every((date) => date !== expected)
}

/** More than a third of the characters differ, and neither is a part of the other. */
function isFar(printed: string, expected: string): boolean {
  const wanted = expected.replace(/[^A-Z0-9]/g, '')
  const spellings = zoneSpellings(printed)
  if (spellings.some((spelling) => wanted.includes(spelling) || spelling.includes(wanted)))
    return false
  return spellings.every((spelling) => {
    const partners = align(wanted, spelling)
    const same = partners.filter((partner, i) => partner === wanted[i]).length
    return same < (2 / 3) * Math.max(wanted.length, spelling.length)
  })
}

function showsName(text: string, name: string, mayBeCut: boolean): boolean {
  const wanted = name.replace(/[^A-Z]/g, '')
  if (wanted === '') return false
  const value = text.replace(/^[12]\.\s*/, '')
  if (zoneSpellings(value).includes(wanted)) return true
  return mayBeCut && wanted.length >= LEAST_CUT_LETTERS && isCutFrom(name, value)
}

/** As a word, or with the letter of the document's type before it. */
function showsCode(text: string, code: string): boolean {
  const letters = text.replace(/[^A-Z ]/g, '')
  return code !== '' && letters.split(' ').some((word) => word === code || word.slice(1) === code)
}

/** A zero and an O print alike: where the check digit is right it has told them apart. */
function showsNumber(text: string, number: string, checked: boolean): boolean {
  const words = text.toUpperCase().split(/[^A-Z0-9]+/)
  return words.some((word) => {
    if (word.length !== number.length || number.length < 5) return false
    let others = 0
    for (const [i, character] of [...word].entries()) {
      const expected = number[i] ?? ''
      if (character === expected) continue
      if (!checked || !lookAlikes(expected).includes(character)) return false
      others += 1
    }
    return others <= 1
  })
}

/** The dates in a text as YYMMDD. */
function datesIn(text: string): readonly string[] {
  return [...text.toUpperCase().matchAll(DATE)].map(([, day = '', month = '', year = '']) => {
    const named = MONTHS.findIndex((name) => month.startsWith(name) || month.includes(`/${name}`))
    const number = named >= 0 ? String(named + 1) : month
    return year.slice(-2) + number.padStart(2, '0') + day.padStart(2, '0')
  })
}

/** The line that a label belongs to: the rest of its own line, or the nearest one below that begins where it does. */
function labelledValue(label: RegExp, lines: readonly VisualLine[]): VisualLine | undefined {
  const labelled = lines.find(({ text }) => label.test(text))
  if (!labelled) return undefined
  const { box } = labelled
  const start = -box.width / 2
  return lines
    .filter((line) => {
      const { left, down } = placeOf(box, line.box)
      return (
        line !== labelled &&
        down > 0.3 * box.height &&
        down < VALUE_BELOW * box.height &&
        Math.abs(left - start) < 2 * box.height
      )
    })
    .sort((p, q) => q.box.width - p.box.width)[0]
}
