import { drawAmericanBack, drawAmericanFront } from '../demo/specimen/american-card.ts'
import type { CardPrint } from '../demo/specimen/card.ts'
import {
  drawLicenceBack,
  drawLicenceFront,
  LICENCE_CODES,
  type Licence,
} from '../demo/specimen/driving-licence.ts'
import type { Holder } from '../demo/specimen/holders.ts'
import { drawIdentityBack, drawIdentityFront } from '../demo/specimen/identity-card.ts'
import type { DocumentSide } from '../issuer/evidence/document/document-side.ts'
import { interpretSides } from '../issuer/evidence/document/interpret-sides.ts'
import type { DocumentEvidence } from '../issuer/evidence/evidence.ts'
import { decodeImage } from '../issuer/evidence/image.sharp.ts'
import { type EvidenceModels, readSideOf } from '../issuer/evidence/read-images.ts'
import { sha256Hex } from '../shared/hash.ts'
import { type Part, partOf } from './dataset.ts'
import { DEGRADATIONS } from './degrade.ts'
import { randomHolder } from './holders.ts'
import { integer, type SeededRandom, seededRandom } from './random.ts'
import { type Rate, rate } from './statistics.ts'

/** What became of one kind of card in one kind of picture. */
export interface CardRow {
  readonly card: string
  readonly rendering: string
  /** Name, birth, number and expiry as drawn. */
  readonly fields: Rate
  /** Of driving licences, every category with its dates as drawn. */
  readonly categories?: Rate | undefined
  /** `ok` among those whose fields are right. */
  readonly ok: Rate
  readonly wrongOk: number
  /** The back of the card before, taken as this one's: found to be of another. */
  readonly otherFound: Rate
}

export interface CardMeasurement extends CardPrint {
  readonly models: EvidenceModels
  readonly portrait: Uint8Array
  readonly part: Part
  readonly count: number
  readonly report?: (line: string) => void
}

interface DrawnCard {
  readonly front: Buffer
  readonly back: Buffer
  readonly categories?: Licence['categories']
}

const NOW = 1_790_000_000
const SIDE = 2400
const RENDERINGS = ['clean', 'rotation', 'strong perspective', 'photograph']
const MISMATCHES = ['sides_differ', 'sides_not_linked']

type Draw = (holder: Holder, random: SeededRandom, material: CardMeasurement) => Promise<DrawnCard>

const CARDS: Readonly<Record<string, Draw>> = {
  'driving licence': async (holder, random, material) => {
    const licence = randomLicence(holder, random)
    return {
      front: await drawLicenceFront(licence, material, material),
      back: await drawLicenceBack(licence, material),
      categories: licence.categories,
    }
  },
  'AAMVA licence': async (holder, _random, material) => ({
    front: await drawAmericanFront({ holder }, material, material),
    back: await drawAmericanBack({ holder }, material),
  }),
  'identity card': async (holder, _random, material) => ({
    front: await drawIdentityFront(holder, material, material),
    back: await drawIdentityBack(holder, material),
  }),
}

/** Draws both sides of cards, degrades them, reads them together and with the back of another. */
export async function measureCards(measurement: CardMeasurement): Promise<readonly CardRow[]> {
  const rows: CardRow[] = []
  for (const [index, card] of Object.keys(CARDS).entries()) {
    for (const rendering of RENDERINGS) {
      rows.push(await rowOf({ card, rendering, seed: 900 + index }, measurement))
    }
  }
  return rows
}

