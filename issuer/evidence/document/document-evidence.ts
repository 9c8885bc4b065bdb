import { calendarDate, type NumericDate } from '../../../shared/clock.ts'
import type { DocumentEvidence, Field, FieldName, Warning, WarningCode } from '../evidence.ts'
import { type ComparedField, compareZones, type ZoneAgreement } from './compare-zones.ts'
import { isCountryCode } from './countries.ts'
import { isoDate } from './mrz.ts'
import type { SideReading } from './read-document.ts'
import { agreesIn, type MrzReading } from './read-mrz.ts'

/** What a zone says, and what about it decisions depend on. */
export interface InterpretedDocument {
  readonly document: DocumentEvidence
  readonly warnings: readonly Warning[]
}

const LONGEST_VALIDITY_YEARS = 20
const OLDEST_HOLDER_YEARS = 125
const SEXES: Readonly<Record<string, string>> = { M: '1', F: '2', '': '0', '<': '0', X: '0' }

/**
 * Turns a reading into document fields and warnings. `ok` needs every check digit right and every field agreed by a
 * second recogniser, because check digits alone do not prove a reading (a K for a filler, an A for a K keep them).
 */
export function interpretDocument(side: SideReading, now: NumericDate): InterpretedDocument {
  const { zone: reading, printed } = side
  const { mrz } = reading
  const printedSays = compareZones(mrz, printed)
  const repaired = reading.positions.flat().some((position) => position.repaired)
  const today = calendarDate(now)
  const birthdate = isoDate(mrz.birth, { today, birth: true })
  const expires = isoDate(mrz.expiry, { today, birth: false })
  const allRight = mrz.checkDigits.every(({ valid }) => valid)
  const possible =
    birthdate !== undefined && expires !== undefined && plausible(today, birthdate, expires)
  const unconfirmed = unconfirmedParts(reading, printedSays)
  const agreed = unconfirmed.length === 0
  const differing = Object.keys(printedSays).filter(
    (field) => printedSays[field as ComparedField] === 'differs',
  )
  const codes: WarningCode[] = []
  if (!allRight) codes.push('mrz_check_digit_wrong')
  if (!agreed) codes.push('mrz_uncertain')
  if (differing.length > 0) codes.push('zones_differ')
  if (repaired) codes.push('mrz_repaired')
  if (!possible) codes.push('document_date_impossible')
  if (expires !== undefined && expires < today) codes.push('document_expired')
  if (!isCountryCode(mrz.issuer) || !isCountryCode(mrz.nationality)) codes.push('country_unknown')
  if (mrz.layout.type !== 'TD3' || !mrz.code.startsWith('P')) {
    codes.push('document_type_not_accepted')
  }
  const fields: Partial<Record<FieldName, Field>> = {}
  const set = (name: FieldName, value: string | undefined) => {
    if (value) fields[name] = { value, source: 'mrz', confidence: confidenceOf(reading) }
  }
  set('family_name', mrz.surname)
  set('given_name', mrz.givenNames)
  set('birthdate', birthdate)
  set('sex', SEXES[mrz.sex])
  set('nationality', mrz.nationality)
  set('document_number', mrz.number)
  set('issuing_country', mrz.issuer)
  set('date_of_expiry', expires)
  set('personal_administrative_number', mrz.optional[0])
  return {
    document: {
      type: mrz.layout.type,
      reading: allRight && agreed && possible ? 'ok' : 'uncertain',
      repaired,
      fields,
      checkDigits: mrz.checkDigits,
      printedZone: printedSays,
    },
    warnings: codes.map((code) => {
      const detail = { mrz_uncertain: unconfirmed, zones_differ: differing }[code as string]
      return { code, feature: 'document', ...(detail ? { detail } : {}) }
    }),
  }
}

function plausible(today: string, birthdate: string, expires: string): boolean {
  const years = (from: string, to: string) => Number(to.slice(0, 4)) - Number(from.slice(0, 4))
  return (
    birthdate <= today &&
    birthdate < expires &&
    years(birthdate, today) <= OLDEST_HOLDER_YEARS &&
    years(today, expires) <= LONGEST_VALIDITY_YEARS
  )
}

/** The least sure character of the reading. */
function confidenceOf({ positions }: MrzReading): number {
  return Math.min(...positions.flat().map(({ probability }) => probability))
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
      printed.document_number === 'agrees' || agreesIn(reading, number, { checked: true }),
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
