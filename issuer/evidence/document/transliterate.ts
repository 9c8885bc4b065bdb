/** Letters that ICAO 9303-3 §6 A writes with other letters; where it leaves a choice, the first is the recommended one. */
const LETTERS: Readonly<Record<string, readonly string[]>> = {
  Ä: ['AE', 'A'],
  Å: ['AA', 'A'],
  Æ: ['AE'],
  Ð: ['D'],
  Đ: ['D'],
  Ħ: ['H'],
  ı: ['I'],
  Ĳ: ['IJ'],
  Ł: ['L'],
  Ñ: ['N', 'NXX'],
  Ŋ: ['N'],
  Ö: ['OE', 'O'],
  Ø: ['OE'],
  Œ: ['OE'],
  ẞ: ['SS'],
  ß: ['SS'],
  Þ: ['TH'],
  Ŧ: ['T'],
  Ü: ['UE', 'UXX', 'U'],
}

/**
 * The ways in which a printed name may stand in a machine-readable zone, spaces and punctuation left out. Letters with
 * marks that the table does not name lose the mark. ICAO 9303-3 §6 A, §4.6. At most 32 ways.
 */
export function zoneSpellings(name: string): readonly string[] {
  let spellings = ['']
  for (const character of name.normalize('NFC').toUpperCase()) {
    const choices = LETTERS[character] ?? [plain(character)]
    spellings = spellings.flatMap((start) => choices.map((end) => start + end)).slice(0, 32)
  }
  return [...new Set(spellings)]
}

function plain(character: string): string {
  return character.normalize('NFD').replace(/[^A-Z0-9]/g, '')
}
