import type { DocumentSideName, Sign, SignName, Warning } from '../../evidence.ts'
import type { Image } from '../../image.ts'
import type { InterpretedDocument } from '../interpreted.ts'
import type { TextBox } from '../text-lines.ts'
import { type LinePrint, linePrintOf } from './line-print.ts'
import { periodicityOf } from './spectrum.ts'

/** What the signs of one side are looked for in. */
export interface SignSource {
  /** As it was uploaded: laying a page flat blurs what a screen or a printer leaves. */
  readonly image: Image
  readonly side: DocumentSideName
  /** The picture that the lines were read in, and the lines. */
  readonly read: {
    readonly image: Image
    readonly lines: readonly TextBox[]
    /** Lines that a document of this type prints in one size. */
    readonly alike: readonly TextBox[]
  }
  /** The lines of a machine-readable zone, from the first, and how many characters each has. */
  readonly zone?: { readonly lines: readonly TextBox[]; readonly characters: number } | undefined
  readonly portrait?: Portrait | undefined
}

/** The portrait on a document. */
export interface Portrait {
  /** How alike it and the smaller second portrait are, where there is one: z as the face match has it. */
  readonly likeness?: number | undefined
}

/**
 * From here on a person looks. Chosen on the tuning parts of drawings, attacks and photographs so that few genuine
 * pictures raise one (`docs/accuracy.md`), not on real forgeries.
 */
export const SIGN_LIMITS: Readonly<Record<SignName, number>> = {
  screen_recapture: 1,
  printed_copy: 1.5,
  portrait_replaced: 1,
  text_edited: 1.4,
  layout_inconsistent: 0.2,
}

/** Below this likeness a portrait and its second picture are of two people, above that of one. */
const LIKENESS = { other: -1, same: 4 }
const GREY = 9
const MOST = 5
/** ICAO 9303-3 §4.4: lines 6.35 mm apart, characters 2.54 mm. */
const LINE_PITCH_IN_CHARACTERS = 2.5
const MOST_LINES = 40
const LEAST_LINES = 4

/** Looks for every sign that the picture can show; one that it cannot is left out. */
export function signsOf(source: SignSource): readonly Sign[] {
  const periodicity = periodicityOf(source.image)
  const prints = source.read.lines.slice(0, MOST_LINES).flatMap((box) => {
    const print = linePrintOf(source.read.image, box)
    return print ? [{ ...print, box }] : []
  })
  const values: Readonly<Record<SignName, number | undefined>> = {
    screen_recapture: periodicity?.colour,
    printed_copy: periodicity && Math.max(periodicity.brightness, greyness(source)),
    portrait_replaced: source.portrait && replaced(source.portrait),
    text_edited: isFlat(source.image) ? undefined : edited(prints),
    layout_inconsistent: inconsistent(source),
  }
  return (Object.keys(values) as SignName[]).flatMap((name): readonly Sign[] => {
    const value = values[name]
    if (value === undefined) return []
    const rounded = Math.round(value * 1000) / 1000
    const { side } = source
    return [{ name, side, value: rounded, limit: SIGN_LIMITS[name], assurance: 'not_assured' }]
  })
}

/** The document with what was found on its sides, and the warnings of it. Pure. */
export function withSigns(
  { document, warnings }: InterpretedDocument,
  signs: readonly Sign[],
): InterpretedDocument {
  return { document: { ...document, signs }, warnings: [...warnings, ...signWarnings(signs)] }
}

/** A warning for each kind of sign that reaches its limit, with the sides in `detail`. */
export function signWarnings(signs: readonly Sign[]): readonly Warning[] {
  const strong = signs.filter(({ value, limit }) => value >= limit)
  return [...new Set(strong.map(({ name }) => name))].map((name) => ({
    code: `${name}_suspected` as const,
    feature: 'document',
    detail: strong.filter((sign) => sign.name === name).map(({ side }) => side),
  }))
}

