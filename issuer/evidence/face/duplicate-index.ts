import type { NumericDate } from '../../../shared/clock.ts'
import type { Warning } from '../evidence.ts'

/** One who looks like the one who was searched for. */
export interface DuplicateHit {
  readonly id: string
  /** Cosine of the two templates, -1 to 1. */
  readonly similarity: number
}

/**
 * Searches one face among all that an issuer holds for this purpose, exactly: every template is compared. It is off
 * unless an issuer opens one, has a purpose and a retention of its own, and lies in memory: a verifier has no route to it.
 */
export interface DuplicateIndex {
  readonly size: number
  /** Holds a template until `expires`. Throws when the index is full or the id is taken. */
  add(id: string, template: Float32Array, expires: NumericDate): void
  remove(id: string): boolean
  /** Forgets what has expired and answers how many that were. */
  purge(now: NumericDate): number
  /** All that are at least as similar as `threshold`, most similar first, at most `limit`. */
  search(
    template: Float32Array,
    options: { threshold: number; limit: number; now: NumericDate },
  ): readonly DuplicateHit[]
}

const UNROLL = 8

/** Opens an empty index for templates of `dimensions` numbers of unit length; memory is taken at once. */
export function openDuplicateIndex({
  dimensions,
  capacity,
}: {
  dimensions: number
  capacity: number
}): DuplicateIndex {
  if (dimensions % UNROLL !== 0) throw new Error(`dimensions must be a multiple of ${UNROLL}`)
  const templates = new Float32Array(dimensions * capacity)
  const expiries = new Float64Array(capacity)
  const ids: string[] = []
  const rows = new Map<string, number>()

  /** The last template takes the place of the one that goes. */
  function removeRow(row: number): void {
    const last = ids.length - 1
    const [gone = '', moved = ''] = [ids[row], ids[last]]
    templates.copyWithin(row * dimensions, last * dimensions, (last + 1) * dimensions)
    expiries[row] = expiries[last] ?? 0
    ids[row] = moved
    rows.set(moved, row)
    rows.delete(gone)
    ids.pop()
    templates.fill(0, last * dimensions, (last + 1) * dimensions)
  }

  return {
    get size() {
      return ids.length
    },
    add: (id, template, expires) => {
      if (template.length !== dimensions) throw new Error('the template has other dimensions')
      if (rows.has(id)) throw new Error('the id is taken')
      if (ids.length >= capacity) throw new Error('the index is full')
      templates.set(template, ids.length * dimensions)
      expiries[ids.length] = expires
      rows.set(id, ids.length)
      ids.push(id)
    },
    remove: (id) => {
      const row = rows.get(id)
      if (row === undefined) return false
      removeRow(row)
      return true
    },
    purge: (now) => {
      const before = ids.length
      for (let row = ids.length - 1; row >= 0; row--) {
        if ((expiries[row] ?? 0) <= now) removeRow(row)
      }
      return before - ids.length
    },
    search: (template, { threshold, limit, now }) => {
      if (template.length !== dimensions) throw new Error('the template has other dimensions')
      const hits: DuplicateHit[] = []
      for (const row of rowsAbove(templates, template, { count: ids.length, threshold })) {
        if ((expiries[row.index] ?? 0) > now) {
          hits.push({ id: ids[row.index] ?? '', similarity: row.similarity })
        }
      }
      return hits.sort((p, q) => q.similarity - p.similarity).slice(0, limit)
    },
  }
}

/** Eight independent sums keep the loop waiting for memory, not for additions. */
function rowsAbove(
  templates: Float32Array,
  wanted: Float32Array,
  { count, threshold }: { count: number; threshold: number },
): readonly { index: number; similarity: number }[] {
  const found: { index: number; similarity: number }[] = []
  const dimensions = wanted.length
  for (let index = 0, start = 0; index < count; index++, start += dimensions) {
    let [s0, s1, s2, s3, s4, s5, s6, s7] = [0, 0, 0, 0, 0, 0, 0, 0]
    for (let k = 0; k < dimensions; k += UNROLL) {
      const at = start + k
      s0 += (templates[at] as number) * (wanted[k] as number)
      s1 += (templates[at + 1] as number) * (wanted[k + 1] as number)
      s2 += (templates[at + 2] as number) * (wanted[k + 2] as number)
      s3 += (templates[at + 3] as number) * (wanted[k + 3] as number)
      s4 += (templates[at + 4] as number) * (wanted[k + 4] as number)
      s5 += (templates[at + 5] as number) * (wanted[k + 5] as number)
      s6 += (templates[at + 6] as number) * (wanted[k + 6] as number)
      s7 += (templates[at + 7] as number) * (wanted[k + 7] as number)
    }
    const similarity = s0 + s1 + (s2 + s3) + (s4 + s5 + (s6 + s7))
    if (similarity >= threshold) found.push({ index, similarity })
  }
  return found
}

/** The warning that hits give; a likeness has a person look and decides nothing. */
export function duplicateWarnings(hits: readonly DuplicateHit[]): readonly Warning[] {
  return hits.length > 0 ? [{ code: 'duplicate_suspected', feature: 'face' }] : []
}
