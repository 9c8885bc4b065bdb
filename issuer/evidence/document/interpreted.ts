import { startOfDate } from '../../../shared/clock.ts'
import type {
  DocumentEvidence,
  DocumentSideName,
  Field,
  FieldName,
  FieldSource,
  Warning,
  WarningCode,
} from '../evidence.ts'
import type { VisualLine } from './visual-zone.ts'

/** What a document says, and what about it decisions depend on. */
export interface InterpretedDocument {
  readonly document: DocumentEvidence
  readonly warnings: readonly Warning[]
}

/** Warnings of the document, each code once, with its details put together. */
export interface DocumentWarnings {
  add(code: WarningCode, detail?: readonly string[]): void
  list(): readonly Warning[]
}

/** Begins an empty list. */
export function documentWarnings(): DocumentWarnings {
  const found = new Map<WarningCode, Set<string>>()
  return {
    add: (code, detail = []) => {
      const known = found.get(code) ?? new Set()
      for (const each of detail) known.add(each)
      found.set(code, known)
    },
    list: () =>
      [...found].map(([code, detail]) => ({
        code,
        feature: 'document',
        ...(detail.size > 0 ? { detail: [...detail] } : {}),
      })),
  }
}

/** A field that was read from print; `parse` is how a line becomes such a value, also a line that may stand there. */
export function printedField(
  value: string,
  line: VisualLine,
  {
    side,
    parse,
  }: {
    readonly side: DocumentSideName
    readonly parse?: ((text: string) => string | undefined) | undefined
  },
): Field {
  const { confidence, corners } = line
  const alternatives = (line.alternatives ?? [])
    .map((text) => parse?.(text))
    .filter((other) => other !== undefined && other.toUpperCase() !== value.toUpperCase())
  return {
    value,
    source: 'viz',
    confidence: Math.round(confidence * 1000) / 1000,
    ...(corners ? { region: { side, corners } } : {}),
    ...(alternatives.length > 0 ? { alternatives: [...new Set(alternatives)] as string[] } : {}),
  }
}

/** A field that a machine reads without doubt. */
export function encodedField(value: string, source: FieldSource): Field {
  return { value, source, confidence: 1 }
}

export type Fields = Partial<Record<FieldName, Field>>

const POINTED = /(\d{1,2})[.,\-/ ]{1,2}(\d{1,2})[.,\-/ ]{1,2}(\d{4}|\d{2})(?!\d)/
const US = /(\d{2})\/(\d{2})\/(\d{4})/
const YEAR_FIRST = /(\d{4})[/-](\d{2})[/-](\d{2})/

/** The date at the start of a printed value as YYYY-MM-DD, day before month; two-digit years lie within `past` of today. */
export function printedDate(
  text: string,
  { today, future }: { readonly today: string; readonly future: boolean },
): string | undefined {
  const [, day = '', month = '', year = ''] = POINTED.exec(text) ?? []
  if (year === '') return undefined
  const century = Number(today.slice(0, 2))
  const dated = (hundreds: number) =>
    `${year.length === 4 ? year : `${hundreds}${year}`}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`
  const date = !future && dated(century) > today ? dated(century - 1) : dated(century)
  return startOfDate(date) === undefined ? undefined : date
}

/** A printed date of a North American card: month before day, or year first in Canada. */
export function americanDate(text: string): string | undefined {
  const [, month = '', day = '', year = ''] = US.exec(text) ?? []
  const [, first = '', second = '', third = ''] = YEAR_FIRST.exec(text) ?? []
  const date = year === '' ? `${first}-${second}-${third}` : `${year}-${month}-${day}`
  return startOfDate(date) === undefined ? undefined : date
}

const FIGURES: Readonly<Record<string, string>> = { 0: 'O', 1: 'I', 5: 'S', 8: 'B', 6: 'G', 2: 'Z' }

/** A printed name: a figure in it is the letter that prints alike. */
export function printedName(text: string): string {
  return [...text.replace(/\s+/g, ' ').trim()]
    .map((character) => FIGURES[character] ?? character)
    .join('')
    .replace(/[^\p{L} '.-]/gu, '')
    .trim()
}

/** Whole years between two dates YYYY-MM-DD, as an age counts them. */
export function yearsBetween(from: string, to: string): number {
  const years = Number(to.slice(0, 4)) - Number(from.slice(0, 4))
  return to.slice(5) < from.slice(5) ? years - 1 : years
}

const OLDEST_HOLDER_YEARS = 125

/** The dates of a document that cannot be, by name; `date_missing` where one that is needed was not read. */
export function impossibleDates(
  fields: Fields,
  {
    today,
    validYears,
    needed,
  }: {
    readonly today: string
    readonly validYears: number
    readonly needed: readonly FieldName[]
  },
): readonly string[] {
  const birth = fields.birthdate?.value
  const issued = fields.date_of_issue?.value
  const expires = fields.date_of_expiry?.value
  const isTooOld = birth !== undefined && yearsBetween(birth, today) > OLDEST_HOLDER_YEARS
  const isTooLong = yearsBetween(issued ?? today, expires ?? today) > validYears
  const wrong: string[] = []
  if (needed.some((name) => fields[name] === undefined)) wrong.push('date_missing')
  if (birth !== undefined && (birth > today || isTooOld)) wrong.push('birthdate')
  if (issued !== undefined && (issued > today || issued <= (birth ?? ''))) {
    wrong.push('date_of_issue')
  }
  if (expires !== undefined && (expires <= (issued ?? birth ?? '') || isTooLong)) {
    wrong.push('date_of_expiry')
  }
  return wrong
}
