import type { Region } from '../evidence.ts'
import type { Point } from '../image.ts'
import type { TextBox } from './text-lines.ts'

/**
 * The corners of a line in parts of the picture's width and height; `origin` leads from where the line was read to the
 * picture.
 */
export function cornersOf(
  { cx, cy, width, height, angle }: TextBox,
  picture: { readonly width: number; readonly height: number },
  origin: (point: Point) => Point = (point) => point,
): Region['corners'] {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const corner = (u: number, v: number): readonly [number, number] => {
    const [x, y] = origin([cx + u * cos - v * sin, cy + u * sin + v * cos])
    return [rounded(x / picture.width), rounded(y / picture.height)]
  }
  const [w, h] = [width / 2, height / 2]
  return [corner(-w, -h), corner(w, -h), corner(w, h), corner(-w, h)]
}

/** The part of a line from one character to another, all of one width. */
export function partOfLine(
  corners: Region['corners'],
  [from, to]: readonly [from: number, to: number],
): Region['corners'] {
  const [a = [0, 0], b = [0, 0], c = [0, 0], d = [0, 0]] = corners
  const between = (
    [px, py]: readonly [number, number],
    [qx, qy]: readonly [number, number],
    share: number,
  ): readonly [number, number] => [rounded(px + (qx - px) * share), rounded(py + (qy - py) * share)]
  return [between(a, b, from), between(a, b, to), between(d, c, to), between(d, c, from)]
}

/** A ten-thousandth of a side is less than a pixel. */
function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000
}
