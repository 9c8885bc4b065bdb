import { jaroWinkler } from '@skyra/jaro-winkler'
import anyAscii from 'any-ascii'
import { doubleMetaphone } from 'double-metaphone'
import { zoneWords } from '../evidence/document/transliterate.ts'

/** How two names compare: 1 for the same name in any order and script, 0 for nothing in common. */
export interface NameComparison {
  readonly score: number
  /** The pairs of tokens that the score is made of. */
  readonly pairs: readonly TokenPair[]
}

export interface TokenPair {
  readonly subject: string
  readonly listed: string
  readonly score: number
  readonly by: 'same' | 'spelling' | 'sound'
}

/** Letters that ICAO 9303-3 §6 spells with two, where a plain transliteration keeps one. */
const TWO_LETTER_FORMS: readonly (readonly [RegExp, string])[] = [
  [/ä|æ/g, 'ae'],
  [/ö|ø|œ/g, 'oe'],
  [/ü/g, 'ue'],
  [/å/g, 'aa'],
  [/ß/g, 'ss'],
  [/þ/g, 'th'],
  [/ð/g, 'd'],
]

const HONORIFICS = new Set(['MR', 'MRS', 'MS', 'DR', 'PROF', 'SIR'])
/** Two tokens that sound alike are this similar, unless their spelling has too little in common for it to mean anything. */
const SOUND_SCORE = 0.9
const SOUND_NEEDS = 0.75
/** One slip in a long token leaves more than this of its spelling. What has less is worth little, below `NOISE` nothing. */
const CLIFF = 0.9
const NOISE = 0.78
/** A token of the list that the subject lacks weighs this much of one of its own: people leave names out. */
const UNMATCHED_LISTED_WEIGHT = 0.25

/**
 * The upper-case ASCII tokens of a name in any script. Invisible characters are dropped first, so that they cannot
 * split a name; a name of which nothing is left has no tokens, and that is for the caller to notice.
 */
export function nameTokens(name: string): readonly string[] {
  return anyAscii(visible(name))
    .toUpperCase()
    .replace(/['`.]/g, '')
    .split(/[^A-Z0-9]+/)
    .filter((token) => token !== '' && !HONORIFICS.has(token))
}

function visible(name: string): string {
  return name.normalize('NFKC').replace(/\p{Default_Ignorable_Code_Point}/gu, '')
}

/** A name as it is compared: its tokens in the usual spellings of its letters, the plain one first. */
export interface PreparedName {
  readonly text: string
  readonly spellings: readonly (readonly string[])[]
}

/**
 * Takes a name apart once, so that comparing it with a million others does not. A name in Cyrillic or Arabic script is
 * also taken as the zone of a document would have it (ICAO 9303-3 §6 B, C), which is what a person's name comes from.
 */
export function prepareName(text: string): PreparedName {
  const ways = [nameTokens(text), nameTokens(twoLetterForm(text)), ...zoneWords(visible(text))]
  const distinct = new Map(ways.map((tokens) => [tokens.join(' '), tokens]))
  return { text, spellings: [...distinct.values()] }
}

/** Compares a person's name with one name of a list entry. */
export function compareNames(subject: PreparedName, listed: PreparedName): NameComparison {
  const [own = []] = subject.spellings
  return listed.spellings
    .map((tokens) => compareTokens(own, tokens))
    .reduce((best, next) => (next.score > best.score ? next : best))
}

function twoLetterForm(name: string): string {
  return TWO_LETTER_FORMS.reduce(
    (text, [letter, form]) => text.replace(letter, form),
    name.normalize('NFC').toLowerCase(),
  )
}

function compareTokens(subject: readonly string[], listed: readonly string[]): NameComparison {
  if (subject.length === 0 || listed.length === 0) return { score: 0, pairs: [] }
  const joined = compareJoined(subject, listed)
  const aligned = align(subject, listed)
  return joined.score > aligned.score ? joined : aligned
}

/** Pairs the most similar tokens first; what is left over on either side lowers the score. */
function align(subject: readonly string[], listed: readonly string[]): NameComparison {
  const candidates = subject.flatMap((own, row) =>
    listed.map((other, column) => ({ row, column, pair: compareToken(own, other) })),
  )
  candidates.sort((a, b) => b.pair.score - a.pair.score)
  const rows = new Set<number>()
  const columns = new Set<number>()
  const pairs: TokenPair[] = []
  for (const { row, column, pair } of candidates) {
    if (pair.score === 0 || rows.has(row) || columns.has(column)) continue
    rows.add(row)
    columns.add(column)
    pairs.push(pair)
  }
  const matched = pairs.reduce((sum, { score, subject: own }) => sum + score * own.length, 0)
  const subjectLength = lengthOf(subject)
  const missed = listed.filter((_token, column) => !columns.has(column))
  const weight = subjectLength + UNMATCHED_LISTED_WEIGHT * lengthOf(missed)
  return { score: Math.min(1, matched / weight), pairs }
}

/** Names that are written together on one side: ABDELRAHMAN and ABD EL RAHMAN. */
function compareJoined(subject: readonly string[], listed: readonly string[]): NameComparison {
  const pair = compareToken(subject.join(''), listed.join(''))
  return pair.by === 'sound' ? { score: 0, pairs: [] } : { score: pair.score, pairs: [pair] }
}

function compareToken(subject: string, listed: string): TokenPair {
  if (subject === listed) return { subject, listed, score: 1, by: 'same' }
  const spelling = jaroWinkler(subject, listed)
  if (spelling >= SOUND_NEEDS && spelling < SOUND_SCORE && soundAlike(subject, listed)) {
    return { subject, listed, score: SOUND_SCORE, by: 'sound' }
  }
  return { subject, listed, score: steepened(spelling), by: 'spelling' }
}

function steepened(spelling: number): number {
  if (spelling >= CLIFF) return spelling
  return spelling <= NOISE ? 0 : (CLIFF * (spelling - NOISE)) / (CLIFF - NOISE)
}

/** Short tokens sound alike too often to say anything. */
function soundAlike(subject: string, listed: string): boolean {
  if (subject.length < 4 || listed.length < 4) return false
  const [primary, secondary] = doubleMetaphone(subject)
  const other = doubleMetaphone(listed)
  return primary.length > 1 && (other.includes(primary) || other.includes(secondary))
}

function lengthOf(tokens: readonly string[]): number {
  return tokens.reduce((sum, token) => sum + token.length, 0)
}
