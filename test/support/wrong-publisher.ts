import { gzipSync } from 'node:zlib'
import { chunkRoot } from '../../shared/audit/chunk-proof.ts'
import { encodeEntry } from '../../shared/audit/entry.ts'
import { appendEntry } from '../../shared/audit/log.sqlite.ts'
import { hashLeaf } from '../../shared/audit/merkle.ts'
import { herdOf, type StatusPublished } from '../../shared/audit/status-leaf.ts'
import { sha256Base64url } from '../../shared/hash.ts'
import type { Signer } from '../../shared/key/signer.ts'
import { statusListBytes, writeStatus } from '../../shared/status-list/bits.ts'
import { signStatusListCwt } from '../../shared/status-list/cwt.ts'
import { signStatusListToken } from '../../shared/status-list/token.ts'
import type { AuditedIssuer } from './audited-issuer.ts'

/** One thing that a dishonest issuer does to the publication that is due. Whatever is not named is done honestly. */
export interface Wrong {
  /** Alters the list before it is signed. */
  list?(list: Uint8Array): Uint8Array
  /** Says another time in token and leaf. */
  readonly iat?: number
  readonly size?: number
  /** Signs with another key and chain. */
  readonly key?: { readonly signer: Signer; readonly x5c: readonly string[] }
  /** Alters the token after it was signed and before it is logged. */
  token?(token: string): string
  /** Alters what is archived after the token was logged. */
  archived?(token: string): string
  /** Publishes another list in CWT form. */
  cwtList?(list: Uint8Array): Uint8Array
  /** Alters the CWT that is archived after it was logged. */
  archivedCwt?(cwt: Uint8Array): Uint8Array
  /** Logs the token and archives none. */
  readonly unarchived?: true
  /** Alters the leaf. */
  leaf?(leaf: StatusPublished): object
}

/** The build of the publisher that no program contains: it skips every comparison and commits one wrong. */
export async function publishWrong(
  issuer: AuditedIssuer,
  uri: string,
  wrong: Wrong,
): Promise<void> {
  const { db, publisher, signing } = issuer
  const draft = await publisher.store.draft(uri.split('/').at(-1) ?? '')
  let list = statusListBytes(draft.size, 2)
  for (const { idx, value } of draft.entries) writeStatus(list, { bits: 2, idx, status: value })
  list = wrong.list?.(list) ?? list
  const iat = wrong.iat ?? issuer.now
  const claims = { uri, bits: 2 as const, list, iat, exp: iat + 3600, ttl: 300 }
  const signed = await signStatusListToken({ ...claims, ...(wrong.key ?? signing) })
  const token = wrong.token?.(signed) ?? signed
  const key = wrong.key ?? signing
  const cwtList = wrong.cwtList?.(Uint8Array.from(list)) ?? list
  const cwt = await signStatusListCwt({ ...claims, list: cwtList, ...key })
  const leaf: StatusPublished = {
    type: 'status.published',
    at: iat,
    list: uri,
    sequence: (draft.previous?.sequence ?? 0) + 1,
    sha256: sha256Base64url(token),
    cwt_sha256: sha256Base64url(cwt),
    ...(draft.previous === undefined ? {} : { previous: draft.previous.leafHash }),
    iat,
    exp: claims.exp,
    ttl: claims.ttl,
    bits: 2,
    size: wrong.size ?? draft.size,
    root: chunkRoot(list).toString('base64url'),
    herd: herdOf(draft.given),
    reason: 'scheduled',
  }
  const entry = (wrong.leaf?.(leaf) ?? leaf) as StatusPublished
  const index = appendEntry(db, entry)
  const archived = wrong.archived?.(token) ?? token
  if (wrong.unarchived === undefined) {
    db.prepare('INSERT INTO status_publication VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
      draft.id,
      leaf.sequence,
      archived,
      gzipSync(archived),
      leaf.sha256,
      iat,
      claims.exp,
      claims.ttl,
      draft.lastEvent,
      index,
      hashLeaf(encodeEntry(entry)).toString('base64url'),
      wrong.archivedCwt?.(cwt) ?? cwt,
      sha256Base64url(cwt),
    )
  }
  await publisher.log.publish(issuer.now)
}
