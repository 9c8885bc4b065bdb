import type { Holder } from './holders.ts'

/** The formats of machine-readable zone that can be drawn. */
export type ZoneType = 'TD1' | 'TD2' | 'TD3' | 'MRVA' | 'MRVB'

const WEIGHTS = [7, 3, 1]

/** The lines of a zone of Utopia. ICAO 9303-4, -5, -6, -7. Written apart from the reader, which it tests. */
export function zoneLines(type: ZoneType, holder: Holder): readonly string[] {
  switch (type) {
    case 'TD1':
      return td1(holder)
    case 'TD2':
      return twoLines('I', holder, { length: 36, optional: 7, composite: true })
    case 'TD3':
      return td3(holder)
    case 'MRVA':
      return twoLines('V', holder, { length: 44, optional: 16, composite: false })
    case 'MRVB':
      return twoLines('V', holder, { length: 36, optional: 8, composite: false })
  }
}

function td3(holder: Holder): readonly string[] {
  const { document, born, expires } = numbered(holder)
  const personal = withCheckDigit(padded(holder.personalNumber ?? '', 14))
  const composite = checkDigit(document + born + expires + personal)
  const middle = `${padded(holder.nationality, 3)}${born}${holder.sex}${expires}`
  return [padded(`P<UTO${name(holder)}`, 44), `${document}${middle}${personal}${composite}`]
}

function twoLines(
  code: string,
  holder: Holder,
  { length, optional, composite }: { length: number; optional: number; composite: boolean },
): readonly string[] {
  const { document, born, expires } = numbered(holder)
  const extra = padded(holder.personalNumber ?? '', optional)
  const last = composite ? checkDigit(document + born + expires + extra) : ''
  const middle = `${padded(holder.nationality, 3)}${born}${holder.sex}${expires}`
  return [padded(`${code}<UTO${name(holder)}`, length), `${document}${middle}${extra}${last}`]
}

function td1(holder: Holder): readonly string[] {
  const { document, born, expires } = numbered(holder)
  const extra = padded(holder.personalNumber ?? '', 15)
  const second = '<'.repeat(11)
  const composite = checkDigit(document + extra + born + expires + second)
  return [
    `I<UTO${document}${extra}`,
    `${born}${holder.sex}${expires}${padded(holder.nationality, 3)}${second}${composite}`,
    padded(name(holder), 30),
  ]
}

function numbered({ number, birth, expiry }: Holder) {
  return {
    document: withCheckDigit(padded(number, 9)),
    born: withCheckDigit(birth),
    expires: withCheckDigit(expiry),
  }
}

function name({ surname, givenNames }: Holder): string {
  return `${surname.replace(/[^A-Z]/g, '<')}<<${givenNames.replace(/[^A-Z]/g, '<')}`
}

function padded(text: string, length: number): string {
  return text
    .replace(/[^A-Z0-9]/g, '<')
    .padEnd(length, '<')
    .slice(0, length)
}

function withCheckDigit(field: string): string {
  return field + checkDigit(field)
}

/** ICAO 9303-3 §4.9. */
function checkDigit(field: string): string {
  let sum = 0
  for (const [i, character] of [...field].entries()) {
    const value = character === '<' ? 0 : Number.parseInt(character, 36)
    sum += value * (WEIGHTS[i % 3] ?? 0)
  }
  return String(sum % 10)
}
