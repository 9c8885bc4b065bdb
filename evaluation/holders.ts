import type { Holder } from '../demo/specimen/holders.ts'
import { integer, oneOf, type SeededRandom } from './random.ts'

const ONSETS = [
  'B',
  'D',
  'F',
  'G',
  'H',
  'J',
  'K',
  'L',
  'M',
  'N',
  'P',
  'R',
  'S',
  'T',
  'V',
  'Z',
  'W',
  'C',
  'BR',
  'CH',
  'DR',
  'KR',
  'SCH',
  'ST',
  'TR',
  '',
] as const
const VOWELS = ['A', 'E', 'I', 'O', 'U', 'Y', 'AI', 'EE', 'OU'] as const
const CODAS = ['', '', '', 'N', 'R', 'S', 'L', 'T', 'K', 'X', 'Q'] as const
const STATES = ['UTO', 'FRA', 'D', 'POL', 'UKR', 'IND', 'NGA', 'BRA', 'PHL', 'TUR', 'XXA'] as const
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const DIGITS = '0123456789'

/** A made-up holder: syllables for names, everything else at random within what ICAO 9303 allows. */
export function randomHolder(random: SeededRandom): Holder {
  const mixed = random() < 0.5
  const number =
    characters(random, mixed ? LETTERS + DIGITS : LETTERS, 1) +
    characters(random, mixed ? LETTERS + DIGITS : DIGITS, 8)
  const holder = {
    surname: names(random, random() < 0.8 ? 1 : 2),
    givenNames: names(random, integer(random, 1, 3)),
    number: random() < 0.8 ? number : number.slice(0, integer(random, 6, 8)),
    nationality: oneOf(random, STATES),
    birth: date(random, random() < 0.7 ? [60, 99] : [0, 8]),
    sex: oneOf(random, ['F', 'M', '<'] as const),
    issued: date(random, [18, 25]),
    expiry: date(random, [27, 35]),
  }
  if (random() < 0.5) return holder
  return { ...holder, personalNumber: characters(random, LETTERS + DIGITS, integer(random, 5, 12)) }
}

function names(random: SeededRandom, count: number): string {
  return Array.from({ length: count }, () => name(random)).join(' ')
}

function name(random: SeededRandom): string {
  const syllables = Array.from(
    { length: integer(random, 1, 3) },
    () => oneOf(random, ONSETS) + oneOf(random, VOWELS),
  )
  return syllables.join('') + oneOf(random, CODAS)
}

function characters(random: SeededRandom, alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet[integer(random, 0, alphabet.length - 1)]).join('')
}

function date(random: SeededRandom, [from, to]: readonly [number, number]): string {
  return [integer(random, from, to), integer(random, 1, 12), integer(random, 1, 28)]
    .map((part) => String(part).padStart(2, '0'))
    .join('')
}
