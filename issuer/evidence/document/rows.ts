import type { Region } from '../evidence.ts'
import type { VisualLine } from './visual-zone.ts'

/** Words that stand beside each other, put together: a detector cuts a line at wide gaps. */
export function joinedRows(lines: readonly VisualLine[]): readonly VisualLine[] {
  const joined: VisualLine[] = []
  for (const first of lines) {
    let row = first
    for (let next = neighbour(row, lines); next; next = neighbour(row, lines)) {
      row = together(row, next)
      joined.push(row)
    }
  }
  return joined
}

function neighbour(row: VisualLine, lines: readonly VisualLine[]): VisualLine | undefined {
  const { box } = row
  return lines.find((line) => {
    const { left, down } = placeOf(box, line.box)
    const gap = left - box.width / 2
    return Math.abs(down) < 0.4 * box.height && gap > -0.3 * box.height && gap < 2 * box.height
  })
}

function together(p: VisualLine, q: VisualLine): VisualLine {
  const { left } = placeOf(p.box, q.box)
  const width = left + q.box.width + p.box.width / 2
  const shift = (width - p.box.width) / 2
  const [cos, sin] = [Math.cos(p.box.angle), Math.sin(p.box.angle)]
  return {
    text: `${p.text} ${q.text}`,
    confidence: Math.min(p.confidence, q.confidence),
    confirmed: p.confirmed !== false && q.confirmed !== false,
    ...(p.corners && q.corners ? { corners: joinedCorners(p.corners, q.corners) } : {}),
    box: { ...p.box, cx: p.box.cx + shift * cos, cy: p.box.cy + shift * sin, width },
  }
}

function joinedCorners(p: Region['corners'], q: Region['corners']): Region['corners'] {
  const [a, , , d] = p
  const [, b, c] = q
  return a && b && c && d ? [a, b, c, d] : p
}

/** Where a box begins and how far down it lies, seen from the centre of another and along its text. */
export function placeOf(
  from: VisualLine['box'],
  { cx, cy, width }: VisualLine['box'],
): { readonly left: number; readonly down: number } {
  const [cos, sin] = [Math.cos(from.angle), Math.sin(from.angle)]
  const [dx, dy] = [cx - from.cx, cy - from.cy]
  return { left: dx * cos + dy * sin - width / 2, down: dy * cos - dx * sin }
}
