import { joinedRows } from './rows.ts'
import type { TextBox } from './text-lines.ts'
import type { VisualLine } from './visual-zone.ts'

/**
 * The number of a field at the start of a line: a point and no figure behind it, or what only that field has there.
 * Directive 2006/126/EC Annex I; ISO/IEC 18013-1 has the same.
 */
export const FIELD_NUMBER: RegExp =
  /^(4[abcd]|9a?|1[0-9]|[1-8])\s?[.,:](?!\d)|^4[abcd](?=[\s\d.,])|^3[.,:](?=\d{2}[.,]\d{2}[.,]\d{4})|^5[.,:](?=[A-Z0-9]{5})/

const NUMBER = /^(4[abcd]|9a?|1[0-9]|[1-9])\s?[.,:]?\s*(.*)$/
const NEXT = /\s+(?=4[abcd][.,:\s])/

/** A shorter value is a number that stands alone, in smaller print. */
const LEAST_VALUE = 4

/** A value beside its number. */
export interface NumberedField {
  readonly value: string
  readonly line: VisualLine
}

/** Labels that North American cards print between a number and its value. AAMVA DL/ID Card Design Standard, Annex A. */
const AAMVA_LABELS =
  /^(DOB|ISS|EXP|DLN|DL|LN|FN|DD|SEX|CLASS|CLS|END|REST|HGT|WGT|EYES|HAIR|ID)\b[.:]?\s*/i

/**
 * What stands behind each number, the fullest line of each: a detector cuts lines at wide gaps, and several numbers may
 * share a line.
 */
export function numberedFields(
  lines: readonly VisualLine[],
  { labels = false }: { readonly labels?: boolean } = {},
): ReadonlyMap<string, NumberedField> {
  const found = new Map<string, NumberedField>()
  for (const row of [...lines, ...joinedRows(lines)]) {
    for (const part of row.text.split(NEXT)) {
      const [, number, rest = ''] = NUMBER.exec(part.trim()) ?? []
      if (number === undefined) continue
      const value = labels ? rest.replace(AAMVA_LABELS, '') : rest
      const isLabelled = labels && (value !== rest || /^[12]$/.test(number))
      if (!isLabelled && !FIELD_NUMBER.test(part.trim())) continue
      const known = found.get(number)
      if (value === '' || (known && known.value.length >= value.length)) continue
      found.set(number, { value: value.trim(), line: row })
    }
  }
  return labels ? found : withLostNumbers(found, lines)
}

/** The order in which a licence has its fields, from the top. */
const ORDER = ['1', '2', '3', '4a', '4b', '5']

/**
 * Where a small number was lost, its value is the one line without a number that begins in the column of the values
 * between the fields before and after it.
 */
function withLostNumbers(
  found: ReadonlyMap<string, NumberedField>,
  lines: readonly VisualLine[],
): ReadonlyMap<string, NumberedField> {
  const known = ORDER.flatMap((number) => found.get(number)?.line ?? [])
  const column = median(known.map(leftOf))
  const height = median(known.map(({ box }) => box.height))
  if (column === undefined || height === undefined || known.length < 2) return found
  const bare = [...lines, ...joinedRows(lines)].filter((line) => {
    const gap = leftOf(line) - column
    return !FIELD_NUMBER.test(line.text) && gap > 0.3 * height && gap < VALUE_COLUMN * height
  })
  const complete = new Map(found)
  for (const [i, number] of ORDER.entries()) {
    if (complete.has(number)) continue
    const before = last(ORDER.slice(0, i).flatMap((each) => found.get(each)?.line.box.cy ?? []))
    const after = ORDER.slice(i + 1).flatMap((each) => found.get(each)?.line.box.cy ?? [])[0]
    const from = before ?? (after ?? 0) - NEXT_ROW * height
    const to = after ?? (before ?? 0) + NEXT_ROW * height
    const between = bare.filter(
      ({ box }) => box.cy > from + 0.6 * height && box.cy < to - 0.6 * height,
    )
    const rows = new Set(between.map(({ box }) => Math.round(box.cy / height)))
    const fullest = [...between].sort((p, q) => q.text.length - p.text.length)[0]
    if (rows.size === 1 && fullest) {
      complete.set(number, { value: fullest.text.trim(), line: { ...fullest, confirmed: false } })
    }
  }
  return complete
}

/** In heights of a line: how far right of the numbers values begin, and how far the next row may be. */
const VALUE_COLUMN = 4.5
const NEXT_ROW = 2.6

const leftOf = ({ box }: VisualLine) => box.cx - box.width / 2

function last<T>(items: readonly T[]): T | undefined {
  return items[items.length - 1]
}

function median(values: readonly number[]): number | undefined {
  return [...values].sort((p, q) => p - q)[values.length >> 1]
}

/** What stands on a line behind the number at its start. */
export function withoutNumber(text: string): string {
  return NUMBER.exec(text)?.[2] ?? text
}

/** The lines of the fields that a licence prints in one size, whole as they were found. Directive 2006/126/EC Annex I. */
export function valuesAlike(lines: readonly VisualLine[]): readonly TextBox[] {
  return lines
    .filter(({ text }) => FIELD_NUMBER.test(text) && withoutNumber(text).length >= LEAST_VALUE)
    .map(({ box }) => box)
}
