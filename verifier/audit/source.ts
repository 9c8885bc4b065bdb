import type { TileName } from '../../shared/audit/tile.ts'
import { TILE_WIDTH, tilePath } from '../../shared/audit/tile.ts'
import type { Fetch } from '../../shared/fetch.ts'

/** The media types of Status List Tokens. Token Status List §8.1. */
export type TokenForm = 'application/statuslist+jwt' | 'application/statuslist+cwt'

/** What a status list address answered. */
export interface ListResponse {
  readonly status: number
  readonly token: Buffer
  readonly contentType: string | undefined
}

/** The public addresses of one issuer, read without any credential. Nothing that comes back is verified here. */
export interface PublicSource {
  checkpoint(): Promise<string>
  /** A tile or entry bundle; a full one where the partial one is gone, cut to the width that was asked for. */
  tile(name: TileName): Promise<Buffer>
  /** The archived token of a list; `undefined` when the issuer does not have it. */
  token(list: string, sha256: string): Promise<string | undefined>
  /** The trust list with this digest, or the present one when no older is kept. */
  trustList(sha256: string): Promise<string | undefined>
  /** An archived token in CWT form. */
  cwt(list: string, sha256: string): Promise<Buffer | undefined>
  /** What a list answers now, in one form, to somebody with no credential and no cookie. */
  list(uri: string, form: TokenForm): Promise<ListResponse>
  /** Addresses that asked who is there or set a cookie so far. */
  privateAddresses(): readonly string[]
}

const ATTEMPTS = 3

/** An address did not answer as a public artefact does. */
export class SourceError extends Error {
  override readonly name = 'SourceError'
}

/** The log is there and lacks a tile that one of its checkpoints needs. */
export class TileMissing extends SourceError {}

/** Reads below `issuer`, such as `https://issuer.example`. `fetch` bounds time and size. */
export function openPublicSource(issuer: string, fetch: Fetch): PublicSource {
  const base = issuer.replace(/\/+$/, '')
  const privateAddresses = new Set<string>()
  const noteAccess = (url: string, { status, headers }: Response): void => {
    const asksWho = status === 401 || status === 403 || status === 407
    if (asksWho || headers.has('set-cookie')) privateAddresses.add(url)
  }
  /** Asks again when nothing came back: a connection that broke says nothing about the issuer. */
  const request = async (url: string, init?: RequestInit): Promise<Response> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await fetch(url, init)
      } catch (cause) {
        if (attempt === ATTEMPTS) throw new SourceError(`${url} cannot be reached`, { cause })
      }
    }
  }
  const read = async (url: string): Promise<Buffer | undefined> => {
    const response = await request(url)
    noteAccess(url, response)
    if (response.status === 404) {
      await response.body?.cancel()
      return undefined
    }
    if (!response.ok) throw new SourceError(`${url} answered ${response.status}`)
    return Buffer.from(await response.arrayBuffer())
  }
  const readTile = async (name: TileName): Promise<Buffer> => {
    const partial = await read(`${base}/log/${tilePath(name)}`)
    if (partial !== undefined) return partial
    const full = await read(`${base}/log/${tilePath({ ...name, width: TILE_WIDTH })}`)
    if (full === undefined) throw new TileMissing(`${tilePath(name)} is missing from the log`)
    return cut(full, name)
  }
  const readArchived = (list: string, sha256: string): Promise<Buffer | undefined> =>
    read(new URL(`tokens/${sha256}`, list).href)
  return {
    checkpoint: async () => {
      const checkpoint = await read(`${base}/log/checkpoint`)
      if (checkpoint === undefined) throw new SourceError('the log has no checkpoint')
      return checkpoint.toString('utf8')
    },
    tile: readTile,
    token: async (list, sha256) => (await readArchived(list, sha256))?.toString(),
    cwt: (list, sha256) => readArchived(list, sha256),
    trustList: async (sha256) => {
      const archived = await read(`${base}/trust-list/${sha256}`)
      return (archived ?? (await read(`${base}/trust-list`)))?.toString()
    },
    list: async (uri, form) => {
      const response = await request(uri, { headers: { Accept: form } })
      noteAccess(uri, response)
      return {
        status: response.status,
        token: Buffer.from(await response.arrayBuffer()),
        contentType: response.headers.get('content-type') ?? undefined,
      }
    },
    privateAddresses: () => [...privateAddresses],
  }
}

/** The first `width` hashes of a tile or entries of a bundle. */
function cut(full: Buffer, { level, width }: TileName): Buffer {
  if (level !== 'entries') return full.subarray(0, width * 32)
  let at = 0
  for (let entry = 0; entry < width && at + 2 <= full.length; entry++) {
    at += 2 + full.readUInt16BE(at)
  }
  return full.subarray(0, at)
}
