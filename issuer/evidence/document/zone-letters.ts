/** How a letter stands in a machine-readable zone; where there is a choice, the first is the recommended one. */
export type ZoneLetters = Readonly<Record<string, readonly string[]>>

/** How a script, or one language that is written in it, stands there. */
export interface ZoneTable {
  readonly letters: ZoneLetters
  /** Other forms at the beginning of a part of a name, and at its end. */
  readonly first?: ZoneLetters
  readonly last?: ZoneLetters
}

/** `А A Б B`: each letter and its form. */
function table(text: string): ZoneLetters {
  const words = text.split(/\s+/)
  const entries: [string, string[]][] = []
  for (let i = 0; i + 1 < words.length; i += 2) {
    entries.push([words[i] ?? '', [(words[i + 1] ?? '').replace('-', '')]])
  }
  return Object.fromEntries(entries)
}

/** ICAO 9303-3 §6 A. Letters with marks that it does not name lose the mark. */
export const LATIN: ZoneLetters = {
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

/** ICAO 9303-3 §6 B; `-` is a letter that is not encoded. */
const CYRILLIC = table(
  `А A Б B В V Г G Д D Е E Ё E Ж ZH З Z И I І I Й I К K Л L М M Н N О O П P Р R С S Т T У U Ф F Х KH
   Ц TS Ч CH Ш SH Щ SHCH Ъ IE Ы Y Ь - Э E Ю IU Я IA Ѵ Y Ґ G Ў U Ѫ U Ѓ G Ђ D Ѕ DZ Ј J Ќ K Љ LJ Њ NJ
   Ћ C Һ C Џ DZ Є IE Ї I`,
)

/** The letters that the table writes otherwise for one language, and in Ukrainian at the beginning of a part of a name. */
export const CYRILLIC_TABLES: readonly ZoneTable[] = [
  { letters: CYRILLIC },
  { letters: { ...CYRILLIC, ...table('Г H Ё IO') } },
  { letters: { ...CYRILLIC, ...table('Щ SHT') } },
  { letters: { ...CYRILLIC, ...table('И Y') } },
  { letters: { ...CYRILLIC, ...table('Г H И Y') } },
  {
    letters: { ...CYRILLIC, ...table('Г H И Y') },
    first: table('Є YE Ї YI Й Y Ю YU Я YA'),
  },
  { letters: { ...CYRILLIC, ...table('Г H Ж Z Х H Ц C Ч C Ш S') } },
  { letters: { ...CYRILLIC, ...table('Ж Z Х H Ц C Ч C Ш S') } },
  { letters: { ...CYRILLIC, ...table('Х H Ц C Ѓ GJ Ќ KJ Џ DJ') } },
]

/** ICAO 9303-3 §6 C, for Arabic, Persian, Pashto and Urdu: `X` goes before a letter that Latin has no sign for. */
const ARABIC = table(
  `ء XE آ XAA أ XAE ؤ U إ I ئ XI ا A ب B ة XTA ت T ث XTH ج J ح XH خ XKH د D ذ XDH ر R ز Z س S ش XSH
   ص XSS ض XDZ ط XTT ظ XZZ ع E غ G ف F ق Q ك K ل L م M ن N ه H و W ى XAY ي Y ٱ XXA ٹ XXT ټ XRT پ P
   ځ XKE څ XXH چ XC ڈ XXD ډ XDR ڑ XXR ړ XRR ږ XRX ژ XJ ښ XXS ک XKK ګ XXK ڭ XNG گ XGG ں XNN ڼ XXN
   ھ XDO ۀ XYH ہ XXG ۂ XGE ۃ XTG ی XYA ۍ XXY ې Y ے XYB ۓ XBE`,
)

/** Teh marbuta has two forms, of which a search takes both (appendix B.5.5). */
export const ARABIC_TABLES: readonly ZoneTable[] = [
  { letters: ARABIC, last: table('ة XAH') },
  { letters: ARABIC },
]

/** Written twice what stands before it; printed or not, so that a search takes both (appendix B.5.3). */
export const SHADDA = '\u0651'
/** Vowel signs and a stroke that only lengthens a line are not encoded. */
export const NOT_ENCODED: RegExp = /[\u0640\u064B-\u0650\u0652\u0670]/g
