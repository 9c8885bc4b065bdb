import type { NumericDate } from '../clock.ts'
import type { StatusList } from './token.ts'

/** A verified list and when it was fetched. */
export interface CachedStatusList {
  readonly token: string
  readonly statusList: StatusList
  readonly fetchedAt: NumericDate
}

/** Remembers verified lists by address, so that a list is verified and inflated once. */
export interface StatusListCache {
  get(uri: string): CachedStatusList | undefined
  set(uri: string, entry: CachedStatusList): void
}

/** A cache in memory under a bound on entries and on inflated bytes; the longest unused entry goes first. */
export function createStatusListCache({
  maxEntries = 256,
  maxBytes = 256 << 20,
}: {
  maxEntries?: number
  maxBytes?: number
} = {}): StatusListCache {
  const entries = new Map<string, CachedStatusList>()
  let bytes = 0
  const drop = (uri: string): void => {
    const entry = entries.get(uri)
    if (!entry) return
    bytes -= sizeOf(entry)
    entries.delete(uri)
  }
  return {
    get(uri) {
      const entry = entries.get(uri)
      if (!entry) return undefined
      entries.delete(uri)
      entries.set(uri, entry)
      return entry
    },
    set(uri, entry) {
      drop(uri)
      entries.set(uri, entry)
      bytes += sizeOf(entry)
      for (const oldest of entries.keys()) {
        if (entries.size <= maxEntries && bytes <= maxBytes) break
        drop(oldest)
      }
    },
  }
}

function sizeOf({ token, statusList }: CachedStatusList): number {
  return token.length + statusList.list.length
}
