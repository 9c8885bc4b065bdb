import {
  ARABIC_TABLES,
  CYRILLIC_TABLES,
  LATIN,
  NOT_ENCODED,
  SHADDA,
  type ZoneLetters,
  type ZoneTable,
} from './zone-letters.ts'

const LATIN_TABLES: readonly ZoneTable[] = [{ letters: LATIN }]
const MOST_WAYS = 32

/**
 * The ways in which a printed name may stand in a machine-readable zone, spaces and punctuation left out. Letters with
 * marks that the tables do not name lose the mark; a name in Cyrillic or Arabic script is written as each language that
 * the tables name would write all of it. ICAO 9303-3 §6, §4.6. At most 32 ways.
 */
export function zoneSpellings(name: string): readonly string[] {
  const { text, tables } = scriptOf(name)
  const letters = [...text.toUpperCase()]
  return distinct(tables.flatMap((table) => waysOf(letters, table)))
}

/**
 * The words of a name in Cyrillic or Arabic script as the zones of its documents write them, a list for each language
 * that writes it otherwise; none for a name in Latin letters or another script.
 */
export function zoneWords(name: string): readonly (readonly string[])[] {
  const { text, tables } = scriptOf(name)
  if (tables === LATIN_TABLES) return []
  const words = text
    .toUpperCase()
    .split(/[^\p{L}\p{M}]+/u)
    .filter((word) => word !== '')
  const ways = tables.map((table) =>
    words.map((word) => waysOf([...word], table)[0] ?? '').filter((word) => word !== ''),
  )
  return distinct(ways.map((way) => way.join(' '))).flatMap((way) =>
    way === '' ? [] : [way.split(' ')],
  )
}

/** A name is of one script: a letter of another one among Latin letters was misread. */
function scriptOf(name: string): {
  readonly text: string
  readonly tables: readonly ZoneTable[]
} {
  const text = name.normalize('NFC')
  if (/\p{Script=Latin}/u.test(text)) return { text, tables: LATIN_TABLES }
  if (/\p{Script=Cyrillic}/u.test(text)) return { text, tables: CYRILLIC_TABLES }
  if (/\p{Script=Arabic}/u.test(text)) {
    // Letters in the form that they have at their place in a word, as some write them.
    return { text: name.normalize('NFKC').replace(NOT_ENCODED, ''), tables: ARABIC_TABLES }
  }
  return { text, tables: LATIN_TABLES }
}

function waysOf(letters: readonly string[], table: ZoneTable): readonly string[] {
  let ways = ['']
  let before: readonly string[] = []
  for (const [i, letter] of letters.entries()) {
    const choices =
      letter === SHADDA
        ? ['', ...before]
        : formsOf(letter, {
            ...table,
            isFirst: !isLetter(letters[i - 1]),
            isLast: !isLetter(letters[i + 1]),
          })
    ways = ways.flatMap((start) => choices.map((end) => start + end)).slice(0, MOST_WAYS)
    before = choices
  }
  return ways
}

function formsOf(
  letter: string,
  { letters, first, last, isFirst, isLast }: ZoneTable & { isFirst: boolean; isLast: boolean },
): readonly string[] {
  const of = (table: ZoneLetters | undefined, applies: boolean) =>
    applies ? table?.[letter] : undefined
  return of(first, isFirst) ?? of(last, isLast) ?? letters[letter] ?? [plain(letter)]
}

function isLetter(character: string | undefined): boolean {
  return character !== undefined && /[\p{L}\p{M}]/u.test(character)
}

function distinct(ways: readonly string[]): readonly string[] {
  return [...new Set(ways)].slice(0, MOST_WAYS)
}

function plain(character: string): string {
  return character.normalize('NFD').replace(/[^A-Z0-9]/g, '')
}
