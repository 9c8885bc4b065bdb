/** A share with its Wilson interval at 95 %. */
export interface Rate {
  readonly hits: number
  readonly of: number
  readonly low: number
  readonly high: number
}

const Z = 1.959964

/** Wilson's interval, which stays inside 0 to 1 and is honest for few and for extreme counts. */
export function rate(hits: number, of: number): Rate {
  if (of === 0) return { hits, of, low: 0, high: 1 }
  const p = hits / of
  const centre = (p + Z ** 2 / (2 * of)) / (1 + Z ** 2 / of)
  const half = (Z / (1 + Z ** 2 / of)) * Math.sqrt((p * (1 - p)) / of + Z ** 2 / (4 * of ** 2))
  return { hits, of, low: Math.max(0, centre - half), high: Math.min(1, centre + half) }
}

/** As `97.5 % (39/40, 87.1–99.6)`. */
export function renderRate({ hits, of, low, high }: Rate): string {
  if (of === 0) return 'no data'
  const percent = (share: number) => (100 * share).toFixed(1)
  return `${percent(hits / of)} % (${hits}/${of}, ${percent(low)}–${percent(high)})`
}
