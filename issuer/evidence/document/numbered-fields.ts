import { joinedRows } from './rows.ts'
import type { TextBox } from './text-lines.ts'
import type { VisualLine } from './visual-zone.ts'

/** The number of a field at the start of a line. Directive 2006/126/EC Annex I; ISO/IEC 18013-1 has the same. */
export const FIELD_NUMBER: RegExp = /^(4[abcd]|9a?|1[0-9]|[1-8])\s?[.,:](?!\d)|^(4[abcd])(?=[\s\d])/

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
      if (labels && value === rest && !FIELD_NUMBER.test(part) && !/^[12]$/.test(number)) continue
      const known = found.get(number)
      if (value === '' || (known && known.value.length >= value.length)) continue
      found.set(number, { value: value.trim(), line: row })
    }
  }
  return found
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
