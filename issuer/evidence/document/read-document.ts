import type { Image } from '../image.ts'
import { compareZones } from './compare-zones.ts'
import { type MrzModels, type MrzReading, readMrz, withSecondName } from './read-mrz.ts'
import { findTextLines } from './text-lines.ts'
import { readVisualZone, type VisualLine } from './visual-zone.ts'

/** Both zones of one side of a document. */
export interface SideReading {
  readonly zone: MrzReading
  readonly printed: readonly VisualLine[]
}

/** Finds the lines of text on a side, then reads the machine-readable zone and what is printed around it. */
export async function readSide(models: MrzModels, image: Image): Promise<SideReading | undefined> {
  const boxes = await findTextLines(models.textDetector, image)
  const zone = await readMrz(models, image, boxes)
  if (!zone) return undefined
  const printed = await readVisualZone(models, image, {
    boxes,
    zone: zone.boxes,
    enough: (lines) =>
      Object.values(compareZones(zone.mrz, lines)).every((agreement) => agreement === 'agrees'),
  })
  return { zone: nameAsPrinted(zone, printed), printed }
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
