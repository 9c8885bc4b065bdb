import type { CardPrint } from '../demo/specimen/card.ts'
import { drawDocument } from '../demo/specimen/document.ts'
import { drawLicenceFront, licenceOf } from '../demo/specimen/driving-licence.ts'
import { openFont } from '../demo/specimen/truetype.ts'
import { sha256Hex } from '../shared/hash.ts'
import { genuine, onScreen, type Place, portraitReplaced, printed, textEdited } from './attacks.ts'
import { type Part, partOf } from './dataset.ts'
import { randomHolder } from './holders.ts'
import { integer, oneOf, type SeededRandom, seededRandom } from './random.ts'

/** What was done to a drawing before it was photographed. */
export const ATTACKS = ['genuine', 'screen', 'print', 'portrait replaced', 'text edited'] as const

export type Attack = (typeof ATTACKS)[number]

/** A drawing of a passport or a licence, attacked or not. */
export interface AttackedDocument {
  readonly attack: Attack
  readonly picture: Buffer
}

/** Faces to draw with: at least two people. */
export interface AttackMaterial extends CardPrint {
  readonly portraits: readonly Uint8Array[]
  readonly part: Part
  readonly count: number
}

/** Pixels a millimetre: a card fills more of a picture than a page does. */
const SCALES = { passport: [12], card: [12, 16, 20] } as const
/** Millimetres: the portrait, and a line of print with its size, as `demo/specimen` draws them. */
const PASSPORT = {
  portrait: { x: 6, y: 15, width: 32, height: 41 },
  line: { x: 42, y: 36.78, size: 3.02 },
}
const CARD = {
  portrait: { x: 3.5, y: 13, width: 21, height: 27 },
  line: { x: 32.1, y: 34.7, size: 2.3 },
}

/** Draws documents from consecutive seeds and attacks each in its own way; the digest of the drawing decides its part. */
export async function* generateAttacks(
  attack: Attack,
  { portraits, part, count, font }: AttackMaterial,
): AsyncGenerator<AttackedDocument> {
  const seed = 700 + ATTACKS.indexOf(attack)
  const outlines = openFont(Buffer.from(font))
  for (let i = 0, found = 0; found < count; i++) {
    const random = seededRandom(seed * 100_003 + i)
    const holder = randomHolder(random)
    const mine = integer(random, 0, portraits.length - 1)
    const portrait = portraits[mine] as Uint8Array
    const isCard = i % 2 === 1
    const scale = oneOf(random, isCard ? SCALES.card : SCALES.passport)
    const page = isCard
      ? await drawLicenceFront(licenceOf(holder), { portrait }, { font, scale })
      : await drawDocument({ type: 'TD3', holder, portrait, font, scale })
    if (partOf(sha256Hex(page)) !== part) continue
    found += 1
    const layout = isCard ? CARD : PASSPORT
    const other = portraits[(mine + 1) % portraits.length] as Uint8Array
    const text = oneOf(random, ['X4827310', 'K9061725', 'R5530914'])
    const width = Math.round(outlines.width(text, layout.line.size * scale)) + 2 * scale
    const height = Math.round(layout.line.size * scale)
    const place = {
      left: Math.round(layout.line.x * scale),
      top: Math.round(layout.line.y * scale - 0.85 * height),
      width: Math.max(width, 22 * scale),
      height,
    }
    const picture = await attacked(attack, page, random, {
      other,
      portrait: scaled(layout.portrait, scale),
      place,
      outline: (at) => outlines.outline(text, at),
      size: layout.line.size * scale,
    })
    yield { attack, picture }
  }
}

async function attacked(
  attack: Attack,
  page: Buffer,
  random: SeededRandom,
  by: {
    readonly other: Uint8Array
    readonly portrait: Place
    readonly place: Place
    readonly outline: (place: { x: number; y: number; size: number }) => string
    readonly size: number
  },
): Promise<Buffer> {
  switch (attack) {
    case 'genuine':
      return await genuine(page, random)
    case 'screen':
      return await onScreen(page, random)
    case 'print':
      return await printed(page, random)
    case 'portrait replaced':
      return await portraitReplaced(page, { portrait: by.other, place: by.portrait }, random)
    case 'text edited':
      return await textEdited(page, by, random)
  }
}

function scaled(
  place: { x: number; y: number; width: number; height: number },
  scale: number,
): Place {
  const pixels = (millimetres: number) => Math.round(millimetres * scale)
  return {
    left: pixels(place.x),
    top: pixels(place.y),
    width: pixels(place.width),
    height: pixels(place.height),
  }
}
