/** The value that would be at `index` if all were sorted, the smallest first. Moves the values; there is at least one. */
export function orderStatistic(values: Float32Array, index: number): number {
  let [low, high] = [0, values.length - 1]
  while (low < high) {
    const pivot = middleOf(values[low], values[(low + high) >> 1], values[high])
    let [i, j] = [low, high]
    while (i <= j) {
      while ((values[i] as number) < pivot) i += 1
      while ((values[j] as number) > pivot) j -= 1
      if (i > j) break
      const kept = values[i] as number
      values[i] = values[j] as number
      values[j] = kept
      i += 1
      j -= 1
    }
    if (index <= j) high = j
    else if (index >= i) low = i
    else break
  }
  return values[index] as number
}

function middleOf(p = 0, q = 0, r = 0): number {
  return Math.max(Math.min(p, q), Math.min(Math.max(p, q), r))
}
