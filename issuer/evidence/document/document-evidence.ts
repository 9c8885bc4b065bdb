import { calendarDate, type NumericDate } from '../../../shared/clock.ts'
import type {
  DocumentSideName,
  Field,
  FieldComparison,
  FieldName,
  Region,
  WarningCode,
} from '../evidence.ts'
import { type ComparedField, compareZones, type ZoneAgreement } from './compare-zones.ts'
import { isCountryCode } from './countries.ts'
import { DOCUMENT_RULES } from './document-rules.ts'
import {
  type Fields,
  type InterpretedDocument,
  impossibleDates,
  printedField,
} from './interpreted.ts'
import { isoDate, type Mrz, type Span } from './mrz.ts'
import type { SideReading } from './read-document.ts'
import { agreesIn, hasTwin, type MrzReading } from './read-mrz.ts'
import { partOfLine } from './regions.ts'
import type { VisualLine } from './visual-zone.ts'
import { type NameField, type PrintedName, wholeNames } from './whole-name.ts'

const NAMES: readonly NameField[] = ['family_name', 'given_name']
const SEXES: Readonly<Record<string, string>> = { M: '1', F: '2', '': '0', '<': '0', X: '0' }

/**
 * Turns a reading into document fields and warnings. `ok` needs every check digit right and every field agreed by a
 * second recogniser, because check digits alone do not prove a reading (a K for a filler, an A for a K keep them). A
 * name that may be cut off in the zone is the printed one where print shows it whole, and `ok` only there.
 * `front` is the print on the side that has no zone.
 */
export function interpretDocument(
  side: SideReading,
  now: NumericDate,
  {
    zoneSide = 'front',
    front,
  }: { readonly zoneSide?: DocumentSideName; readonly front?: readonly VisualLine[] } = {},
): InterpretedDocument {
  const { zone: reading } = side
  const { mrz } = reading
  const whole = mrz.nameMayBeCut ? wholeNames(mrz, front ?? side.printed) : {}
  const cut = mrz.nameMayBeCut ? NAMES.filter((name) => !whole[name]?.sure) : []
  const printedSays = {
    ...compareZones(mrz, [...(front ?? []), ...side.printed]),
    ...agreeing(whole),
  }
  const repaired = reading.positions.flat().some((position) => position.repaired)
  const today = calendarDate(now)
  const birthdate = isoDate(mrz.birth, { today, birth: true })
  const expires = isoDate(mrz.expiry, { today, birth: false })
  const allRight = mrz.checkDigits.every(({ valid }) => valid)
  const dates: Fields = {
    ...(birthdate ? { birthdate: { value: birthdate, source: 'mrz', confidence: 1 } } : {}),
    ...(expires ? { date_of_expiry: { value: expires, source: 'mrz', confidence: 1 } } : {}),
  }
  const impossible = impossibleDates(dates, {
    today,
    validYears: DOCUMENT_RULES[mrz.layout.type].validYears,
    needed: ['birthdate', 'date_of_expiry'],
  })
  const possible = impossible.length === 0
  const unconfirmed = unconfirmedParts(reading, printedSays)
  const agreed = unconfirmed.length === 0
  const differing = Object.keys(printedSays).filter(
    (field) => printedSays[field as ComparedField] === 'differs',
  )
  const codes: WarningCode[] = []
  if (!allRight) codes.push('mrz_check_digit_wrong')
  if (!agreed) codes.push('mrz_uncertain')
  if (cut.length > 0) codes.push('mrz_name_truncated')
  if (differing.length > 0) codes.push('zones_differ')
  if (repaired) codes.push('mrz_repaired')
  if (!possible) codes.push('document_date_impossible')
  if (expires !== undefined && expires < today) codes.push('document_expired')
  if (!isCountryCode(mrz.issuer) || !isCountryCode(mrz.nationality)) codes.push('country_unknown')
  if (!isIdentityDocument(mrz)) codes.push('document_type_not_accepted')
  const fields: Partial<Record<FieldName, Field>> = {}
  const { spans } = mrz.layout
  const set = (name: FieldName, value: string | undefined, span: Span | undefined) => {
    if (!value || !span) return
    const region = regionOf(side, span, zoneSide)
    fields[name] = {
      value,
      source: 'mrz',
      confidence: confidenceOf(reading, span),
      ...(region ? { region } : {}),
    }
  }
  set('family_name', mrz.surname, spans.name)
  set('given_name', mrz.givenNames, spans.name)
  for (const name of NAMES) {
    const print = whole[name]
    if (!print || print.same) continue
    fields[name] = printedField(print.value, print.line, { side: front ? 'front' : zoneSide })
  }
  set('birthdate', birthdate, spans.birth)
  set('sex', SEXES[mrz.sex], spans.sex)
  set('nationality', mrz.nationality, spans.nationality)
  set('document_number', mrz.number, spans.number)
  set('issuing_country', mrz.issuer, spans.issuer)
  set('date_of_expiry', expires, spans.expiry)
  set('personal_administrative_number', mrz.optional[0], mrz.layout.optional[0])
  return {
    document: {
      type: mrz.layout.type,
      reading: allRight && agreed && possible && cut.length === 0 ? 'ok' : 'uncertain',
      repaired,
      fields,
      checkDigits: mrz.checkDigits,
      printedZone: printedSays,
      comparisons: comparisonsOf(printedSays, mrz),
    },
    warnings: codes.map((code) => {
      const detail = {
        mrz_uncertain: unconfirmed,
        mrz_name_truncated: cut,
        zones_differ: differing,
        document_date_impossible: impossible,
      }[code as string]
      return { code, feature: 'document', ...(detail ? { detail } : {}) }
    }),
  }
}

