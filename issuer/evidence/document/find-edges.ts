import { type Image, type Point, rectangleMap, sample } from '../image.ts'
import type { Model } from '../model.ts'
import type { Quad } from './rectify.ts'

/** A straight line in a picture, in its pixels. */
export interface Segment {
  readonly from: Point
  readonly to: Point
}

const SIDE = 512
const CELL = 2
const SCORE = 0.1
const SHORTEST = 0.06
const MOST_SEGMENTS = 120
/** Side lines that are tried for each direction. */
const MOST_SIDES = 14
const LEAST_AREA = 0.15
const LEAST_SUPPORT = 0.45
const LEAST_SIDE_SUPPORT = 0.22
/** Pages and cards: 125 × 88 mm and 85.6 × 54 mm, foreshortened or not. */
const ASPECTS = { least: 1.1, most: 2.1 }
const COLLINEAR = 0.012

/** Finds straight lines with the M-LSD network: a score for each centre and the way from it to both ends. */
export async function findSegments(model: Model, image: Image): Promise<readonly Segment[]> {
  const { width, height } = image
  const whole = { cx: width / 2, cy: height / 2, width, height }
  const pixels = sample(image, rectangleMap(whole, SIDE, SIDE), SIDE, SIDE)
  const data = new Float32Array(SIDE * SIDE * 4).fill(1)
  for (let i = 0; i < SIDE * SIDE; i++) {
    for (let k = 0; k < 3; k++) data[4 * i + k] = pixels[3 * i + k] as number
  }
  const outputs = await model.run({ dims: [1, SIDE, SIDE, 4], data })
  const offsets = outputs.find(({ dims }) => dims[3] === 4)
  const scores = outputs.find(({ dims }) => dims[3] === 1)
  if (!offsets || !scores) throw new Error(`model ${model.id} has other outputs than expected`)
  const across = SIDE / CELL
  const [sx, sy] = [width / across, height / across]
  const found: { segment: Segment; score: number }[] = []
  for (let i = 0; i < scores.data.length; i++) {
    const score = scores.data[i] as number
    if (score < SCORE) continue
    const [x, y] = [i % across, Math.floor(i / across)]
    const end = (k: number): Point => [
      (x + (offsets.data[4 * i + k] as number)) * sx,
      (y + (offsets.data[4 * i + k + 1] as number)) * sy,
    ]
    const segment = { from: end(0), to: end(2) }
    if (lengthOf(segment) >= SHORTEST * Math.max(width, height)) found.push({ segment, score })
  }
  return found
    .sort((p, q) => q.score - p.score)
    .slice(0, MOST_SEGMENTS)
    .map(({ segment }) => segment)
}

/**
 * The four edges of a document among straight lines: the quadrilateral of a page's shape whose sides are best covered by
 * lines, the larger one where two are alike. `undefined` where none is covered enough, as on a scan without margin.
 */
export function findQuad(
  segments: readonly Segment[],
  { width, height }: { readonly width: number; readonly height: number },
): Quad | undefined {
  const main = dominantDirection(segments)
  const along = segments.filter((segment) => turnBetween(directionOf(segment), main) < 0.5)
  const across = segments.filter(
    (segment) => turnBetween(directionOf(segment), main + Math.PI / 2) < 0.5,
  )
  const diagonal = Math.hypot(width, height)
  const [tops, lefts] = [sidesOf(along, diagonal), sidesOf(across, diagonal)]
  let best: { quad: Quad; rank: number } | undefined
  for (const [p, q] of pairs(tops)) {
    for (const [r, s] of pairs(lefts)) {
      const quad = quadOf([p, r, q, s], { width, height })
      if (!quad) continue
      const area = areaOf(quad) / (width * height)
      if (area < LEAST_AREA) continue
      const supports = sidesOfQuad(quad).map((side) => supportOf(side, segments, diagonal))
      const support = supports.reduce((sum, each) => sum + each, 0) / 4
      if (support < LEAST_SUPPORT || Math.min(...supports) < LEAST_SIDE_SUPPORT) continue
      const rank = support + 0.35 * area
      if (!best || rank > best.rank) best = { quad, rank }
    }
  }
  return best?.quad
}

function lengthOf({ from, to }: Segment): number {
  return Math.hypot(to[0] - from[0], to[1] - from[1])
}

function directionOf({ from, to }: Segment): number {
  return Math.atan2(to[1] - from[1], to[0] - from[0])
}

/** The angle between two lines, 0 to a right angle. */
function turnBetween(a: number, b: number): number {
  const turn = Math.abs((((a - b) % Math.PI) + Math.PI) % Math.PI)
  return Math.min(turn, Math.PI - turn)
}

/** The direction that most length lies along or across, within 45° of the picture's rows. */
function dominantDirection(segments: readonly Segment[]): number {
  let [x, y] = [0, 0]
  for (const segment of segments) {
    const four = 4 * directionOf(segment)
    x += lengthOf(segment) * Math.cos(four)
    y += lengthOf(segment) * Math.sin(four)
  }
  return Math.atan2(y, x) / 4
}

