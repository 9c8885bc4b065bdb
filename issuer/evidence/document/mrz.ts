import type { CheckDigit, DocumentEvidence } from '../evidence.ts'

/** A stretch of one line: line, first position, position after the last. */
export type Span = readonly [line: number, from: number, to: number]

/** A check digit and what it is over. */
export interface CheckRule {
  readonly field: CheckDigit['field']
  /** Where the check digit stands. */
  readonly at: Span
  readonly over: readonly Span[]
  /** Whether a filler may stand for the digit where the field is empty. */
  readonly optional?: boolean
}

/** Where everything stands in one format of machine-readable zone. ICAO 9303-4, -5, -6, -7. */
export interface MrzLayout {
  readonly type: DocumentEvidence['type']
  readonly lines: number
  readonly length: number
  readonly spans: Readonly<Record<MrzPart, Span>>
  readonly optional: readonly Span[]
  readonly checks: readonly CheckRule[]
}

type MrzPart = 'code' | 'issuer' | 'name' | 'number' | 'nationality' | 'birth' | 'sex' | 'expiry'

function twoLines(
  type: DocumentEvidence['type'],
  length: number,
  { optionalCheck, composite }: { optionalCheck: boolean; composite: boolean },
): MrzLayout {
  const last = length - (composite ? 1 : 0)
  const optionalEnd = optionalCheck ? last - 1 : last
  const checks: CheckRule[] = [
    { field: 'document_number', at: [1, 9, 10], over: [[1, 0, 9]] },
    { field: 'birth_date', at: [1, 19, 20], over: [[1, 13, 19]] },
    { field: 'expiry_date', at: [1, 27, 28], over: [[1, 21, 27]] },
  ]
  if (optionalCheck) {
    checks.push({
      field: 'optional_data',
      at: [1, optionalEnd, last],
      over: [[1, 28, optionalEnd]],
      optional: true,
    })
  }
  if (composite) {
    const over: Span[] = [
      [1, 0, 10],
      [1, 13, 20],
      [1, 21, last],
    ]
    checks.push({ field: 'composite', at: [1, last, length], over })
  }
  return {
    type,
    lines: 2,
    length,
    spans: {
      code: [0, 0, 2],
      issuer: [0, 2, 5],
      name: [0, 5, length],
      number: [1, 0, 9],
      nationality: [1, 10, 13],
      birth: [1, 13, 19],
      sex: [1, 20, 21],
      expiry: [1, 21, 27],
    },
    optional: [[1, 28, optionalEnd]],
    checks,
  }
}

const TD3 = twoLines('TD3', 44, { optionalCheck: true, composite: true })
const TD2 = twoLines('TD2', 36, { optionalCheck: false, composite: true })
const MRVA = twoLines('MRVA', 44, { optionalCheck: false, composite: false })
const MRVB = twoLines('MRVB', 36, { optionalCheck: false, composite: false })
const TD1: MrzLayout = {
  type: 'TD1',
  lines: 3,
  length: 30,
  spans: {
    code: [0, 0, 2],
    issuer: [0, 2, 5],
    number: [0, 5, 14],
    birth: [1, 0, 6],
    sex: [1, 7, 8],
    expiry: [1, 8, 14],
    nationality: [1, 15, 18],
    name: [2, 0, 30],
  },
  optional: [
    [0, 15, 30],
    [1, 18, 29],
  ],
  checks: [
    { field: 'document_number', at: [0, 14, 15], over: [[0, 5, 14]] },
    { field: 'birth_date', at: [1, 6, 7], over: [[1, 0, 6]] },
    { field: 'expiry_date', at: [1, 14, 15], over: [[1, 8, 14]] },
    {
      field: 'composite',
      at: [1, 29, 30],
      over: [
        [0, 5, 30],
        [1, 0, 7],
        [1, 8, 15],
        [1, 18, 29],
      ],
    },
  ],
}

/** The layout of a zone with so many lines of such a length, a visa where the first letter is V. */
export function layoutOf(lines: readonly string[]): MrzLayout | undefined {
  const [first = ''] = lines
  const visa = first.startsWith('V')
  const candidates = visa ? [MRVA, MRVB] : [TD3, TD2, TD1]
  return candidates.find(
    (layout) =>
      layout.lines === lines.length && lines.every((line) => line.length === layout.length),
  )
}

