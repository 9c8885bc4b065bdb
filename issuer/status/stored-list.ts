import type { ListDraft, Publication } from './status.ts'

/** A status list as every store keeps it. */
export interface ListRow {
  readonly id: string
  readonly uri: string
  readonly size: number
  readonly permutation_key: Buffer
  readonly allocated: number
  readonly retained_until: number
}

/** A change as every store keeps it. */
export interface EventRow {
  readonly list: string
  readonly idx: number
  readonly from_status: number
  readonly leaf: number
  readonly published_sequence: number | null
  readonly withdrawn_at: number | null
}

/** A publication as every store keeps it. */
export interface PublicationRow extends Omit<Publication, 'leafHash' | 'uri'> {
  readonly leaf_hash: string
  readonly last_event: number
}

/** What the next publication of a list is made from, after `last`. */
export function draftOf(
  list: ListRow,
  last: PublicationRow | undefined,
  {
    entries,
    changes,
  }: {
    readonly entries: ListDraft['entries']
    readonly changes: readonly {
      readonly id: number
      readonly idx: number
      readonly value: number
    }[]
  },
): ListDraft {
  return {
    id: list.id,
    uri: list.uri,
    bits: 2,
    size: list.size,
    given: list.allocated,
    entries,
    changes: changes.map(({ idx, value }) => ({ idx, value })),
    lastEvent: changes.at(-1)?.id ?? last?.last_event ?? 0,
    previous: last === undefined ? undefined : publicationOf(last, list.uri),
  }
}

function publicationOf(row: PublicationRow, uri: string): Publication {
  const { list, sequence, token, sha256, iat, exp, ttl, leaf, leaf_hash: leafHash } = row
  return { list, uri, sequence, token, sha256, iat, exp, ttl, leaf, leafHash }
}
