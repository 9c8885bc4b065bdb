import type { Image } from '../image.ts'
import type { Model } from '../model.ts'
import { align, compareAt, lookAlikes } from './agreement.ts'
import {
  charsetsOf,
  layoutOf,
  type Mrz,
  type MrzLayout,
  parseMrz,
  repairByPosition,
  type Span,
} from './mrz.ts'
import {
  type Character,
  type LineReading,
  readMrzCrop,
  readZoneCrop,
  type TextAlphabet,
} from './recognise.ts'
import type { TextBox } from './text-lines.ts'

/** The networks that read a machine-readable zone; `alphabet` belongs to the general recogniser. */
export interface MrzModels {
  readonly textDetector: Model
  readonly mrzRecogniser: Model
  readonly textRecogniser: Model
  readonly alphabet: TextAlphabet
}

/** One position of a zone as it was read. */
export interface ZonePosition {
  readonly value: string
  readonly probability: number
  /** Whether a look-alike was settled here. */
  readonly repaired: boolean
  /** What the second recogniser saw there, `undefined` where it saw nothing. */
  readonly second: string | undefined
  /** The probability of the likeliest look-alike. */
  readonly open: number
  /** What else the first recogniser saw there: what was repaired, and look-alikes that it does not rule out. */
  readonly openAs?: readonly string[]
}

/** A zone that was found in an image. */
export interface MrzReading {
  readonly mrz: Mrz
  readonly positions: readonly (readonly ZonePosition[])[]
  readonly boxes: readonly TextBox[]
}

interface CandidateLine {
  readonly box: TextBox
  /** Readings of a legal length, best first. */
  readonly readings: readonly LineReading[]
}

/** The line network is sensitive to the height of its crop: several are read. */
const CROP_HEIGHTS = [1, 1.15, 1.3, 1.45, 1.6]
const LINE_LENGTHS = [30, 36, 44]
const SECOND_CROP_HEIGHTS = [1.05, 1.5, 1.3]
const SHARE_OF_SIDE = 0.25
const ASPECT = 5
/** A page of nothing but text costs no more than this many of its longest lines. */
const MOST_LINES = 60
/** ICAO 9303-3 §4.4: lines are 6.35 mm apart, characters 2.54 mm. */
const LINE_PITCH_IN_CHARACTERS = 2.5
/** A line read with this confidence is one of a zone. */
const CLEAR = 0.85
const SHORTEST_CUT = 24
/** From here on a network that prefers one look-alike leaves the other open. */
const OPEN = 0.003
/** Up to here a network that prefers one look-alike rules the other out. */
const SURE = 0.002
/** Up to here it does where it errs towards the other only, or where the second recogniser sees the same. */
const SURE_ENOUGH = 0.02
/** A zone with more open positions than this is not settled by its check digits. */
const MOST_OPEN = 5

/** Reads the machine-readable zone of a document among its lines of text, whichever way the page lies. */
export async function readMrz(
  models: MrzModels,
  image: Image,
  boxes: readonly TextBox[],
): Promise<MrzReading | undefined> {
  const long = boxes
    .filter(
      ({ width, height }) =>
        width >= SHARE_OF_SIDE * Math.min(image.width, image.height) && width / height >= ASPECT,
    )
    .sort((p, q) => q.width - p.width)
    .slice(0, MOST_LINES)
  let best: Zone | undefined
  for (const turn of [0, Math.PI]) {
    const turned = sameWay(long).map((box) => ({ ...box, angle: box.angle + turn }))
    const zone = bestZone(await readCandidates(models, image, turned))
    if (zone && (!best || rank(zone) > rank(best))) best = zone
    if (best?.right === 1) break
  }
  return best ? await completed(models, image, best) : undefined
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
  const cut: TextBox[] = []
  for (const box of boxes) {
    const { line, longer } = await readCandidate(models, image, box)
    if (line) lines.push(line)
    cut.push(...longer)
  }
  for (const more of [() => cut, () => missedBoxes(lines.filter(isClear), lines, boxes)]) {
    for (const box of more()) {
      const { line } = await readCandidate(models, image, box)
      if (line) lines.push(line)
    }
  }
  return withoutDoubles(lines).sort((p, q) => along(p.box) - along(q.box))
}

