import { isJsonObject, type Json, type JsonObject } from '../json.ts'
import { StatusListError } from './error.ts'

/** Where the status of one credential is written. Token Status List §6.2. */
export interface StatusReference {
  readonly uri: string
  readonly idx: number
}

/**
 * Reads the `status` claim of a referenced token: `undefined` when there is none, refused when there is one that does
 * not say where, so that a broken reference never passes for no status at all. Other members of `status` are ignored.
 * @throws StatusListError
 */
export function readStatusReference(claims: JsonObject): StatusReference | undefined {
  if (!Object.hasOwn(claims, 'status')) return undefined
  const status: Json | undefined = claims.status
  const reference = isJsonObject(status) ? status.status_list : undefined
  if (!isJsonObject(reference)) {
    throw new StatusListError('malformed', 'status has no status_list')
  }
  const { uri, idx } = reference
  if (typeof idx !== 'number' || !Number.isSafeInteger(idx) || idx < 0 || Object.is(idx, -0)) {
    throw new StatusListError('malformed', 'status_list.idx is not a whole number')
  }
  if (typeof uri !== 'string' || uri.length > 2048 || !URL.canParse(uri)) {
    throw new StatusListError('malformed', 'status_list.uri is not a URI')
  }
  return { uri, idx }
}
