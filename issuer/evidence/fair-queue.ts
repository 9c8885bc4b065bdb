/** A bounded queue that takes from those who wait in turn, so that no caller's backlog is another's. */
export interface FairQueue<T> {
  readonly length: number
  /** Whether there was room: in all, and within this caller's share. */
  push(caller: string, item: T): boolean
  shift(): T | undefined
}

/** At most `limit` items, and of one caller at most `share` of that while there are others waiting or not. */
export function fairQueue<T>({ limit, share }: { limit: number; share: number }): FairQueue<T> {
  const waiting = new Map<string, T[]>()
  let length = 0
  return {
    get length() {
      return length
    },
    push: (caller, item) => {
      const own = waiting.get(caller) ?? []
      if (length >= limit || own.length >= share) return false
      own.push(item)
      waiting.set(caller, own)
      length += 1
      return true
    },
    shift: () => {
      const [next] = waiting
      if (!next) return undefined
      const [caller, items] = next
      const item = items.shift()
      waiting.delete(caller)
      if (items.length > 0) waiting.set(caller, items)
      length -= 1
      return item
    },
  }
}
