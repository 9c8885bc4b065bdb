import type { Region } from '../evidence.ts'
import type { Image } from '../image.ts'
import { compareZones } from './compare-zones.ts'
import { type CardModels, type UprightCard, uprightCard } from './flat-card.ts'
import { nameIn } from './printed-name.ts'
import { type MrzModels, type MrzReading, readMrz, withSecondName } from './read-mrz.ts'
import { cornersOf } from './regions.ts'
import { findTextLines, type TextBox } from './text-lines.ts'
import { readVisualZone, type VisualLine } from './visual-zone.ts'

/** Both zones of one side of a document. */
export interface SideReading {
  readonly zone: MrzReading
  readonly printed: readonly VisualLine[]
  /** Where each line of the zone stands in the picture, in parts of its width and height. */
  readonly corners?: readonly Region['corners'][]
}

const ZONE_ASPECT = 11

/** Finds the lines of text on a side, then reads the machine-readable zone and what is printed around it. */
export async function readSide(
  models: MrzModels,
  image: Image,
  known?: readonly TextBox[],
): Promise<SideReading | undefined> {
  const boxes = known ?? (await findTextLines(models.textDetector, image))
  const zone = await readMrz(models, image, boxes)
  if (!zone) return undefined
  const { nameMayBeCut } = zone.mrz
  const printed = await readVisualZone(models, image, {
    boxes,
    zone: zone.boxes,
    twice: (text) => nameMayBeCut && nameIn(text) !== undefined,
    enough: (lines) =>
      !nameMayBeCut &&
      Object.values(compareZones(zone.mrz, lines)).every((agreement) => agreement === 'agrees'),
  })
  return {
    zone: nameAsPrinted(zone, printed),
    printed,
    corners: zone.boxes.map((box) => cornersOf(box, image)),
  }
}

/** A side with a zone, or what else was laid flat. */
export type PageReading =
  | {
      readonly page: SideReading
      /** What the boxes of the reading are in: the picture, or the page laid flat. */
      readonly image: Image
    }
  | { readonly page: undefined; readonly card: UprightCard }

/**
 * Reads a side as it lies, and where no zone is found or a check digit is wrong once more laid flat by its edges; of the
 * two the reading with more check digits right.
 */
export async function readPage(models: MrzModels & CardModels, image: Image): Promise<PageReading> {
  const asItLies = await readSide(models, image)
  if (asItLies && rightShare(asItLies) === 1) return { page: asItLies, image }
  const card = await uprightCard(models, image)
  const laidFlat = hasZoneLines(card.boxes)
    ? await readSide(models, card.image, card.boxes)
    : undefined
  if (!laidFlat || rightShare(laidFlat) <= rightShare(asItLies)) {
    return asItLies ? { page: asItLies, image } : { page: undefined, card }
  }
  const cornersIn = (box: TextBox) => cornersOf(box, image, card.origin)
  const { zone, printed } = laidFlat
  return {
    page: {
      zone,
      printed: printed.map((line) => ({ ...line, corners: cornersIn(line.box) })),
      corners: zone.boxes.map(cornersIn),
    },
    image: card.image,
  }
}

/** Two lines at least are as long for their height as those of a zone are. */
function hasZoneLines(boxes: readonly TextBox[]): boolean {
  return boxes.filter(({ width, height }) => width >= ZONE_ASPECT * height).length >= 2
}

/** What share of the check digits is right; less than nothing where there is no zone. */
function rightShare(side: SideReading | undefined): number {
  if (!side) return -1
  const { checkDigits } = side.zone.mrz
  return checkDigits.filter(({ valid }) => valid).length / checkDigits.length
}

/** Where the recognisers disagree on the name and the printed zone shows what the second saw, that is the name. */
function nameAsPrinted(zone: MrzReading, printed: readonly VisualLine[]): MrzReading {
  const other = withSecondName(zone)
  if (!other || showsBothNames(zone, printed)) return zone
  return showsBothNames(other, printed) ? other : zone
}

function showsBothNames({ mrz }: MrzReading, printed: readonly VisualLine[]): boolean {
  const { family_name: family, given_name: given } = compareZones(mrz, printed)
  return family === 'agrees' && given === 'agrees'
}
