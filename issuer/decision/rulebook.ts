import type { JsonObject } from '../../shared/json.ts'
import type { Watchlist } from '../screening/watchlist.ts'

/** What decisions rest on beside the workflow, by version and digest: the log commits to it when it changes. */
export function rulebookOf(
  watchlists: readonly Pick<Watchlist, 'id' | 'version' | 'sha256'>[],
  pipeline: string,
): JsonObject {
  return {
    watchlists: watchlists.map(({ id, version, sha256 }) => ({ id, version, sha256 })),
    pipeline,
  }
}
