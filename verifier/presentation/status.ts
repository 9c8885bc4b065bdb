import type { NumericDate } from '../../shared/clock.ts'
import type { Fetch } from '../../shared/fetch.ts'
import { createStatusListCache, type StatusListCache } from '../../shared/status-list/cache.ts'
import { resolveStatus } from '../../shared/status-list/resolve.ts'
import { STATUS_LIST_TYPE } from '../../shared/status-list/token.ts'
import type { AnchorsAt } from '../../shared/trust/role.ts'
import type { ResolveStatus } from './verify.ts'

const MEDIA_TYPE = `application/${STATUS_LIST_TYPE}`

/** A list that no presentation has needed for a day is not fetched any more. */
const FORGET_AFTER_SECONDS = 86_400
const MAX_KNOWN_LISTS = 256

type Signers = Pick<Parameters<ResolveStatus>[1], 'acceptsSigner' | 'didKey'>

/** Status lists out of the network. */
export interface StatusLists {
  readonly resolve: ResolveStatus
  /**
   * Fetches every list again that was needed lately and whose `ttl` has passed, so that a presentation finds it here
   * and the time of a fetch tells the issuer nothing about it. A list that cannot be had stays as it is.
   */
  refresh(context: { readonly anchors: AnchorsAt; readonly now: NumericDate }): Promise<void>
}

/**
 * Looks statuses up in lists that are fetched and kept while their `ttl` lasts. A fetch says which list is wanted and
 * nothing about whom; many presentations at once make one. Token Status List §8.1, §8.2.
 */
export function statusListsFromNetwork(fetch: Fetch, cache: StatusListCache): StatusLists {
  const underWay = new Map<string, Promise<string>>()
  const lastNeeded = new Map<string, { signers: Signers; at: NumericDate }>()

  const fetchToken = (uri: string): Promise<string> => {
    const fetching = underWay.get(uri) ?? fetchStatusListToken(fetch, uri)
    underWay.set(uri, fetching)
    const done = () => underWay.delete(uri)
    fetching.then(done, done)
    return fetching
  }

  return {
    resolve: (reference, expectation) => {
      const { now: at, ...signers } = expectation
      lastNeeded.delete(reference.uri)
      lastNeeded.set(reference.uri, { signers, at })
      const [oldest] = lastNeeded.keys()
      if (lastNeeded.size > MAX_KNOWN_LISTS && oldest !== undefined) lastNeeded.delete(oldest)
      return resolveStatus(reference, { ...expectation, cache, fetchToken })
    },
    refresh: async ({ anchors, now }) => {
      for (const [uri, { signers, at }] of [...lastNeeded]) {
        if (now - at > FORGET_AFTER_SECONDS) lastNeeded.delete(uri)
        else {
          const expectation = {
            ...signers,
            anchors,
            now,
            maxStalenessSeconds: FORGET_AFTER_SECONDS,
          }
          // Any index does: what is wanted is the list in the cache.
          await resolveStatus({ uri, idx: 0 }, { ...expectation, cache, fetchToken })
        }
      }
    },
  }
}

/** @throws Error when the answer is not a status list token */
async function fetchStatusListToken(fetch: Fetch, uri: string): Promise<string> {
  const response = await fetch(uri, { headers: { accept: MEDIA_TYPE } })
  if (response.status !== 200) throw new Error(`status list answered ${response.status}`)
  if (response.headers.get('content-type')?.split(';')[0]?.trim() !== MEDIA_TYPE) {
    throw new Error('status list has another media type')
  }
  return response.text()
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
