import type { DocumentType, FieldName } from '../evidence.ts'

/** The categories in the order of the table on a licence. Directive 2006/126/EC Art. 4 and Annex I. */
export const LICENCE_CODES = [
  'AM',
  'A1',
  'A2',
  'A',
  'B1',
  'B',
  'C1',
  'C',
  'D1',
  'D',
  'BE',
  'C1E',
  'CE',
  'D1E',
  'DE',
] as const

/** What holds for every document of a type. */
export interface DocumentRules {
  /** The sides that have to be seen. */
  readonly sides: readonly ('front' | 'back')[]
  /** Which side a machine reads, and how. */
  readonly machine?: { readonly side: 'front' | 'back'; readonly source: 'mrz' | 'barcode' }
  /** Longest time from issue to expiry, or from today where no issue is shown. */
  readonly validYears: number
  /** What each field number stands for. */
  readonly numbers?: Readonly<Record<string, FieldName>>
}

const EU_NUMBERS: Readonly<Record<string, FieldName>> = {
  '1': 'family_name',
  '2': 'given_name',
  '3': 'birthdate',
  '4a': 'date_of_issue',
  '4b': 'date_of_expiry',
  '4c': 'issuing_authority',
  '4d': 'personal_administrative_number',
  '5': 'document_number',
  '8': 'resident_address',
}

const AAMVA_NUMBERS: Readonly<Record<string, FieldName>> = {
  '1': 'family_name',
  '2': 'given_name',
  '3': 'birthdate',
  '4a': 'date_of_issue',
  '4b': 'date_of_expiry',
  '4d': 'document_number',
  '8': 'resident_address',
  '15': 'sex',
}

/** The rules of each type. ICAO 9303-4 to -7; Directive 2006/126/EC Art. 7; AAMVA DL/ID Card Design Standard. */
export const DOCUMENT_RULES: Readonly<Record<DocumentType, DocumentRules>> = {
  TD1: {
    sides: ['front', 'back'],
    machine: { side: 'back', source: 'mrz' },
    validYears: 20,
  },
  TD2: { sides: ['front'], machine: { side: 'front', source: 'mrz' }, validYears: 20 },
  TD3: { sides: ['front'], machine: { side: 'front', source: 'mrz' }, validYears: 20 },
  MRVA: { sides: ['front'], machine: { side: 'front', source: 'mrz' }, validYears: 20 },
  MRVB: { sides: ['front'], machine: { side: 'front', source: 'mrz' }, validYears: 20 },
  EU_DL: { sides: ['front', 'back'], validYears: 15, numbers: EU_NUMBERS },
  AAMVA_DL: {
    sides: ['front', 'back'],
    machine: { side: 'back', source: 'barcode' },
    validYears: 12,
    numbers: AAMVA_NUMBERS,
  },
  AAMVA_ID: {
    sides: ['front', 'back'],
    machine: { side: 'back', source: 'barcode' },
    validYears: 20,
    numbers: AAMVA_NUMBERS,
  },
}

/**
 * The youngest age at which a category may be granted, the lowest that a member state may set. Directive 2006/126/EC
 * Art. 4(2) to (6); for buses Directive (EU) 2022/2561 Art. 5.
 */
export const LICENCE_AGES: Readonly<Record<(typeof LICENCE_CODES)[number], number>> = {
  AM: 14,
  A1: 16,
  A2: 18,
  A: 20,
  B1: 16,
  B: 17,
  C1: 18,
  C: 18,
  D1: 18,
  D: 18,
  BE: 17,
  C1E: 18,
  CE: 18,
  D1E: 18,
  DE: 18,
}

/** Categories that are granted for five years at a time. Directive 2006/126/EC Art. 7(2)(b). */
export const FIVE_YEAR_CATEGORIES: readonly string[] = [
  'C1',
  'C',
  'D1',
  'D',
  'C1E',
  'CE',
  'D1E',
  'DE',
]

/** The distinguishing signs on the flag of a licence, and the country of each. Directive 2006/126/EC Annex I 3(c). */
export const LICENCE_SIGNS: Readonly<Record<string, string>> = {
  A: 'AUT',
  B: 'BEL',
  BG: 'BGR',
  CY: 'CYP',
  CZ: 'CZE',
  D: 'D',
  DK: 'DNK',
  E: 'ESP',
  EST: 'EST',
  F: 'FRA',
  FIN: 'FIN',
  GR: 'GRC',
  H: 'HUN',
  HR: 'HRV',
  I: 'ITA',
  IRL: 'IRL',
  L: 'LUX',
  LT: 'LTU',
  LV: 'LVA',
  M: 'MLT',
  NL: 'NLD',
  P: 'PRT',
  PL: 'POL',
  RO: 'ROU',
  S: 'SWE',
  SK: 'SVK',
  SLO: 'SVN',
  UTO: 'UTO',
}
