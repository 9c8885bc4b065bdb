import { startOfDate } from '../../../shared/clock.ts'
import { LICENCE_CODES } from './document-rules.ts'
import type { VisualLine } from './visual-zone.ts'

/** A row of the table on the back of a licence that has dates. Dates are YYYY-MM-DD. */
export interface LicenceRow {
  readonly code: string
  readonly issued?: string
  readonly expires?: string
  readonly codes?: string
  readonly confidence: number
  /** Whether both looks read every cell alike. */
  readonly confirmed: boolean
  readonly line: VisualLine
}

/** What the table says, and whether its rows could be told apart. */
export interface LicenceTable {
  readonly rows: readonly LicenceRow[]
  /** Dates that stand in no row. */
  readonly stray: number
}

interface Token {
  readonly text: string
  readonly x: number
  readonly y: number
  readonly line: VisualLine
}

const LEAST_LABELS = 5
const OFF_ROW = 0.42
const DATE = /^(\d{2})[.,](\d{2})[.,](\d{2}|\d{4})$/
const UNION_CODES = /^\d{2,3}([.,]\d{2})?([.,;/ ]*\d{2,3}([.,]\d{2})?)*$/

/**
 * Reads the table of categories. Its rows come in one order, so a row whose small letters were lost is found by where
 * it lies between the others. `undefined` for what is no such table. Directive 2006/126/EC Annex I.
 */
export function readLicenceTable(
  lines: readonly VisualLine[],
  { today }: { readonly today: string },
): LicenceTable | undefined {
  const tokens = lines.flatMap(tokensOf)
  const labels = tokens.flatMap((token) => {
    const index = LICENCE_CODES.indexOf(codeOf(token.text))
    return index < 0 ? [] : [{ ...token, index }]
  })
  const column = inOneColumn(labels)
  const rowOf = fitRows(column)
  if (!rowOf) return undefined
  const right = Math.max(...column.map(({ x }) => x))
  const cells = tokens.filter(({ x }) => x > right)
  const dates = cells.filter(({ text }) => DATE.test(text))
  const split = splitOf(dates.map(({ x }) => x))
  const lastDate = Math.max(...dates.map(({ x }) => x))
  let stray = 0
  const rows = new Map<number, { issued?: Token; expires?: Token; codes?: Token }>()
  for (const token of cells) {
    const row = rowOf(token)
    const isDate = DATE.test(token.text)
    if (row === undefined) {
      if (isDate) stray += 1
      continue
    }
    const cell = rows.get(row) ?? {}
    if (isDate) {
      if (token.x < split) cell.issued ??= token
      else cell.expires ??= token
    } else if (token.x > lastDate && UNION_CODES.test(token.text)) cell.codes ??= token
    rows.set(row, cell)
  }
  const held = [...rows].sort(([p], [q]) => p - q)
  return {
    rows: held.flatMap(([index, { issued, expires, codes }]): LicenceRow[] => {
      const lead = issued ?? expires
      if (!lead) return []
      const parts = [issued, expires, codes].filter((part) => part !== undefined)
      const dated = {
        issued: issued && tableDate(issued.text, { today, future: false }),
        expires: expires && tableDate(expires.text, { today, future: true }),
      }
      return [
        {
          code: LICENCE_CODES[index] ?? '',
          ...(dated.issued ? { issued: dated.issued } : {}),
          ...(dated.expires ? { expires: dated.expires } : {}),
          ...(codes ? { codes: codes.text.replaceAll(',', '.') } : {}),
          confidence: Math.min(...parts.map(({ line }) => line.confidence)),
          confirmed: parts.every(({ line }) => line.confirmed !== false),
          line: lead.line,
        },
      ]
    }),
    stray,
  }
}

/** The words of a line, each with where it begins. */
function tokensOf(line: VisualLine): readonly Token[] {
  const { box, text } = line
  return [...text.matchAll(/\S+/g)].map((match) => ({
    text: match[0].toUpperCase(),
    x: box.cx - box.width / 2 + (box.width * (match.index + match[0].length / 2)) / text.length,
    y: box.cy,
    line,
  }))
}

/** The category that a word is; a figure and a letter that print alike are told apart by what there is. */
function codeOf(text: string): (typeof LICENCE_CODES)[number] {
  const plain = text
    .replace(/[.,:|]/g, '')
    .replace(/^8/, 'B')
    .replace(/^0/, 'D')
    .replace(/^([ABCD])[IL]/, '$11')
  return plain as (typeof LICENCE_CODES)[number]
}

/** The labels that stand in one column: most of them begin where the median does. */
function inOneColumn<T extends Token>(labels: readonly T[]): readonly T[] {
  const sorted = labels.map(({ x }) => x).sort((p, q) => p - q)
  const middle = sorted[sorted.length >> 1] ?? 0
  const height = Math.max(1, ...labels.map(({ line }) => line.box.height))
  return labels.filter(({ x }) => Math.abs(x - middle) < 2.5 * height)
}

/** Rows are evenly spaced: the line through most of the labels says which row a height is. */
function fitRows(
  labels: readonly { readonly index: number; readonly y: number }[],
): ((token: Token) => number | undefined) | undefined {
  let best: { start: number; pitch: number; votes: number } | undefined
  for (const p of labels) {
    for (const q of labels) {
      if (q.index <= p.index) continue
      const pitch = (q.y - p.y) / (q.index - p.index)
      if (pitch <= 2) continue
      const start = p.y - pitch * p.index
      const fits = labels.filter(
        ({ index, y }) => Math.abs(start + pitch * index - y) < 0.3 * pitch,
      )
      const votes = new Set(fits.map(({ index }) => index)).size
      if (!best || votes > best.votes) best = { start, pitch, votes }
    }
  }
  if (!best || best.votes < LEAST_LABELS) return undefined
  const { start, pitch } = best
  return ({ y }) => {
    const row = Math.round((y - start) / pitch)
    const off = Math.abs((y - start) / pitch - row)
    return row >= 0 && row < LICENCE_CODES.length && off < OFF_ROW ? row : undefined
  }
}

/** Between the two columns of dates: the middle of the widest gap. */
function splitOf(xs: readonly number[]): number {
  const sorted = [...xs].sort((p, q) => p - q)
  let [gap, split] = [0, Infinity]
  for (const [i, x] of sorted.entries()) {
    const next = sorted[i + 1]
    if (next !== undefined && next - x > gap) [gap, split] = [next - x, (next + x) / 2]
  }
  return split
}

/** A date whose century is not printed: of issue the latest before today, of expiry the nearest. */
function tableDate(
  text: string,
  { today, future }: { readonly today: string; readonly future: boolean },
): string | undefined {
  const [, day = '', month = '', year = ''] = DATE.exec(text) ?? []
  const century = Number(today.slice(0, 2))
  const dated = (hundreds: number) =>
    year.length === 4 ? `${year}-${month}-${day}` : `${hundreds}${year}-${month}-${day}`
  const now = dated(century)
  if (future) return calendar(now)
  return calendar(now > today ? dated(century - 1) : now)
}

function calendar(date: string): string | undefined {
  return startOfDate(date) === undefined ? undefined : date
}
