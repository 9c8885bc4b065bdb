import type { Image } from '../image.ts'
import type { Model } from '../model.ts'
import { layoutOf, type Mrz, type MrzLayout, parseMrz, repairByPosition } from './mrz.ts'
import { type LineReading, readMrzCrop, readTextCrop } from './recognise.ts'
import { findTextLines, type TextBox } from './text-lines.ts'

/** The networks that read a machine-readable zone; `alphabet` belongs to the general recogniser. */
export interface MrzModels {
  readonly textDetector: Model
  readonly mrzRecogniser: Model
  readonly textRecogniser: Model
  readonly alphabet: readonly string[]
}

/** A zone that was found in an image. */
export interface MrzReading {
  readonly mrz: Mrz
  /** Whether look-alikes were settled by position. */
  readonly repaired: boolean
  /** Probability of each character of each line. */
  readonly probabilities: readonly (readonly number[])[]
  /** What the second recogniser made of the same lines. */
  readonly secondReadings: readonly string[]
  readonly boxes: readonly TextBox[]
}

interface CandidateLine {
  readonly box: TextBox
  /** Readings of a legal length, best first. */
  readonly readings: readonly LineReading[]
}

/** The line network is sensitive to the height of its crop: several are read. */
const CROP_HEIGHTS = [1, 1.1, 1.2, 1.3]
const LINE_LENGTHS = [30, 36, 44]
const SECOND_CROP_HEIGHT = 1.05
const SHARE_OF_SIDE = 0.25
const ASPECT = 5

/** Finds and reads the machine-readable zone of a document, upright or turned by any right angle. */
export async function readMrz(models: MrzModels, image: Image): Promise<MrzReading | undefined> {
  const long = (await findTextLines(models.textDetector, image)).filter(
    ({ width, height }) =>
      width >= SHARE_OF_SIDE * Math.min(image.width, image.height) && width / height >= ASPECT,
  )
  const boxes = sameWay(long)
  for (const turn of [0, Math.PI]) {
    const turned = boxes.map((box) => ({ ...box, angle: box.angle + turn }))
    const lines = await readCandidates(models, image, turned)
    const zone = bestZone(lines)
    if (zone && isPlausible(zone)) return await completed(models, image, zone)
  }
  return undefined
}

/** A line's axis says not which end is first: near the vertical two lines of one page may point apart. */
function sameWay(boxes: readonly TextBox[]): readonly TextBox[] {
  const [longest] = [...boxes].sort((p, q) => q.width - p.width)
  if (!longest) return []
  return boxes.map((box) =>
    Math.cos(box.angle - longest.angle) < 0 ? { ...box, angle: box.angle + Math.PI } : box,
  )
}

async function readCandidates(
  models: MrzModels,
  image: Image,
  boxes: readonly TextBox[],
): Promise<readonly CandidateLine[]> {
  const lines: CandidateLine[] = []
  for (const box of boxes) {
    const readings: LineReading[] = []
    for (const factor of CROP_HEIGHTS) {
      const crop = { ...box, height: box.height * factor }
      const reading = await readMrzCrop(models.mrzRecogniser, image, crop)
      if (LINE_LENGTHS.includes(reading.text.length)) readings.push(reading)
    }
    readings.sort((p, q) => q.confidence - p.confidence)
    if (readings.length > 0) lines.push({ box, readings })
  }
  return lines.sort((p, q) => along(p.box) - along(q.box))
}

/** How far down the page a line lies, in the direction of its own text. */
function along({ cx, cy, angle }: TextBox): number {
  return cy * Math.cos(angle) - cx * Math.sin(angle)
}

interface Zone {
  readonly lines: readonly CandidateLine[]
  readonly readings: readonly LineReading[]
  readonly layout: MrzLayout
  readonly right: number
  readonly confidence: number
}

/** Consecutive lines that make a zone, the one with most check digits right, then the surest. */
function bestZone(lines: readonly CandidateLine[]): Zone | undefined {
  let best: Zone | undefined
  for (const size of [2, 3]) {
    for (let start = 0; start + size <= lines.length; start++) {
      for (const zone of zonesOf(lines.slice(start, start + size))) {
        if (!best || rank(zone) > rank(best)) best = zone
      }
    }
  }
  return best
}

const rank = ({ right, confidence }: Zone) => right + confidence

/** Text that is no zone reads as noise: another first letter, hardly a check digit right, and unsure throughout. */
function isPlausible({ readings, right, confidence }: Zone): boolean {
  return /^[PVIAC]/.test(readings[0]?.text ?? '') && right >= 0.5 && confidence >= 0.6
}

function* zonesOf(lines: readonly CandidateLine[]): Generator<Zone> {
  for (const readings of combinations(lines.map((line) => line.readings))) {
    const texts = readings.map(({ text }) => text)
    const layout = layoutOf(texts)
    if (!layout) continue
    const { checkDigits } = parseMrz(repairByPosition(texts, layout).lines, layout)
    const right = checkDigits.filter(({ valid }) => valid).length / checkDigits.length
    const confidence = readings.reduce((least, { confidence: own }) => Math.min(least, own), 1)
    yield { lines, readings, layout, right, confidence }
  }
}

function combinations<T>(choices: readonly (readonly T[])[]): readonly (readonly T[])[] {
  return choices.reduce<readonly (readonly T[])[]>(
    (partial, options) => partial.flatMap((taken) => options.map((option) => [...taken, option])),
    [[]],
  )
}

async function completed(models: MrzModels, image: Image, zone: Zone): Promise<MrzReading> {
  const { lines, repaired } = repairByPosition(
    zone.readings.map(({ text }) => text),
    zone.layout,
  )
  const secondReadings: string[] = []
  for (const { box } of zone.lines) {
    const crop = { ...box, height: box.height * SECOND_CROP_HEIGHT }
    const second = await readTextCrop(models.textRecogniser, models.alphabet, image, crop)
    secondReadings.push(second.text)
  }
  return {
    mrz: parseMrz(lines, zone.layout),
    repaired: repaired.length > 0,
    probabilities: zone.readings.map(({ characters }) =>
      characters.map(({ probability }) => probability),
    ),
    secondReadings,
    boxes: zone.lines.map(({ box }) => box),
  }
}
