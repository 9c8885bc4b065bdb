import { calendarDate, type NumericDate } from '../../../shared/clock.ts'
import type { DocumentEvidence, Field, FieldName, Warning, WarningCode } from '../evidence.ts'
import { isCountryCode } from './countries.ts'
import { isoDate, type Mrz } from './mrz.ts'
import type { MrzReading } from './read-mrz.ts'

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
export function interpretDocument(reading: MrzReading, now: NumericDate): InterpretedDocument {
  const { mrz, repaired } = reading
  const today = calendarDate(now)
  const birthdate = isoDate(mrz.birth, { today, birth: true })
  const expires = isoDate(mrz.expiry, { today, birth: false })
  const allRight = mrz.checkDigits.every(({ valid }) => valid)
  const agreed = unconfirmedParts(reading).length === 0
  const possible =
    birthdate !== undefined && expires !== undefined && plausible(today, birthdate, expires)
  const codes: WarningCode[] = []
  if (!allRight) codes.push('mrz_check_digit_wrong')
  if (!agreed) codes.push('mrz_uncertain')
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
    },
    warnings: codes.map((code) => ({ code, feature: 'document' })),
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

function confidenceOf({ probabilities }: MrzReading): number {
  return Math.min(...probabilities.flat())
}

/** The parts of the zone that the second recogniser read otherwise. */
function unconfirmedParts({ mrz, secondReadings }: MrzReading): readonly string[] {
  const second = secondReadings.map(mrzCharacters).join('\n')
  const plain = lettersFor(second)
  const digits = digitsFor(second)
  const { surname, givenNames, number, birth, expiry, issuer, nationality } = mrz
  const joined = (name: string) => name.replaceAll(' ', '<')
  const parts: readonly (readonly [string, boolean])[] = [
    ['name', nameAgrees(mrz, plain, joined(`${surname}  ${givenNames}`.trim()))],
    ['number', second.includes(number)],
    ['birth', digits.includes(birth)],
    ['expiry', digits.includes(expiry)],
    ['issuer', plain.includes(issuer)],
    ['nationality', plain.includes(nationality)],
  ]
  return parts.filter(([, agrees]) => !agrees).map(([part]) => part)
}

function nameAgrees({ nameTruncated }: Mrz, second: string, name: string): boolean {
  return second.includes(nameTruncated ? name : `${name}<`) || second.endsWith(name)
}

/** The general recogniser writes fillers in several ways and sometimes in lower case. */
function mrzCharacters(text: string): string {
  return text
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[«《]/g, '<<')
    .replace(/[‹〈く]/g, '<')
    .replace(/[^A-Z0-9<]/g, '')
}

const lettersFor = (text: string) =>
  text.replace(/[012568]/g, (c) => ({ 0: 'O', 1: 'I', 2: 'Z', 5: 'S', 6: 'G', 8: 'B' })[c] ?? c)

const digitsFor = (text: string) =>
  text.replace(
    /[OQDILZSGB]/g,
    (c) => ({ O: '0', Q: '0', D: '0', I: '1', L: '1', Z: '2', S: '5', G: '6', B: '8' })[c] ?? c,
  )