const WEIGHTS = [7, 3, 1]

/** The check digit of a field: weights 7, 3, 1 over 0 to 9, A = 10 to Z = 35, filler 0. ICAO 9303-3 §4.9. */
export function checkDigit(field: string): string {
  let sum = 0
  for (const [i, character] of [...field].entries()) {
    sum += weightOf(character) * (WEIGHTS[i % 3] ?? 0)
  }
  return String(sum % 10)
}

function weightOf(character: string): number {
  if (character >= '0' && character <= '9') return Number(character)
  return character >= 'A' && character <= 'Z' ? character.charCodeAt(0) - 55 : 0
}

/** What each position of a zone may hold. */
export type Charset = 'letter' | 'digit' | 'any' | 'filler-or-digit' | 'sex'

/** The charset of every position, by line. ICAO 9303-3 §4.3 and the format's own part. */
export function charsetsOf(layout: MrzLayout): readonly (readonly Charset[])[] {
  const charsets = Array.from({ length: layout.lines }, () =>
    Array<Charset>(layout.length).fill('any'),
  )
  const mark = ([line, from, to]: Span, charset: Charset) => charsets[line]?.fill(charset, from, to)
  const { spans } = layout
  mark([spans.code[0], spans.code[1], spans.code[1] + 1], 'letter')
  for (const span of [spans.issuer, spans.name, spans.nationality]) mark(span, 'letter')
  for (const span of [spans.birth, spans.expiry]) mark(span, 'filler-or-digit')
  mark(spans.sex, 'sex')
  for (const { at, optional } of layout.checks) mark(at, optional ? 'filler-or-digit' : 'digit')
  const [number] = layout.checks
  if (number?.field === 'document_number') mark(number.at, 'filler-or-digit')
  return charsets
}

const TO_LETTER: Readonly<Record<string, string>> = {
  0: 'O',
  1: 'I',
  2: 'Z',
  5: 'S',
  6: 'G',
  8: 'B',
}
const TO_DIGIT: Readonly<Record<string, string>> = {
  O: '0',
  Q: '0',
  D: '0',
  I: '1',
  L: '1',
  Z: '2',
  S: '5',
  G: '6',
  B: '8',
}

/** A zone after look-alikes were settled, and where they were. */
export interface RepairedMrz {
  readonly lines: readonly string[]
  /** Positions that were changed, as line and column. */
  readonly repaired: readonly (readonly [line: number, column: number])[]
}

/**
 * Settles look-alikes where a position may hold only letters or only digits. Where both are allowed (document number,
 * optional data) the character stays as it was read, and check digits decide.
 */
export function repairByPosition(lines: readonly string[], layout: MrzLayout): RepairedMrz {
  const charsets = charsetsOf(layout)
  const repaired: (readonly [number, number])[] = []
  const result = lines.map((text, line) =>
    [...text]
      .map((character, column) => {
        const settled = settle(character, charsets[line]?.[column] ?? 'any')
        if (settled !== character) repaired.push([line, column])
        return settled
      })
      .join(''),
  )
  return { lines: result, repaired }
}

function settle(character: string, charset: Charset): string {
  switch (charset) {
    case 'letter':
      return TO_LETTER[character] ?? character
    case 'digit':
    case 'filler-or-digit':
      return TO_DIGIT[character] ?? character
    case 'sex':
    case 'any':
      return character
  }
}

/** A zone taken apart. Values are as printed, without fillers at the end. */
export interface Mrz {
  readonly layout: MrzLayout
  readonly lines: readonly string[]
  readonly code: string
  readonly issuer: string
  readonly surname: string
  readonly givenNames: string
  readonly number: string
  readonly nationality: string
  readonly birth: string
  readonly sex: string
  readonly expiry: string
  readonly optional: readonly string[]
  readonly checkDigits: readonly CheckDigit[]
  /** Whether the name leaves no room for more in its field, so that it may be cut off. ICAO 9303-3 §4.6. */
  readonly nameMayBeCut: boolean
}

