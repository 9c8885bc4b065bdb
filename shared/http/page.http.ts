import { z } from 'zod'
import { decodeBase64url, encodeBase64url } from '../base64url.ts'
import { canonicalJson, type Json, JsonError, parseJsonBytes } from '../json.ts'
import { Problem } from '../problem.ts'
import { wholeNumber } from './endpoint.http.ts'

/** Rows that one answer has where the caller says nothing, and at most. */
const PAGE_ROWS = 100
const MAX_PAGE_ROWS = 500
const MAX_CURSOR_LENGTH = 512

/** What a list endpoint is asked for. */
export interface PageQuery {
  readonly limit: number
  readonly cursor?: string | undefined
}

/** The parameters of every list endpoint. */
export const pageParameters: {
  readonly limit: z.ZodType<number>
  readonly cursor: z.ZodType<string | undefined>
} = {
  limit: wholeNumber
    .pipe(z.int().min(1).max(MAX_PAGE_ROWS))
    .default(PAGE_ROWS)
    .meta({ type: 'integer', description: `Rows of one answer, 1 to ${MAX_PAGE_ROWS}.` }),
  cursor: z.string().max(MAX_CURSOR_LENGTH).optional().meta({
    description: 'What `next` of the answer before said, with the same other parameters.',
  }),
}

/** The query of a list endpoint that takes nothing else. */
export const pageQuery: z.ZodType<PageQuery> = z.strictObject(pageParameters)

/** `next` of every list endpoint. */
export const nextPage: z.ZodOptional<z.ZodString> = z.string().optional().meta({
  description: 'The cursor of the next page; absent at the end.',
})

/** Where a list goes on: which list it is, what it was narrowed down to, and the last row that was told. */
export interface Place<Position> {
  readonly list: string
  /** The parameters other than `limit` and `cursor`. */
  readonly filter?: Json
  readonly position: z.ZodType<Position>
}

/**
 * Answers a page and the cursor of the next one. A cursor names the last row of a page by the members that the list is
 * ordered by, so that a row which stays is told once however many come and go meanwhile. It grants nothing: whoever
 * changes one reads another part of what their key may read.
 * @throws Problem `cursor_invalid`
 */
export async function pageOf<Row, Position extends Json>(
  { limit, cursor }: PageQuery,
  place: Place<Position>,
  source: {
    /** Reads at most `limit` rows after a position, in the order of the list. */
    read(page: {
      readonly limit: number
      readonly after: Position | undefined
    }): Promise<readonly Row[]>
    positionOf(row: Row): Position
  },
): Promise<{ readonly rows: readonly Row[]; readonly next: { readonly next?: string } }> {
  const after = cursor === undefined ? undefined : positionOf(cursor, place)
  const found = await source.read({ limit: limit + 1, after })
  const rows = found.slice(0, limit)
  const last = rows.at(-1)
  if (found.length <= limit || last === undefined) return { rows, next: {} }
  return { rows, next: { next: cursorOf(source.positionOf(last), place) } }
}

function cursorOf(position: Json, { list, filter = {} }: Place<unknown>): string {
  return encodeBase64url(Buffer.from(canonicalJson([list, filter, position])))
}

function positionOf<Position extends Json>(cursor: string, place: Place<Position>): Position {
  const position = place.position.safeParse(lastOf(cursor))
  // Written again, it is the same text: so it is of this list, of these parameters, and of nothing else.
  if (!position.success || cursorOf(position.data, place) !== cursor) {
    throw new Problem('cursor_invalid', 'begin again without `cursor`')
  }
  return position.data
}

function lastOf(cursor: string): Json | undefined {
  try {
    const bytes = decodeBase64url(cursor)
    const parts = bytes && parseJsonBytes(bytes, { maxLength: MAX_CURSOR_LENGTH, maxDepth: 8 })
    return Array.isArray(parts) ? parts.at(-1) : undefined
  } catch (error) {
    if (error instanceof JsonError) return undefined
    throw error
  }
}