/** Segments on one line are one side: the longest of each line. */
function sidesOf(segments: readonly Segment[], diagonal: number): readonly Segment[] {
  const kept: Segment[] = []
  for (const segment of [...segments].sort((p, q) => lengthOf(q) - lengthOf(p))) {
    if (kept.length >= MOST_SIDES) break
    if (!kept.some((other) => isOnLine(other, segment, diagonal))) kept.push(segment)
  }
  return kept
}

function isOnLine(line: Segment, segment: Segment, diagonal: number): boolean {
  const far = Math.max(distanceTo(line, segment.from), distanceTo(line, segment.to))
  return far < COLLINEAR * diagonal
}

function distanceTo({ from, to }: Segment, [x, y]: Point): number {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]]
  return Math.abs((x - from[0]) * dy - (y - from[1]) * dx) / Math.hypot(dx, dy)
}

function* pairs<T>(items: readonly T[]): Generator<readonly [T, T]> {
  for (const [i, first] of items.entries()) {
    for (const second of items.slice(i + 1)) yield [first, second]
  }
}

function quadOf(
  [p, r, q, s]: readonly [Segment, Segment, Segment, Segment],
  { width, height }: { readonly width: number; readonly height: number },
): Quad | undefined {
  const corners = [crossing(p, r), crossing(p, s), crossing(q, s), crossing(q, r)]
  const [margin, points] = [0.04, corners.filter((corner) => corner !== undefined)]
  const inside = points.filter(
    ([x, y]) =>
      x > -margin * width &&
      y > -margin * height &&
      x < (1 + margin) * width &&
      y < (1 + margin) * height,
  )
  if (inside.length !== 4) return undefined
  const quad = clockwise(inside)
  return isPageShaped(quad) ? quad : undefined
}

function crossing(a: Segment, b: Segment): Point | undefined {
  const [ax, ay] = [a.to[0] - a.from[0], a.to[1] - a.from[1]]
  const [bx, by] = [b.to[0] - b.from[0], b.to[1] - b.from[1]]
  const cross = ax * by - ay * bx
  if (Math.abs(cross) < 1e-6) return undefined
  const t = ((b.from[0] - a.from[0]) * by - (b.from[1] - a.from[1]) * bx) / cross
  return [a.from[0] + t * ax, a.from[1] + t * ay]
}

/** Clockwise from the upper left, the longer sides along the text where the page lies within 45° of upright. */
function clockwise(points: readonly Point[]): Quad {
  const [cx, cy] = [
    points.reduce((sum, [x]) => sum + x, 0) / 4,
    points.reduce((sum, [, y]) => sum + y, 0) / 4,
  ]
  const around = [...points].sort(
    ([ax, ay], [bx, by]) => Math.atan2(ay - cy, ax - cx) - Math.atan2(by - cy, bx - cx),
  )
  const first = around.reduce(
    (best, [x, y], i) => (x + y < (around[best]?.[0] ?? 0) + (around[best]?.[1] ?? 0) ? i : best),
    0,
  )
  const at = (i: number): Point => around[(first + i) % 4] ?? [0, 0]
  const quad: Quad = [at(0), at(1), at(2), at(3)]
  const [top, side] = [lengthOf({ from: at(0), to: at(1) }), lengthOf({ from: at(1), to: at(2) })]
  return top >= side ? quad : [at(3), at(0), at(1), at(2)]
}

function isPageShaped(quad: Quad): boolean {
  const [top, right, bottom, left] = sidesOfQuad(quad).map(lengthOf) as [
    number,
    number,
    number,
    number,
  ]
  const aspect = (top + bottom) / (left + right)
  const alike = (a: number, b: number) => Math.min(a, b) / Math.max(a, b) > 0.5
  const [p, q, r, s] = quad
  const turns = [
    [p, q, r],
    [q, r, s],
    [r, s, p],
    [s, p, q],
  ] as const
  const convex = turns.every(
    ([a, b, c]) => (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0]) > 0,
  )
  return (
    convex &&
    aspect > ASPECTS.least &&
    aspect < ASPECTS.most &&
    alike(top, bottom) &&
    alike(left, right)
  )
}

function sidesOfQuad([p, q, r, s]: Quad): readonly Segment[] {
  return [
    { from: p, to: q },
    { from: q, to: r },
    { from: r, to: s },
    { from: s, to: p },
  ]
}

function areaOf([p, q, r, s]: Quad): number {
  const cross = ([ax, ay]: Point, [bx, by]: Point) => ax * by - ay * bx
  return Math.abs(cross(p, q) + cross(q, r) + cross(r, s) + cross(s, p)) / 2
}

/** The share of a side that lines cover. */
function supportOf(side: Segment, segments: readonly Segment[], diagonal: number): number {
  const length = lengthOf(side)
  const [ux, uy] = [(side.to[0] - side.from[0]) / length, (side.to[1] - side.from[1]) / length]
  const place = ([x, y]: Point) => (x - side.from[0]) * ux + (y - side.from[1]) * uy
  const spans = segments
    .filter((segment) => isOnLine(side, segment, diagonal))
    .map(({ from, to }) => [place(from), place(to)].sort((a, b) => a - b))
    .sort(([a = 0], [b = 0]) => a - b)
  let [covered, end] = [0, 0]
  for (const [from = 0, to = 0] of spans) {
    const [start, stop] = [Math.max(from, end), Math.min(to, length)]
    if (stop > start) covered += stop - start
    end = Math.max(end, stop)
  }
  return covered / length
}