/** Takes a zone apart and computes every check digit. Checks nothing else. */
export function parseMrz(lines: readonly string[], layout: MrzLayout): Mrz {
  const text = ([line, from, to]: Span) => (lines[line] ?? '').slice(from, to)
  const value = (part: MrzPart) => text(layout.spans[part]).replace(/<+$/, '')
  const [surname = '', givenNames = ''] = text(layout.spans.name).split(/<<(.*)/s)
  const long = longDocumentNumber(text, layout)
  return {
    layout,
    lines,
    code: value('code'),
    issuer: value('issuer'),
    surname: spaced(surname),
    givenNames: spaced(givenNames),
    number: long?.number ?? value('number'),
    nationality: value('nationality'),
    birth: text(layout.spans.birth),
    sex: value('sex'),
    expiry: text(layout.spans.expiry),
    optional: layout.optional.map((span, i) =>
      i === 0 && long ? long.rest : text(span).replace(/<+$/, ''),
    ),
    checkDigits: layout.checks.map(({ field, at, over, optional }) => ({
      field,
      valid:
        field === 'document_number' && long
          ? long.valid
          : isRight(text(at), over.map(text).join(''), optional ?? false),
    })),
    nameMayBeCut: leavesNoRoom(text(layout.spans.name)),
  }
}

/**
 * A name is cut so that a letter stands last; who cuts it at a separator leaves a filler there, or two after a surname.
 * ICAO 9303-3 §4.6.
 */
function leavesNoRoom(name: string): boolean {
  const [{ length } = ''] = /<*$/.exec(name) ?? []
  return length < (/<<[A-Z]/.test(name) ? 2 : 3)
}

const spaced = (name: string) => name.replace(/<+/g, ' ').trim()

function isRight(digit: string, field: string, optional: boolean): boolean {
  if (optional && digit === '<') return /^<*$/.test(field)
  return digit === checkDigit(field)
}

/**
 * A document number longer than nine characters goes on in the optional data, its check digit behind it and a filler
 * where the check digit would stand. ICAO 9303-5 §4.2.2 note j, 9303-6 §4.2.2 note j.
 */
function longDocumentNumber(text: (span: Span) => string, layout: MrzLayout) {
  const [check] = layout.checks
  const [optional] = layout.optional
  if (layout.type !== 'TD1' && layout.type !== 'TD2') return undefined
  if (!check || !optional || text(check.at) !== '<') return undefined
  const [rest = '', ...others] = text(optional).split('<')
  if (rest.length < 2) return undefined
  const number = text(layout.spans.number) + rest.slice(0, -1)
  return {
    number,
    valid: checkDigit(number) === rest.at(-1),
    rest: others.join('<').replace(/<+$/, ''),
  }
}

/** A date of a zone as YYYY-MM-DD, or `undefined` where it is not one; a birth date is the latest that is not after `today`. */
export function isoDate(
  yymmdd: string,
  { today, birth }: { today: string; birth: boolean },
): string | undefined {
  const match = /^(\d\d)(\d\d)(\d\d)$/.exec(yymmdd)
  if (!match) return undefined
  const [, year = '', month = '', day = ''] = match
  const century = Number(today.slice(0, 2))
  const at = (hundreds: number) => `${String(hundreds).padStart(2, '0')}${year}-${month}-${day}`
  const date = birth
    ? at(at(century) > today ? century - 1 : century)
    : nearest([at(century - 1), at(century), at(century + 1)], today)
  return isCalendarDate(date) ? date : undefined
}

/** An expiry is within fifty years of today. */
function nearest(dates: readonly string[], today: string): string {
  const yearsAway = (date: string) => Math.abs(Number(date.slice(0, 4)) - Number(today.slice(0, 4)))
  return dates.reduce((best, date) => (yearsAway(date) < yearsAway(best) ? date : best))
}

function isCalendarDate(date: string): boolean {
  const [year = 0, month = 0, day = 0] = date.split('-').map(Number)
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
  return day >= 1 && day <= (days[month - 1] ?? 0)
}
