/** What the barcode of a North American driving licence or identity card says. Dates are YYYY-MM-DD. */
export interface AamvaCard {
  readonly version: number
  readonly issuer: string
  readonly subfile: 'DL' | 'ID'
  readonly family_name?: string
  readonly given_name?: string
  readonly birthdate?: string
  readonly date_of_issue?: string
  readonly date_of_expiry?: string
  readonly document_number?: string
  readonly sex?: string
  readonly country?: string
  /** Vehicle class, restrictions and endorsements as they are coded. */
  readonly vehicleClass?: string
  readonly restrictions?: string
  readonly endorsements?: string
}

const HEADER = /^@\n*(?:ANSI |AAMVA)(\d{6})(\d{2})/
const ELEMENT = /^(D[A-Z]{2})(.*)$/
const MAX_LENGTH = 2710

/**
 * Reads the text of such a barcode; `undefined` for any other. What a barcode says was printed by whoever made the card:
 * nothing in it is signed. AAMVA DL/ID Card Design Standard, Annex D.
 */
export function parseAamva(text: string): AamvaCard | undefined {
  const plain = [...text].map((character) => (character < ' ' ? '\n' : character)).join('')
  const [, issuer, version = ''] = HEADER.exec(plain) ?? []
  if (issuer === undefined || text.length > MAX_LENGTH) return undefined
  const subfile = /\n?(DL|ID)(?=D[A-Z]{2})/.exec(plain)
  if (!subfile) return undefined
  const elements = new Map<string, string>()
  const body = plain.slice(subfile.index + subfile[0].length)
  for (const line of body.split(/\n+/)) {
    const [, id, value = ''] = ELEMENT.exec(line) ?? []
    if (id !== undefined && !elements.has(id)) elements.set(id, value.trim())
  }
  const country = elements.get('DCG')
  const given = [elements.get('DAC') ?? elements.get('DCT'), elements.get('DAD')]
    .filter((name) => name !== undefined && name !== '' && name !== 'NONE')
    .join(' ')
    .replaceAll(',', ' ')
  const sexes: Readonly<Record<string, string>> = { 1: '1', 2: '2', 9: '0', M: '1', F: '2' }
  return {
    version: Number(version),
    issuer,
    subfile: subfile[1] === 'ID' ? 'ID' : 'DL',
    ...present({
      family_name: elements.get('DCS') ?? elements.get('DAB'),
      given_name: given,
      birthdate: aamvaDate(elements.get('DBB'), country),
      date_of_issue: aamvaDate(elements.get('DBD'), country),
      date_of_expiry: aamvaDate(elements.get('DBA'), country),
      document_number: elements.get('DAQ'),
      sex: sexes[elements.get('DBC') ?? ''],
      country,
      vehicleClass: elements.get('DCA'),
      restrictions: elements.get('DCB'),
      endorsements: elements.get('DCD'),
    }),
  }
}

function present<T extends Readonly<Record<string, string | undefined>>>(
  members: T,
): { [K in keyof T]?: string } {
  const found: { [K in keyof T]?: string } = {}
  for (const [name, value] of Object.entries(members)) {
    if (value !== undefined && value !== '') found[name as keyof T] = value
  }
  return found
}

/** MMDDCCYY in the United States, CCYYMMDD in Canada. */
function aamvaDate(value: string | undefined, country: string | undefined): string | undefined {
  if (value === undefined || !/^\d{8}$/.test(value)) return undefined
  const canadian = country === 'CAN'
  const [year, month, day] = canadian
    ? [value.slice(0, 4), value.slice(4, 6), value.slice(6)]
    : [value.slice(4), value.slice(0, 2), value.slice(2, 4)]
  return Number(month) >= 1 && Number(month) <= 12 && Number(day) >= 1 && Number(day) <= 31
    ? `${year}-${month}-${day}`
    : undefined
}