/** Of readings of one length at one place, the surest: a line that was cut and lengthened may be there twice. */
function withoutDoubles(lines: readonly CandidateLine[]): CandidateLine[] {
  const kept: CandidateLine[] = []
  for (const line of [...lines].sort((p, q) => confidenceOf(q) - confidenceOf(p))) {
    const isSame = ({ box, readings }: CandidateLine) =>
      Math.abs(offset(box, line.box).down) < 0.5 * box.height &&
      readings[0]?.text.length === line.readings[0]?.text.length
    if (!kept.some(isSame)) kept.push(line)
  }
  return kept
}

function confidenceOf({ readings }: CandidateLine): number {
  return readings[0]?.confidence ?? 0
}

async function readCandidate(
  models: MrzModels,
  image: Image,
  box: TextBox,
): Promise<{ line?: CandidateLine; longer: readonly TextBox[] }> {
  const all: LineReading[] = []
  for (const factor of CROP_HEIGHTS) {
    const crop = { ...box, height: box.height * factor }
    all.push(await readMrzCrop(models.mrzRecogniser, image, crop))
  }
  all.sort((p, q) => q.confidence - p.confidence)
  const readings = all.filter(({ text }) => LINE_LENGTHS.includes(text.length))
  const [surest] = all
  const longer = surest && surest.confidence >= CLEAR ? lengthened(box, surest.text) : []
  return readings.length > 0 ? { line: { box, readings }, longer } : { longer }
}

/** A clear line that is too short ended in fillers that the detector did not see: what it would be with them. */
function lengthened(box: TextBox, { length }: string): readonly TextBox[] {
  if (length < SHORTEST_CUT || LINE_LENGTHS.includes(length)) return []
  const character = box.width / (length + 0.7)
  return LINE_LENGTHS.filter((whole) => whole > length).map((whole) => {
    const added = character * (whole - length)
    return {
      ...box,
      width: box.width + added,
      cx: box.cx + (added / 2) * Math.cos(box.angle),
      cy: box.cy + (added / 2) * Math.sin(box.angle),
    }
  })
}

function isClear(line: CandidateLine): boolean {
  return confidenceOf(line) >= CLEAR
}

/**
 * A detector loses fillers at the end of a line, or a whole line of them. Where one line is clear, its neighbours are as
 * wide as it is and lie one line above and below: where a short box lies there, otherwise where the format has it.
 */
function missedBoxes(
  clear: readonly CandidateLine[],
  lines: readonly CandidateLine[],
  boxes: readonly TextBox[],
): readonly TextBox[] {
  return clear.flatMap(({ box, readings }) => {
    const length = readings[0]?.text.length ?? 0
    const pitch = box.width * (LINE_PITCH_IN_CHARACTERS / (length + 1))
    return [-1, 1].flatMap((side) => {
      const isBeside = (other: TextBox) => {
        const { across, down } = offset(box, other)
        return (
          Math.abs(down - side * pitch) < 0.6 * pitch &&
          Math.abs(across) < box.width &&
          other.height < 2.5 * box.height
        )
      }
      const isThere = (line: CandidateLine) =>
        line.box !== box && isBeside(line.box) && line.readings[0]?.text.length === length
      if (lines.some(isThere)) return []
      const short = boxes.find((other) => other !== box && isBeside(other))
      const down = short ? offset(box, short).down : side * pitch
      const height = Math.max(box.height, short?.height ?? 0)
      return [{ ...moved(box, down), height }]
    })
  })
}

/** Where a box lies seen from another, along that one's text and across it. */
function offset(from: TextBox, to: TextBox) {
  const [cos, sin] = [Math.cos(from.angle), Math.sin(from.angle)]
  const [dx, dy] = [to.cx - from.cx, to.cy - from.cy]
  return { across: dx * cos + dy * sin, down: dy * cos - dx * sin }
}