/** A name that print shows whole is one that both zones show. */
function agreeing(
  whole: Readonly<Partial<Record<NameField, PrintedName>>>,
): Partial<Record<NameField, 'agrees'>> {
  return Object.fromEntries(Object.keys(whole).map((name) => [name, 'agrees']))
}

/** A visa says who may enter, not who somebody is; other formats begin with the letters of their kind. ICAO 9303-4 to -7. */
function isIdentityDocument({ layout, code }: Mrz): boolean {
  if (layout.type === 'TD3') return code.startsWith('P')
  return (layout.type === 'TD1' || layout.type === 'TD2') && /^[IAC]/.test(code)
}

/** Each field of the printed zone, with the reason where it does not show what the machine-readable one does. */
function comparisonsOf(
  printed: Readonly<Record<ComparedField, ZoneAgreement>>,
  mrz: Mrz,
): readonly FieldComparison[] {
  const isWrong = (name: string) =>
    mrz.checkDigits.some(({ field, valid }) => field === name && !valid)
  const checks: Partial<Record<ComparedField, string>> = {
    document_number: 'document_number',
    birthdate: 'birth_date',
    date_of_expiry: 'expiry_date',
  }
  return (Object.keys(printed) as ComparedField[]).map((field): FieldComparison => {
    const result = printed[field]
    const sources = ['viz', 'mrz'] as const
    if (result === 'agrees') return { field, sources, result }
    if (result === 'not_found') return { field, sources, result, reason: 'not_printed' }
    if (isWrong(checks[field] ?? '')) return { field, sources, result, reason: 'check_digit_wrong' }
    const isDate = field === 'birthdate' || field === 'date_of_expiry'
    return { field, sources, result, reason: isDate ? 'other_date' : 'other_value' }
  })
}

/** Where the characters of a span stand. */
function regionOf(
  { zone, corners }: SideReading,
  [line, from, to]: Span,
  side: DocumentSideName,
): Region | undefined {
  const whole = corners?.[line]
  const length = zone.mrz.layout.length
  return whole && { side, corners: partOfLine(whole, [from / length, to / length]) }
}

/** The least sure character of a span. */
function confidenceOf({ positions }: MrzReading, [line, from, to]: Span): number {
  const characters = positions[line]?.slice(from, to) ?? []
  return Math.min(1, ...characters.map(({ probability }) => probability))
}

/**
 * The parts of the zone that nothing confirms: neither the second recogniser on the same lines nor, for what is printed
 * as well, the printed zone.
 */
function unconfirmedParts(
  reading: MrzReading,
  printed: Readonly<Record<ComparedField, ZoneAgreement>>,
): readonly string[] {
  const { spans, optional, checks } = reading.mrz.layout
  const composite = checks.some(({ field }) => field === 'composite')
  const number = [
    spans.number,
    ...checks.filter(({ field }) => field === 'document_number').map(({ at }) => at),
  ]
  const named = printed.family_name === 'agrees' && printed.given_name === 'agrees'
  const parts: readonly (readonly [string, boolean])[] = [
    ['code', agreesIn(reading, [spans.code], { checked: false })],
    [
      'issuer',
      printed.issuing_country === 'agrees' || agreesIn(reading, [spans.issuer], { checked: false }),
    ],
    ['name', named || agreesIn(reading, [spans.name], { checked: false })],
    [
      'number',
      !hasTwin(reading) &&
        (printed.document_number === 'agrees' || agreesIn(reading, number, { checked: true })),
    ],
    ['nationality', agreesIn(reading, [spans.nationality], { checked: false })],
    [
      'birth',
      printed.birthdate === 'agrees' || agreesIn(reading, [spans.birth], { checked: true }),
    ],
    ['sex', agreesIn(reading, [spans.sex], { checked: false })],
    [
      'expiry',
      printed.date_of_expiry === 'agrees' || agreesIn(reading, [spans.expiry], { checked: true }),
    ],
    ['optional', agreesIn(reading, optional, { checked: composite })],
  ]
  return parts.filter(([, agrees]) => !agrees).map(([part]) => part)
}
