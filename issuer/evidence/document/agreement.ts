import type { Charset } from './mrz.ts'

/** Characters that print alike, by pairs whose values differ in a check digit at every weight. */
const LOOK_ALIKES: readonly (readonly [string, string])[] = [
  ['0', 'O'],
  ['0', 'D'],
  ['0', 'Q'],
  ['1', 'I'],
  ['2', 'Z'],
  ['5', 'S'],
  ['8', 'B'],
]

/** Other characters that this one may be; a check digit tells each from it. */
export function lookAlikes(character: string): readonly string[] {
  return LOOK_ALIKES.flatMap(([p, q]) => {
    if (p === character) return [q]
    return q === character ? [p] : []
  })
}

/**
 * For each character of `first`, the character of `second` that stands at the same place, `undefined` where there is
 * none: the cheapest alignment by insertions, deletions and substitutions.
 */
export function align(first: string, second: string): readonly (string | undefined)[] {
  const columns = second.length + 1
  const cost = new Uint16Array((first.length + 1) * columns)
  for (let j = 0; j < columns; j++) cost[j] = j
  for (let i = 1; i <= first.length; i++) {
    cost[i * columns] = i
    for (let j = 1; j < columns; j++) {
      const same = first[i - 1] === second[j - 1] ? 0 : 1
      cost[i * columns + j] = Math.min(
        (cost[(i - 1) * columns + j - 1] ?? 0) + same,
        (cost[(i - 1) * columns + j] ?? 0) + 1,
        (cost[i * columns + j - 1] ?? 0) + 1,
      )
    }
  }
  const partners: (string | undefined)[] = Array(first.length)
  let [i, j] = [first.length, second.length]
  while (i > 0) {
    const here = cost[i * columns + j] ?? 0
    const same = first[i - 1] === second[j - 1] ? 0 : 1
    if (j > 0 && here === (cost[(i - 1) * columns + j - 1] ?? 0) + same) {
      partners[i - 1] = second[j - 1]
      i -= 1
      j -= 1
    } else if (here === (cost[(i - 1) * columns + j] ?? 0) + 1) {
      partners[i - 1] = undefined
      i -= 1
    } else {
      j -= 1
    }
  }
  return partners
}

/** How two readings of one position compare. */
export type Agreement = 'same' | 'look-alike' | 'other'

/** A look-alike is the same reading where the position's charset leaves one of the two. */
export function compareAt(first: string, second: string | undefined, charset: Charset): Agreement {
  if (first === second) return 'same'
  if (second === undefined || !lookAlikes(first).includes(second)) return 'other'
  return charset === 'any' || charset === 'sex' ? 'look-alike' : 'same'
}