function moved(box: TextBox, down: number): TextBox {
  return {
    ...box,
    cx: box.cx - down * Math.sin(box.angle),
    cy: box.cy + down * Math.cos(box.angle),
  }
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
  for (const length of LINE_LENGTHS) {
    const alike = lines.flatMap((line) => {
      const readings = line.readings.filter(({ text }) => text.length === length)
      return readings.length > 0 ? [{ ...line, readings }] : []
    })
    const size = length === 30 ? 3 : 2
    for (let start = 0; start + size <= alike.length; start++) {
      for (const zone of zonesOf(alike.slice(start, start + size))) {
        if (isPlausible(zone) && (!best || rank(zone) > rank(best))) best = zone
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
    const right = rightShare(repairByPosition(texts, layout).lines, layout)
    const confidence = readings.reduce((least, { confidence: own }) => Math.min(least, own), 1)
    yield { lines, readings, layout, right, confidence }
  }
}

function rightShare(lines: readonly string[], layout: MrzLayout): number {
  const { checkDigits } = parseMrz(lines, layout)
  return checkDigits.filter(({ valid }) => valid).length / checkDigits.length
}

function combinations<T>(choices: readonly (readonly T[])[]): readonly (readonly T[])[] {
  return choices.reduce<readonly (readonly T[])[]>(
    (partial, options) => partial.flatMap((taken) => options.map((option) => [...taken, option])),
    [[]],
  )
}

async function completed(models: MrzModels, image: Image, zone: Zone): Promise<MrzReading> {
  const { layout, readings } = zone
  const read = readings.map(({ text }) => text)
  const settled = repairByPosition(read, layout).lines
  const seconds: (readonly (string | undefined)[])[] = []
  for (const [i, { box }] of zone.lines.entries()) {
    seconds.push(await secondReading(models, image, box, settled[i] ?? ''))
  }
  const lines = repairByCheckDigits(settled, layout, (line, column) => {
    const character = readings[line]?.characters[column]
    return openAlternatives(character, seconds[line]?.[column])
  })
  return {
    mrz: parseMrz(lines, layout),
    positions: lines.map((text, line) =>
      [...text].map((value, column) => ({
        value,
        probability: readings[line]?.characters[column]?.probability ?? 0,
        repaired: value !== read[line]?.[column],
        second: seconds[line]?.[column],
        ...openIn(readings[line]?.characters[column], value),
      })),
    ),
    boxes: zone.lines.map(({ box }) => box),
  }
}

/**
 * What the general recogniser sees at each position of a line. It drops characters now and then, others at another
 * height of the crop: where it disagrees, it looks again.
 */
async function secondReading(
  models: MrzModels,
  image: Image,
  box: TextBox,
  first: string,
): Promise<readonly (string | undefined)[]> {
  let seen: readonly (string | undefined)[] = []
  for (const factor of SECOND_CROP_HEIGHTS) {
    const crop = { ...box, height: box.height * factor }
    const { text } = await readZoneCrop(models.textRecogniser, models.alphabet, image, crop)
    const again = align(first, text)
    seen = again.map((character, i) => (seen[i] === first[i] ? seen[i] : character))
    if ([...first].every((character, i) => seen[i] === character)) break
  }
  return seen
}

function openIn(
  character: Character | undefined,
  settled: string,
): Pick<ZonePosition, 'open' | 'openAs'> {
  if (!character) return { open: 1 }
  const others = lookAlikes(character.value)
  const open = character.alternatives.filter(({ value }) => others.includes(value))
  const seen = open.filter(({ probability }) => probability > SURE).map(({ value }) => value)
  const openAs = [character.value, ...seen].filter((value) => value !== settled)
  return { open: Math.max(0, ...open.map(({ probability }) => probability)), openAs }
}

/** What else a position may hold: what the second recogniser sees there, and look-alikes that the first leaves open. */
function openAlternatives(
  character: Character | undefined,
  second: string | undefined,
): readonly string[] {
  if (!character) return []
  const likely = character.alternatives
    .filter(({ probability }) => probability >= OPEN)
    .map(({ value }) => value)
  const open = lookAlikes(character.value).filter((other) => likely.includes(other))
  if (second !== undefined && second !== character.value) open.push(second)
  return [...new Set(open)]
}

/**
 * Where check digits are wrong, tries what the recognisers left open in positions that may hold both letters and
 * digits, one or two at once. Changes the lines only when exactly one reading makes every check digit right.
 */
export function repairByCheckDigits(
  lines: readonly string[],
  layout: MrzLayout,
  alternatives: (line: number, column: number) => readonly string[],
): readonly string[] {
  if (rightShare(lines, layout) === 1) return lines
  const charsets = charsetsOf(layout)
  const changes = lines.flatMap((text, line) =>
    [...text].flatMap((_, column) =>
      charsets[line]?.[column] === 'any'
        ? alternatives(line, column).map((value) => ({ line, column, value }))
        : [],
    ),
  )
  const apply = (chosen: typeof changes) =>
    lines.map((text, line) =>
      [...text]
        .map(
          (character, column) =>
            chosen.find((change) => change.line === line && change.column === column)?.value ??
            character,
        )
        .join(''),
    )
  const pairs = changes.flatMap((p, i) => changes.slice(i + 1).map((q) => [p, q]))
  for (const choices of [changes.map((change) => [change]), pairs]) {
    const right = choices.map(apply).filter((candidate) => rightShare(candidate, layout) === 1)
    if (right.length === 1 && right[0]) return right[0]
    if (right.length > 1) return lines
  }
  return lines
}

/**
 * The same reading with the name as the second recogniser saw it; `undefined` where it saw the same or not all of it.
 * No check digit covers a name, so something else has to say which of the two is right.
 */
export function withSecondName(reading: MrzReading): MrzReading | undefined {
  const { layout } = reading.mrz
  const [row, from, to] = layout.spans.name
  const charsets = charsetsOf(layout)
  const positions = reading.positions.map((line, i) =>
    line.map((position, column) => {
      if (i !== row || column < from || column >= to) return position
      const second = position.second ?? (position.value === '<' ? '<' : '')
      const same = compareAt(position.value, second, charsets[i]?.[column] ?? 'any') === 'same'
      return same ? position : { ...position, value: second, repaired: true }
    }),
  )
  const lines = positions.map((line) => line.map(({ value }) => value).join(''))
  const whole = lines.every((line) => line.length === layout.length && /^[A-Z0-9<]+$/.test(line))
  if (!whole || lines.join('') === reading.mrz.lines.join('')) return undefined
  return { ...reading, mrz: parseMrz(lines, layout), positions }
}

/**
 * Whether another reading of what the first recogniser leaves open keeps every check digit: two letters O that were read
 * as zeros, at positions whose weights add up to ten. No check digit tells these apart, nor does the second recogniser
 * or the printed zone, where it takes one for the other as well.
 */
export function hasTwin({ mrz, positions }: MrzReading): boolean {
  const { lines, layout } = mrz
  if (rightShare(lines, layout) < 1) return false
  const charsets = charsetsOf(layout)
  const covered = layout.checks.flatMap(({ over }) => over)
  const open = positions.flatMap((line, row) =>
    line.flatMap(({ openAs = [] }, column) => {
      const isCovered = covered.some(([l, from, to]) => l === row && column >= from && column < to)
      return isCovered && charsets[row]?.[column] === 'any' && openAs.length > 0
        ? [{ row, column, openAs }]
        : []
    }),
  )
  if (open.length > MOST_OPEN) return true
  const readings = open.reduce<readonly (readonly string[])[]>(
    (all, { row, column, openAs }) =>
      all.flatMap((text) => [
        text,
        ...openAs.map((other) =>
          text.map((line, l) =>
            l === row ? line.slice(0, column) + other + line.slice(column + 1) : line,
          ),
        ),
      ]),
    [lines],
  )
  return readings.some((text) => text !== lines && rightShare(text, layout) === 1)
}

/**
 * Whether both recognisers agree on every position of the spans. In a field with a check digit one look-alike may
 * differ, or one character be missing: the digit tells. Without one, the first recogniser has to rule out what the
 * character may be taken for. The second reads an O among digits as a zero, always, so that it says nothing of an O; the
 * first takes an O for a zero, and never a zero for an O.
 */
export function agreesIn(
  reading: MrzReading,
  spans: readonly Span[],
  { checked }: { checked: boolean },
): boolean {
  const charsets = charsetsOf(reading.mrz.layout)
  let open = 0
  for (const [line, from, to] of spans) {
    const positions = reading.positions[line]?.slice(from, to) ?? []
    const last = positions.reduce((end, { value }, i) => (value === '<' ? end : i), -1)
    for (const [i, { value, second, repaired, open: open_ }] of positions.entries()) {
      const charset = charsets[line]?.[from + i] ?? 'any'
      if (value === '<' && i > last && (second === undefined || second === '<')) continue
      if (second === undefined && checked) {
        open += 1
        continue
      }
      const agreement = compareAt(value, second, charset)
      if (agreement === 'other') return false
      if (charset !== 'any') continue
      if (checked) {
        if (agreement === 'look-alike' || repaired) open += 1
        continue
      }
      if (value === 'O' && second === '0' && !repaired && open_ <= SURE_ENOUGH) continue
      if (agreement === 'look-alike' || repaired) return false
      if (open_ > (value === '0' ? SURE : SURE_ENOUGH)) return false
    }
  }
  return open <= (checked ? 1 : 0)
}
