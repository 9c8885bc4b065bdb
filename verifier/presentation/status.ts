import type { Fetch } from '../../shared/fetch.ts'
import { createStatusListCache, type StatusListCache } from '../../shared/status-list/cache.ts'
import { resolveStatus } from '../../shared/status-list/resolve.ts'
import { STATUS_LIST_TYPE } from '../../shared/status-list/token.ts'
import type { ResolveStatus } from './verify.ts'

const MEDIA_TYPE = `application/${STATUS_LIST_TYPE}`

/**
 * Looks statuses up in lists that are fetched and kept while their `ttl` lasts. A request says which list is wanted and
 * nothing about whom. Token Status List §8.1, §8.2.
 */
export function statusFromNetwork(fetch: Fetch, cache: StatusListCache): ResolveStatus {
  return (reference, expectation) =>
    resolveStatus(reference, {
      ...expectation,
      cache,
      fetchToken: async (uri) => {
        const response = await fetch(uri, { headers: { accept: MEDIA_TYPE } })
        if (response.status !== 200) throw new Error(`status list answered ${response.status}`)
        if (response.headers.get('content-type')?.split(';')[0]?.trim() !== MEDIA_TYPE) {
          throw new Error('status list has another media type')
        }
        return response.text()
      },
    })
}

/** Looks statuses up in tokens that were kept, by list URI; a list that was not kept stays undetermined. */
export function statusFromArchive(tokens: ReadonlyMap<string, string>): ResolveStatus {
  return (reference, expectation) =>
    resolveStatus(reference, {
      ...expectation,
      cache: createStatusListCache(),
      fetchToken: async (uri) => {
        const token = tokens.get(uri)
        if (token === undefined) throw new Error('no token of this list was kept')
        return token
      },
    })
}
