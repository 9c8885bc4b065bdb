import type { z } from 'zod'
import type { NumericDate } from '../clock.ts'
import { canonicalJson, isJsonObject, type Json, parseJsonBytes } from '../json.ts'
import { AuditError } from './error.ts'

const MAX_ENTRY_LENGTH = 0xffff

/** A public leaf of the log: identifiers and digests, never an attribute of a person. docs/log.md names the types. */
export interface AuditEntry {
  readonly type: string
  readonly at: NumericDate
  readonly [member: string]: Json
}

/** The one byte form of an entry: canonical JSON in UTF-8. RFC 8785; at most 65535 bytes, C2SP tlog-tiles. */
export function encodeEntry(entry: AuditEntry): Buffer {
  const bytes = Buffer.from(canonicalJson(entry))
  if (bytes.length > MAX_ENTRY_LENGTH) throw new RangeError('audit entry is too long')
  return bytes
}

/** Reads an entry and refuses any but its canonical form. @throws AuditError `entry_malformed` */
export function decodeEntry(bytes: Uint8Array): AuditEntry {
  let value: Json
  try {
    value = parseJsonBytes(bytes, { maxLength: MAX_ENTRY_LENGTH })
  } catch (cause) {
    throw new AuditError('entry_malformed', 'a log entry is not JSON', { cause })
  }
  if (!isJsonObject(value) || typeof value.type !== 'string' || !Number.isSafeInteger(value.at)) {
    throw new AuditError('entry_malformed', 'a log entry lacks type or at')
  }
  const entry = value as AuditEntry
  if (!encodeEntry(entry).equals(bytes)) {
    throw new AuditError('entry_malformed', 'a log entry is not in canonical form')
  }
  return entry
}

/** Reads an entry as a leaf of one type. @throws AuditError `entry_malformed` when it has another shape */
export function parseLeaf<Leaf extends AuditEntry>(
  schema: z.ZodType<Leaf>,
  entry: AuditEntry,
): Leaf {
  const leaf = schema.safeParse(entry)
  if (leaf.success) return leaf.data
  throw new AuditError('entry_malformed', `a leaf of type ${entry.type} has another shape`)
}
