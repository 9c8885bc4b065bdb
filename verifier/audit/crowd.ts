import type { StatusPublished } from '../../shared/audit/status-leaf.ts'
import type { Finding, Rule } from './finding.ts'

/** Equal parts of a list whose set entries are counted. */
const PARTS = 16
/**
 * An honest list breaks the rule less than once in 10^15 publications: by Hoeffding's bound for draws without replacement
 * (1963, section 6), `share` of n set entries is off by e with a chance of at most exp(-2ne²) on either side, and there are
 * PARTS - 1 shares.
 */
const BOUND = Math.log(2 * (PARTS - 1) * 1e15) / 2

/**
 * Judges what a publication says and shows of the crowd on its list. The crowd that it states never gets smaller, is not
 * larger than the list and not smaller than the number of entries that are set. And indexes that are given unpredictably
 * leave what is set spread over the list, whatever is revoked; those that are given one after the other leave it at the
 * front until the list is full. It cannot see who is on a list, nor an order that only the issuer knows. Pure. R10.
 */
export function judgeCrowd(
  leaf: StatusPublished,
  list: Uint8Array,
  { before, index }: { readonly before: StatusPublished | undefined; readonly index: number },
): Finding[] {
  const upTo = setEntries(list, leaf)
  const count = upTo.at(-1) ?? 0
  const found = [...misstated(leaf, before, count), ...gathered(upTo, leaf.size)]
  return found.map(({ rule, detail }) => ({ rule, detail, list: leaf.list, leaf: index }))
}

type Wrong = { readonly rule: Rule; readonly detail: string }

function misstated(
  { herd, size }: StatusPublished,
  before: StatusPublished | undefined,
  count: number,
): Wrong[] {
  const wrong = (detail: string): Wrong[] => [{ rule: 'herd_misstated', detail }]
  if (before?.herd !== undefined && (herd === undefined || herd < before.herd)) {
    return wrong(`a crowd of ${before.herd} became one of ${herd ?? 'a size that is not said'}`)
  }
  if (herd === undefined) return []
  if (herd > size) return wrong(`a crowd of ${herd} on a list of ${size} entries`)
  const given = Math.max(10 * herd, 10)
  return count < given ? [] : wrong(`${count} entries are set, of fewer than ${given} given`)
}

/** Reports the part of the list that has most too many or too few. */
function gathered(upTo: readonly number[], size: number): Wrong[] {
  const count = upTo.at(-1) ?? 0
  if (count === 0) return []
  let worst = { part: 0, distance: 0 }
  for (let part = 1; part < PARTS; part++) {
    const share = endOf(part, size) / size
    const distance = Math.abs((upTo[part - 1] ?? 0) / count - share)
    if (distance > worst.distance) worst = { part, distance }
  }
  if (count * worst.distance ** 2 <= BOUND) return []
  const seen = upTo[worst.part - 1] ?? 0
  const detail = `${seen} of ${count} set entries are below index ${endOf(worst.part, size)} of ${size}`
  return [{ rule: 'predictable_index', detail }]
}

/** How many entries are set before the end of each part. */
function setEntries(list: Uint8Array, { bits, size }: StatusPublished): number[] {
  const perByte = 8 / bits
  const mask = (1 << bits) - 1
  const upTo: number[] = []
  let count = 0
  let part = 1
  const advance = (idx: number): void => {
    for (; part <= PARTS && idx >= endOf(part, size); part++) upTo.push(count)
  }
  for (const [at, byte] of list.entries()) {
    if (byte === 0) continue
    for (let within = 0; within < perByte; within++) {
      const idx = at * perByte + within
      if (idx >= size) break
      if (((byte >> (within * bits)) & mask) === 0) continue
      advance(idx)
      count++
    }
  }
  advance(size)
  return upTo
}

function endOf(part: number, size: number): number {
  return Math.floor((part * size) / PARTS)
}
