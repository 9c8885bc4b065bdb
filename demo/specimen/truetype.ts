/** A point of a glyph in font units; `on` tells a point of the curve from a control point. */
interface OutlinePoint {
  readonly x: number
  readonly y: number
  readonly on: boolean
}

/** Where text goes: the start of its baseline, its size, and the distance between characters where it is fixed. */
export interface TextPlace {
  readonly x: number
  readonly y: number
  readonly size: number
  readonly pitch?: number
}

/** A font whose glyphs can be had as outlines, so that drawing text needs no installed font. */
export interface OutlineFont {
  /** The text as SVG path data. A character that the font lacks is its "not defined" glyph. */
  outline(text: string, place: TextPlace): string
  /** The width of the text in the unit of `size`. */
  width(text: string, size: number): number
}

const REPEAT = 8
const LONG_LOCATIONS = 1
const UNICODE_BMP = 3
const SEGMENT_FORMAT = 4

/** Reads a TrueType font with simple glyphs and a character map of format 4. Throws on any other. */
export function openFont(data: Buffer): OutlineFont {
  const tables = new Map<string, number>()
  for (let i = 0; i < data.readUInt16BE(4); i++) {
    tables.set(data.toString('latin1', 12 + 16 * i, 16 + 16 * i), data.readUInt32BE(20 + 16 * i))
  }
  const table = (name: string): number => {
    const offset = tables.get(name)
    if (offset === undefined) throw new Error(`the font has no ${name} table`)
    return offset
  }
  const unitsPerEm = data.readUInt16BE(table('head') + 18)
  const longLocations = data.readInt16BE(table('head') + 50) === LONG_LOCATIONS
  const metrics = data.readUInt16BE(table('hhea') + 34)
  const cmap = unicodeMap(data, table('cmap'))

  const advance = (glyph: number) =>
    data.readUInt16BE(table('hmtx') + 4 * Math.min(glyph, metrics - 1))
  const location = (glyph: number) =>
    longLocations
      ? data.readUInt32BE(table('loca') + 4 * glyph)
      : 2 * data.readUInt16BE(table('loca') + 2 * glyph)
  const contours = (glyph: number) =>
    location(glyph) === location(glyph + 1)
      ? []
      : readContours(data, table('glyf') + location(glyph))

  return {
    outline: (text, { x, y, size, pitch }) => {
      const scale = size / unitsPerEm
      let pen = x
      let path = ''
      for (const character of text) {
        const glyph = glyphIndex(data, cmap, character.codePointAt(0) ?? 0)
        const place = ({ x: px, y: py }: { x: number; y: number }) =>
          `${(pen + px * scale).toFixed(2)} ${(y - py * scale).toFixed(2)}`
        for (const contour of contours(glyph)) path += contourPath(contour, place)
        pen += pitch ?? advance(glyph) * scale
      }
      return path
    },
    width: (text, size) => {
      const units = [...text].reduce(
        (sum, c) => sum + advance(glyphIndex(data, cmap, c.codePointAt(0) ?? 0)),
        0,
      )
      return (units * size) / unitsPerEm
    },
  }
}

function unicodeMap(data: Buffer, cmap: number): number {
  for (let i = 0; i < data.readUInt16BE(cmap + 2); i++) {
    const at = cmap + data.readUInt32BE(cmap + 8 + 8 * i)
    const platform = data.readUInt16BE(cmap + 4 + 8 * i)
    if (platform === UNICODE_BMP && data.readUInt16BE(at) === SEGMENT_FORMAT) return at
  }
  throw new Error('the font has no Unicode character map of format 4')
}

function glyphIndex(data: Buffer, cmap: number, code: number): number {
  const segments = data.readUInt16BE(cmap + 6) / 2
  const column = (which: number, i: number) =>
    cmap + 14 + 2 * (which * segments + i) + (which > 0 ? 2 : 0)
  for (let i = 0; i < segments; i++) {
    if (code > data.readUInt16BE(column(0, i))) continue
    const start = data.readUInt16BE(column(1, i))
    if (code < start) return 0
    const delta = data.readUInt16BE(column(2, i))
    const range = data.readUInt16BE(column(3, i))
    if (range === 0) return (code + delta) & 0xffff
    const glyph = data.readUInt16BE(column(3, i) + range + 2 * (code - start))
    return glyph === 0 ? 0 : (glyph + delta) & 0xffff
  }
  return 0
}

/** The closed contours of a simple glyph. */
function readContours(data: Buffer, start: number): readonly (readonly OutlinePoint[])[] {
  let at = start
  const count = data.readInt16BE(at)
  if (count < 0) throw new Error('composite glyphs are not supported')
  at += 10
  const ends = Array.from({ length: count }, (_, i) => data.readUInt16BE(at + 2 * i))
  at += 2 * count
  at += 2 + data.readUInt16BE(at)
  const total = (ends.at(-1) ?? -1) + 1
  const flags: number[] = []
  while (flags.length < total) {
    const flag = data.readUInt8(at++)
    for (let left = flag & REPEAT ? data.readUInt8(at++) : 0; left >= 0; left--) flags.push(flag)
  }
  const axis = (short: number, same: number) => {
    let value = 0
    return flags.map((flag) => {
      if (flag & short) {
        value += flag & same ? data.readUInt8(at) : -data.readUInt8(at)
        at += 1
      } else if (!(flag & same)) {
        value += data.readInt16BE(at)
        at += 2
      }
      return value
    })
  }
  const xs = axis(2, 16)
  const ys = axis(4, 32)
  const points = flags.map((flag, i) => ({ x: xs[i] ?? 0, y: ys[i] ?? 0, on: (flag & 1) === 1 }))
  return ends.map((end, i) => points.slice(i > 0 ? (ends[i - 1] ?? 0) + 1 : 0, end + 1))
}

function middle(p: OutlinePoint, q: OutlinePoint): OutlinePoint {
  return { x: (p.x + q.x) / 2, y: (p.y + q.y) / 2, on: true }
}

/** Quadratic splines: between two control points lies an implied point. */
function contourPath(
  contour: readonly OutlinePoint[],
  place: (point: { x: number; y: number }) => string,
): string {
  const [head, tail] = [contour[0], contour.at(-1)]
  if (!head || !tail) return ''
  const first = contour.findIndex(({ on }) => on)
  const start = contour[first] ?? middle(head, tail)
  const points = [...contour.slice(first + 1), ...contour.slice(0, first + 1)]
  if (first < 0) points.push(start)
  let path = `M${place(start)}`
  let control: OutlinePoint | undefined
  for (const point of points) {
    if (point.on) {
      path += control ? `Q${place(control)} ${place(point)}` : `L${place(point)}`
      control = undefined
    } else {
      if (control) path += `Q${place(control)} ${place(middle(control, point))}`
      control = point
    }
  }
  if (control) path += `Q${place(control)} ${place(start)}`
  return `${path}Z`
}
