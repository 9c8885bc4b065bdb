import type { Image, Pixels, Point } from '../image.ts'

/** Four corners, clockwise from the one that is upper left when the page is upright. */
export type Quad = readonly [Point, Point, Point, Point]

/** The eight numbers of a projective map: x' = (ax + by + c) / (gx + hy + 1), y' = (dx + ey + f) / (gx + hy + 1). */
export type Homography = readonly number[]

/** A picture that was laid flat, and the way back to where its pixels came from. */
export interface FlatImage {
  readonly image: Image
  /** A point of the flat picture in pixels of the picture that it was made from. */
  origin(point: Point): Point
}

const SMALLEST_LEVEL = 100
const MOST_PIXELS = 2000 * 1400

/** The projective map that brings four points onto four others. Throws where three of them lie on one line. */
export function homography(from: Quad, to: Quad): Homography {
  const rows = from.flatMap(([x, y], i) => {
    const [u, v] = to[i] ?? [0, 0]
    return [
      [x, y, 1, 0, 0, 0, -u * x, -u * y, u],
      [0, 0, 0, x, y, 1, -v * x, -v * y, v],
    ]
  })
  return solve(rows)
}

/** Where a projective map brings a point. */
export function project(h: Homography, [x, y]: Point): Point {
  const at = (i: number) => h[i] ?? 0
  const w = at(6) * x + at(7) * y + 1
  return [(at(0) * x + at(1) * y + at(2)) / w, (at(3) * x + at(4) * y + at(5)) / w]
}

/** Lays the part of a picture inside the corners flat, as large as it is in the picture; outside is white. */
export function flatten(image: Image, quad: Quad): FlatImage {
  const [p, q, r, s] = quad
  const wide = Math.max(distance(p, q), distance(s, r))
  const high = Math.max(distance(p, s), distance(q, r))
  const shrink = Math.min(1, Math.sqrt(MOST_PIXELS / (wide * high)))
  const [width, height] = [Math.round(wide * shrink), Math.round(high * shrink)]
  const back = homography(
    [
      [0, 0],
      [width, 0],
      [width, height],
      [0, height],
    ],
    quad,
  )
  const flat = { width, height, rgb: warp(image, back, width, height) }
  return { image: withLevels(flat), origin: (point) => project(back, point) }
}

function distance([ax, ay]: Point, [bx, by]: Point): number {
  return Math.hypot(ax - bx, ay - by)
}

function warp(
  { width: w, height: h, rgb }: Pixels,
  back: Homography,
  width: number,
  height: number,
) {
  const out = new Uint8Array(width * height * 3).fill(255)
  const [a, b, c, d, e, f, g, k] = back as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const row = w * 3
  let at = 0
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      const depth = g * (x + 0.5) + k * (y + 0.5) + 1
      const sx = (a * (x + 0.5) + b * (y + 0.5) + c) / depth - 0.5
      const sy = (d * (x + 0.5) + e * (y + 0.5) + f) / depth - 0.5
      const x0 = Math.floor(sx)
      const y0 = Math.floor(sy)
      if (!(x0 >= 0 && y0 >= 0 && x0 < w - 1 && y0 < h - 1)) continue
      const u = sx - x0
      const v = sy - y0
      const p = y0 * row + x0 * 3
      for (let channel = 0; channel < 3; channel++) {
        const i = p + channel
        const top = (rgb[i] as number) * (1 - u) + (rgb[i + 3] as number) * u
        const bottom = (rgb[i + row] as number) * (1 - u) + (rgb[i + row + 3] as number) * u
        out[at + channel] = top * (1 - v) + bottom * v + 0.5
      }
    }
  }
  return out
}

function withLevels(whole: Pixels): Image {
  const levels: Pixels[] = [whole]
  for (
    let last = whole;
    Math.max(last.width, last.height) >= 2 * SMALLEST_LEVEL;
    last = levels.at(-1) ?? last
  ) {
    levels.push(halved(last))
  }
  return { ...whole, levels }
}

/** Each pixel is the mean of two by two. */
function halved({ width, height, rgb }: Pixels): Pixels {
  const [w, h] = [Math.ceil(width / 2), Math.ceil(height / 2)]
  const out = new Uint8Array(w * h * 3)
  for (let y = 0; y < h; y++) {
    const y1 = Math.min(2 * y + 1, height - 1)
    for (let x = 0; x < w; x++) {
      const x1 = Math.min(2 * x + 1, width - 1)
      for (let k = 0; k < 3; k++) {
        const sum =
          (rgb[(2 * y * width + 2 * x) * 3 + k] as number) +
          (rgb[(2 * y * width + x1) * 3 + k] as number) +
          (rgb[(y1 * width + 2 * x) * 3 + k] as number) +
          (rgb[(y1 * width + x1) * 3 + k] as number)
        out[(y * w + x) * 3 + k] = (sum + 2) >> 2
      }
    }
  }
  return { width: w, height: h, rgb: out }
}

/** Gaussian elimination with pivots; each row ends with its right-hand side. */
function solve(rows: number[][]): readonly number[] {
  const size = rows.length
  for (let column = 0; column < size; column++) {
    let pivot = column
    for (let i = column + 1; i < size; i++) {
      if (Math.abs(rows[i]?.[column] ?? 0) > Math.abs(rows[pivot]?.[column] ?? 0)) pivot = i
    }
    const [chosen, other] = [rows[pivot] ?? [], rows[column] ?? []]
    rows[pivot] = other
    rows[column] = chosen
    const head = chosen[column] ?? 0
    if (Math.abs(head) < 1e-12) throw new Error('the points do not make a quadrilateral')
    for (const [i, row] of rows.entries()) {
      if (i === column) continue
      const factor = (row[column] ?? 0) / head
      for (let k = column; k <= size; k++) row[k] = (row[k] ?? 0) - factor * (chosen[k] ?? 0)
    }
  }
  return rows.map((row, i) => (row[size] ?? 0) / (row[i] ?? 1))
}
