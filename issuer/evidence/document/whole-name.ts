import { labelledFields } from './compare-zones.ts'
import type { Mrz } from './mrz.ts'
import { isCutFrom, LEAST_CUT_LETTERS, nameIn } from './printed-name.ts'
import { joinedRows, placeOf } from './rows.ts'
import { zoneSpellings } from './transliterate.ts'
import type { VisualLine } from './visual-zone.ts'

export type NameField = 'family_name' | 'given_name'

/** A name that was printed whole. */
export interface PrintedName {
  readonly value: string
  readonly line: VisualLine
  /** Whether the zone holds all of it. */
  readonly same: boolean
  /** Whether two looks read the same, and clearly: no check digit covers a name, and nothing in the zone the rest of it. */
  readonly sure: boolean
}

/** Of a card that is the least sure character, of a page the mean, which `confirmed` asks more of. */
const SURE = 0.6
const GOES_ON_BELOW = 1.8
const GOES_ON_HEIGHT = 0.75

/**
 * The printed names that a name which may be cut off was cut from, if at all. There is none where print shows nothing
 * that it may come from, more than one such name, or one that goes on in the next line. ICAO 9303-3 §4.6.
 */
export function wholeNames(
  { surname, givenNames }: Mrz,
  lines: readonly VisualLine[],
): Readonly<Partial<Record<NameField, PrintedName>>> {
  const rows = [...lines, ...joinedRows(lines)]
  const labelled = labelledFields(lines)
  const found: Partial<Record<NameField, PrintedName>> = {}
  for (const [field, name] of [
    ['family_name', surname],
    ['given_name', givenNames],
  ] as const) {
    const whole = wholeName(name, { rows, lines, labelled: labelled.get(field) })
    if (whole) found[field] = whole
  }
  return found
}

function wholeName(
  name: string,
  {
    rows,
    lines,
    labelled,
  }: {
    readonly rows: readonly VisualLine[]
    readonly lines: readonly VisualLine[]
    readonly labelled: VisualLine | undefined
  },
): PrintedName | undefined {
  const letters = name.replace(/[^A-Z]/g, '')
  const candidates = rows.flatMap((line): readonly PrintedName[] => {
    const value = nameIn(line.text)
    if (value === undefined || letters === '') return []
    const same = zoneSpellings(value).includes(letters)
    const told = letters.length >= LEAST_CUT_LETTERS || line.text === labelled?.text
    const sure = line.confirmed === true && line.confidence >= SURE
    return same || (told && isCutFrom(name, value)) ? [{ value, line, same, sure }] : []
  })
  if (new Set(candidates.map(({ value }) => value)).size !== 1) return undefined
  if (candidates.some(({ line }) => goesOn(line, lines))) return undefined
  return candidates.find(({ sure }) => sure) ?? candidates[0]
}

/**
 * Whether the next line begins where this one does and is a name written as this one is: a long name takes two. A label
 * between them says that the next is another value.
 */
function goesOn({ box, text }: VisualLine, lines: readonly VisualLine[]): boolean {
  const capital = (name: string) => name === name.toUpperCase()
  const downTo = (line: VisualLine) => {
    const { left, down } = placeOf(box, line.box)
    return Math.abs(left + box.width / 2) < 2 * box.height ? down : undefined
  }
  const isLabelAbove = (limit: number) => (line: VisualLine) => {
    const down = downTo(line) ?? 0
    return down > 0.3 * box.height && down < limit && !capital(line.text)
  }
  return lines.some((line) => {
    const down = downTo(line) ?? 0
    return (
      down > 0.5 * box.height &&
      down < GOES_ON_BELOW * box.height &&
      line.box.height >= GOES_ON_HEIGHT * box.height &&
      nameIn(line.text) !== undefined &&
      capital(line.text) === capital(text) &&
      !(capital(text) && lines.some(isLabelAbove(down - 0.2 * box.height)))
    )
  })
}