async function rowOf(
  { card, rendering, seed }: { card: string; rendering: string; seed: number },
  measurement: CardMeasurement,
): Promise<CardRow> {
  const { part, count, report = () => {} } = measurement
  const draw = CARDS[card] as Draw
  const tally = { fields: 0, categories: 0, ok: 0, wrongOk: 0, other: 0, pairs: 0, of: 0 }
  const offset = RENDERINGS.indexOf(rendering) * 10_000
  let before: DocumentSide | undefined
  for (let i = 0; tally.of < count; i++) {
    const random = seededRandom(seed * 100_003 + offset + i)
    const holder = { ...randomHolder(random), nationality: 'UTO' }
    const drawn = await draw(holder, random, measurement)
    if (partOf(sha256Hex(drawn.front)) !== part) continue
    tally.of += 1
    const front = await readSide(drawn.front, rendering, random, measurement)
    const back = await readSide(drawn.back, rendering, random, measurement)
    if (!front || !back) {
      report(`${card} ${rendering}: ${front ? 'back' : 'front'} not read`)
      continue
    }
    const { document } = interpretSides({ front, back }, NOW)
    const wrong = wrongFields(document, holder)
    const right = wrong.length === 0
    const ok = document.reading === 'ok'
    const whole = drawn.categories && sameCategories(document, drawn.categories)
    if (right) tally.fields += 1
    if (whole) tally.categories += 1
    if (right && ok) tally.ok += 1
    if (!right && ok) tally.wrongOk += 1
    if (!right) report(`${card} ${rendering}: ${wrong.join('; ')}`)
    if (whole === false) report(`${card} ${rendering}: ${JSON.stringify(document.categories)}`)
    if (before) {
      tally.pairs += 1
      const { warnings } = interpretSides({ front, back: before }, NOW)
      if (warnings.some(({ code }) => MISMATCHES.includes(code))) tally.other += 1
    }
    before = back
  }
  return {
    card,
    rendering,
    fields: rate(tally.fields, tally.of),
    ...(card === 'driving licence' ? { categories: rate(tally.categories, tally.of) } : {}),
    ok: rate(tally.ok, tally.fields),
    wrongOk: tally.wrongOk,
    otherFound: rate(tally.other, tally.pairs),
  }
}

async function readSide(
  drawn: Buffer,
  rendering: string,
  random: SeededRandom,
  { models }: CardMeasurement,
): Promise<DocumentSide | undefined> {
  const degradation = DEGRADATIONS.find(({ name }) => name === rendering)
  if (!degradation) throw new Error(`there is no rendering ${rendering}`)
  const image = await decodeImage(await degradation.apply(drawn, random), { longestSide: SIDE })
  return await readSideOf(models, image, NOW).then(
    ({ side }) => side,
    () => undefined,
  )
}

function wrongFields({ fields }: DocumentEvidence, holder: Holder): readonly string[] {
  const expected = {
    family_name: holder.surname,
    given_name: holder.givenNames,
    birthdate: fullDate(holder.birth),
    date_of_expiry: fullDate(holder.expiry),
    document_number: holder.number,
  } as const
  return (Object.keys(expected) as (keyof typeof expected)[])
    .filter((name) => fields[name]?.value !== expected[name])
    .map((name) => `${name} ${fields[name]?.value}, drawn ${expected[name]}`)
}

function sameCategories(
  { categories = [] }: DocumentEvidence,
  drawn: Licence['categories'],
): boolean {
  const read = categories.map(({ code, issued, expires, codes }) => [code, issued, expires, codes])
  const expected = drawn.map(({ code, issued, expiry, codes }) => [
    code,
    fullDate(issued),
    fullDate(expiry),
    codes,
  ])
  return JSON.stringify(read) === JSON.stringify(expected)
}

function fullDate(yymmdd: string): string {
  const century = Number(yymmdd.slice(0, 2)) > 50 ? '19' : '20'
  return yymmdd.replace(/(..)(..)(..)/, `${century}$1-$2-$3`)
}

function randomLicence(holder: Holder, random: SeededRandom): Licence {
  const held = LICENCE_CODES.filter(() => random() < 0.35)
  const codes = held.length > 0 ? held : (['B'] as const)
  return {
    holder,
    placeOfBirth: 'PORT UTOPIA',
    authority: 'UTO TRANSPORT',
    categories: codes.map((code) => ({
      code,
      issued: `${integer(random, 10, 24)}${two(random, 12)}${two(random, 28)}`,
      expiry: holder.expiry,
      ...(random() < 0.3 ? { codes: `01.0${integer(random, 1, 7)}` } : {}),
    })),
  }
}

function two(random: SeededRandom, most: number): string {
  return String(integer(random, 1, most)).padStart(2, '0')
}
