/** A bounded queue that takes from those who wait in turn, so that no caller's backlog is another's. */
export interface FairQueue<T> {
  readonly length: number
  /** Whether there was room: in all, within this tenant's share, and within this caller's. */
  push(whose: { readonly tenant?: string; readonly caller: string }, item: T): boolean
  shift(): T | undefined
}

/** What waits of one tenant, by caller. */
interface Lane<T> {
  readonly callers: Map<string, T[]>
  length: number
}

/**
 * At most `limit` items, of one tenant at most `tenantShare` and of one caller at most `share` of that while there are
 * others waiting or not. Tenants take turns, and the callers of a tenant take its turns in turn.
 */
export function fairQueue<T>({
  limit,
  share,
  tenantShare = limit,
}: {
  limit: number
  share: number
  tenantShare?: number
}): FairQueue<T> {
  const lanes = new Map<string, Lane<T>>()
  let length = 0
  return {
    get length() {
      return length
    },
    push: ({ tenant = '', caller }, item) => {
      const lane = lanes.get(tenant) ?? { callers: new Map<string, T[]>(), length: 0 }
      const own = lane.callers.get(caller) ?? []
      if (length >= limit || lane.length >= tenantShare || own.length >= share) return false
      own.push(item)
      lane.callers.set(caller, own)
      lane.length += 1
      lanes.set(tenant, lane)
      length += 1
      return true
    },
    shift: () => {
      const [next] = lanes
      if (!next) return undefined
      const [tenant, lane] = next
      const item = shiftLane(lane)
      lanes.delete(tenant)
      if (lane.length > 0) lanes.set(tenant, lane)
      length -= 1
      return item
    },
  }
}

function shiftLane<T>(lane: Lane<T>): T | undefined {
  const [next] = lane.callers
  if (!next) return undefined
  const [caller, items] = next
  const item = items.shift()
  lane.callers.delete(caller)
  if (items.length > 0) lane.callers.set(caller, items)
  lane.length -= 1
  return item
}
