import type { NumericDate } from '../../../shared/clock.ts'
import { openSimilarityKernel, QUERY_BITS } from './similarity-kernel.ts'

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
  has(id: string): boolean
  /** The ids of all that are in it, expired ones among them. */
  ids(): readonly string[]
  /** Forgets what has expired and answers how many that were. */
  purge(now: NumericDate): number
  /** All that are at least as similar as `threshold`, most similar first, at most `limit`. */
  search(
    template: Float32Array,
    options: { threshold: number; limit: number; now: NumericDate },
  ): readonly DuplicateHit[]
}

/** What rounding in 32 bits may take from a product of unit vectors, with much to spare. */
const ROUNDING = 1e-4
const STEPS = 127

/** Templates of one part of a growing index. */
const PART = 65_536

/**
 * Opens an empty index that takes memory as it fills, a part of 65,536 templates at a time; a search goes through all
 * parts, so that it is as exact as one of {@link openDuplicateIndex}.
 */
export function openGrowingIndex(dimensions: number, capacity: number = PART): DuplicateIndex {
  const parts: DuplicateIndex[] = []
  const rows = new Map<string, DuplicateIndex>()
  const size = () => parts.reduce((sum, part) => sum + part.size, 0)
  return {
    get size() {
      return size()
    },
    add: (id, template, expires) => {
      if (rows.has(id)) throw new Error('the id is taken')
      let part = parts.find((each) => each.size < capacity)
      if (part === undefined) {
        part = openDuplicateIndex({ dimensions, capacity })
        parts.push(part)
      }
      part.add(id, template, expires)
      rows.set(id, part)
    },
    remove: (id) => {
      const removed = rows.get(id)?.remove(id) ?? false
      rows.delete(id)
      return removed
    },
    purge: (now) => {
      const purged = parts.reduce((sum, part) => sum + part.purge(now), 0)
      if (purged > 0) for (const [id, part] of rows) if (!part.has(id)) rows.delete(id)
      return purged
    },
    has: (id) => rows.has(id),
    ids: () => [...rows.keys()],
    search: (template, options) =>
      parts
        .flatMap((part) => part.search(template, options))
        .sort((p, q) => q.similarity - p.similarity)
        .slice(0, options.limit),
  }
}

/**
 * Opens an empty index for templates of `dimensions` numbers of unit length; memory is taken at once.
 *
 * A search reads one byte a number. A template t is kept as s·a + r with whole numbers a, and a query u as q·b + e; then
 * u·t ≤ s·q·(a·b) + |e|·(|t| + |r|) + |u|·|r|, so a row whose first term stays below the threshold by more than the largest
 * such remainder cannot reach it. What remains is compared in full, so that nothing is missed and nothing approximated.
 */
export function openDuplicateIndex({
  dimensions,
  capacity,
}: {
  dimensions: number
  capacity: number
}): DuplicateIndex {
  const templates = new Float32Array(dimensions * capacity)
  const kernel = openSimilarityKernel(dimensions, capacity)
  const expiries = new Float64Array(capacity)
  const ids: string[] = []
  const rows = new Map<string, number>()
  /** The largest |r| and |t| that were ever in the index. */
  let [remainder, longest] = [0, 0]

  /** The last template takes the place of the one that goes. */
  function removeRow(row: number): void {
    const last = ids.length - 1
    const [gone = '', moved = ''] = [ids[row], ids[last]]
    for (const numbers of [templates, kernel.rows]) {
      numbers.copyWithin(row * dimensions, last * dimensions, (last + 1) * dimensions)
      numbers.fill(0, last * dimensions, (last + 1) * dimensions)
    }
    kernel.scales[row] = kernel.scales[last] ?? 0
    kernel.scales[last] = 0
    expiries[row] = expiries[last] ?? 0
    ids[row] = moved
    rows.set(moved, row)
    rows.delete(gone)
    ids.pop()
  }

  function similarityOf(row: number, wanted: Float32Array): number {
    const start = row * dimensions
    let sum = 0
    for (let k = 0; k < dimensions; k++) {
      sum += (templates[start + k] as number) * (wanted[k] as number)
    }
    return sum
  }

  return {
    get size() {
      return ids.length
    },
    add: (id, template, expires) => {
      if (template.length !== dimensions) throw new Error('the template has other dimensions')
      if (!template.every(Number.isFinite)) throw new Error('the template is not of numbers')
      if (rows.has(id)) throw new Error('the id is taken')
      if (ids.length >= capacity) throw new Error('the index is full')
      const row = ids.length
      const own = kernel.rows.subarray(row * dimensions, (row + 1) * dimensions)
      const { scale, error } = roundTo(own, template, STEPS)
      kernel.scales[row] = scale
      remainder = Math.max(remainder, error)
      longest = Math.max(longest, lengthOf(template))
      templates.set(template, row * dimensions)
      expiries[row] = expires
      rows.set(id, row)
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
    has: (id) => rows.has(id),
    ids: () => [...ids],
    search: (template, { threshold, limit, now }) => {
      if (template.length !== dimensions) throw new Error('the template has other dimensions')
      const { scale, error } = roundTo(kernel.query, template, 2 ** QUERY_BITS - 1)
      const beyond = error * (longest + remainder) + lengthOf(template) * remainder + ROUNDING
      const hits: DuplicateHit[] = []
      for (const row of kernel.scan(ids.length, (threshold - beyond) / scale)) {
        const similarity = similarityOf(row, template)
        if (similarity >= threshold && (expiries[row] ?? 0) > now) {
          hits.push({ id: ids[row] ?? '', similarity })
        }
      }
      return hits.sort((p, q) => q.similarity - p.similarity).slice(0, limit)
    },
  }
}

/** Writes the numbers as whole multiples of `scale`, at most `steps` of it; `error` is the length of what that leaves. */
function roundTo(
  target: Int8Array | Int16Array,
  numbers: Float32Array,
  steps: number,
): { scale: number; error: number } {
  let largest = 0
  for (const number of numbers) largest = Math.max(largest, Math.abs(number))
  const scale = Math.fround(largest / steps) || 1
  let sum = 0
  for (let k = 0; k < numbers.length; k++) {
    const number = numbers[k] as number
    const whole = Math.max(-steps, Math.min(steps, Math.round(number / scale)))
    target[k] = whole
    sum += (number - whole * scale) ** 2
  }
  return { scale, error: Math.sqrt(sum) }
}

function lengthOf(numbers: Float32Array): number {
  let sum = 0
  for (const number of numbers) sum += number ** 2
  return Math.sqrt(sum)
}