/** Reaches the limit of `printed_copy` where hardly anything has a colour beside a portrait; a back may have none. */
function greyness({ image: { levels }, portrait }: SignSource): number {
  if (!portrait) return 0
  const small = levels[Math.min(2, levels.length - 1)]
  if (!small) return 0
  const { rgb } = small
  const counts = new Uint32Array(256)
  for (let i = 0; i < rgb.length; i += 3) {
    const r = rgb[i] as number
    const g = rgb[i + 1] as number
    const b = rgb[i + 2] as number
    const chroma = Math.max(r, g, b) - Math.min(r, g, b)
    counts[chroma] = (counts[chroma] as number) + 1
  }
  const pixels = rgb.length / 3
  let high = 0
  for (let below = counts[0] as number; below <= Math.floor(0.95 * pixels); ) {
    high += 1
    below += counts[high] as number
  }
  return Math.min(MOST, (SIGN_LIMITS.printed_copy * GREY) / (high + 1))
}

type Print = LinePrint & { readonly box: TextBox }

/** 1 where the second portrait shows somebody else. Where there is none, nothing is said of the first. */
function replaced({ likeness }: Portrait): number | undefined {
  if (likeness === undefined) return undefined
  return Math.max(0, (LIKENESS.same - likeness) / (LIKENESS.same - LIKENESS.other))
}

/** How many octaves smoother the paper of one line is than that of half of the lines: what was covered is even. */
function edited(prints: readonly Print[]): number | undefined {
  if (prints.length < LEAST_LINES) return undefined
  const usual = medianOf(prints.map(({ paper }) => paper)) ?? 0
  return Math.max(...prints.map(({ paper }) => Math.log2((usual + QUIET) / (paper + QUIET))))
}

/**
 * Whether much of a picture has no noise at all, as no camera leaves it: in a drawing, or after strong compression, paper
 * without a pattern is as even as what was covered.
 */
function isFlat({ width, height, rgb }: Image): boolean {
  let [equal, of] = [0, 0]
  for (let y = 0; y < height; y += 4) {
    for (let x = 2; x < width; x++) {
      const i = (y * width + x) * 3 + 1
      if (rgb[i] === rgb[i - 3] && rgb[i] === rgb[i - 6]) equal += 1
      of += 1
    }
  }
  return equal > FLAT * of
}

/** A share of pixels that are as both before them. */
const FLAT = 0.65

/** Grey levels of variation that say nothing. */
const QUIET = 0.35

/**
 * In octaves, the larger of: by how much the letters of one line differ in size from those of the lines that the type
 * prints alike, and by how much the lines of a zone are closer or further apart than they ask for. ICAO 9303-3 §4.4.
 */
function inconsistent({ read, zone }: SignSource): number | undefined {
  const sizes = read.alike.flatMap((box) => {
    const print = linePrintOf(read.image, box)
    return print ? [Math.log2(print.glyphHeight)] : []
  })
  const usual = medianOf(sizes)
  const pitch = zone && pitchError(zone)
  if (usual === undefined || sizes.length < 2) return pitch
  return Math.max(pitch ?? 0, ...sizes.map((size) => Math.abs(size - usual)))
}

function pitchError({ lines, characters }: NonNullable<SignSource['zone']>): number | undefined {
  const errors = lines.slice(1).flatMap((line, i) => {
    const before = lines[i]
    if (!before) return []
    const down = Math.abs(
      (line.cy - before.cy) * Math.cos(before.angle) -
        (line.cx - before.cx) * Math.sin(before.angle),
    )
    const character = Math.max(before.width, line.width) / (characters + 0.7)
    return [Math.abs(Math.log2(down / (LINE_PITCH_IN_CHARACTERS * character)))]
  })
  return errors.length > 0 ? Math.max(...errors) : undefined
}

function medianOf(values: readonly number[]): number | undefined {
  return [...values].sort((p, q) => p - q)[values.length >> 1]
}
