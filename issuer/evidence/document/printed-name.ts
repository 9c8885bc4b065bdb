import { zoneSpellings } from './transliterate.ts'

/** So many letters of a name are no other word's beginning. */
export const LEAST_CUT_LETTERS = 6

const NAME = /^\p{L}[\p{L}\p{M} '’.-]*$/u
const FIELD_NUMBER = /^[12]\.\s*/

/** What a line would say as a name, without the field number of a card; `undefined` where no name is written so. */
export function nameIn(text: string): string | undefined {
  const name = text.replace(FIELD_NUMBER, '').replace(/\s+/g, ' ').trim()
  return NAME.test(name) ? name : undefined
}

/**
 * Whether a name of a zone may be what is left of a printed one: cut at its end, or with parts of it cut down to their
 * first letters. ICAO 9303-3 §4.6, 9303-4 §4.2.3, 9303-5 §4.2.3.
 */
export function isCutFrom(name: string, printed: string): boolean {
  const wanted = name.replace(/[^A-Z]/g, '')
  if (wanted === '') return false
  if (zoneSpellings(printed).some((spelling) => spelling.startsWith(wanted))) return true
  const whole = printed.split(/[\s-]+/).filter((part) => part !== '')
  return name
    .split(' ')
    .every((part, i) => zoneSpellings(whole[i] ?? '').some((word) => word.startsWith(part)))
}
