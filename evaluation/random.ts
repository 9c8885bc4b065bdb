/** Numbers in [0, 1) that depend on the seed alone, so that generated data is the same on every machine. */
export type SeededRandom = () => number

/** Mulberry32: 32 bits of state, good enough to draw specimens with and for nothing else. */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

export function between(random: SeededRandom, low: number, high: number): number {
  return low + random() * (high - low)
}

export function integer(random: SeededRandom, low: number, high: number): number {
  return Math.floor(between(random, low, high + 1))
}

export function oneOf<T>(random: SeededRandom, choices: readonly [T, ...T[]]): T {
  return choices[integer(random, 0, choices.length - 1)] ?? choices[0]
}
