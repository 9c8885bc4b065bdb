/** Any JSON value. RFC 8259. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject

/** A JSON object. RFC 8259 §4. */
export interface JsonObject {
  readonly [member: string]: Json
}

/** Bounds that hold before and while JSON is read. */
export interface JsonLimits {
  /** Longest text, in UTF-16 code units. */
  readonly maxLength: number
  /** Deepest nesting of arrays and objects. */
  readonly maxDepth: number
}

const DEFAULT_LIMITS: JsonLimits = { maxLength: 1 << 20, maxDepth: 32 }

/** The text is not JSON, repeats a member, or passes a bound. The message never quotes the text. */
export class JsonError extends Error {
  override readonly name = 'JsonError'
}

/**
 * Parses JSON within bounds and refuses a repeated member, which RFC 8259 §4 leaves open and RFC 7515 §4
 * ("Header Parameter names … MUST be unique") does not.
 * @throws JsonError
 */
export function parseJson(text: string, limits: Partial<JsonLimits> = {}): Json {
  const { maxLength, maxDepth } = { ...DEFAULT_LIMITS, ...limits }
  if (text.length > maxLength) throw new JsonError('text is too long')
  checkDepth(text, maxDepth)
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch {
    throw new JsonError('text is not JSON')
  }
  checkMembers(text)
  return value
}

/** Parses UTF-8 bytes as {@link parseJson} does; a byte order mark and malformed UTF-8 are refused. */
export function parseJsonBytes(bytes: Uint8Array, limits: Partial<JsonLimits> = {}): Json {
  if (bytes.length > (limits.maxLength ?? DEFAULT_LIMITS.maxLength)) {
    throw new JsonError('text is too long')
  }
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new JsonError('text is not UTF-8')
  }
  return parseJson(text, limits)
}

/** True for an object that is neither `null` nor an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Renders the one canonical text of a value: members sorted by UTF-16 code units, no white space. RFC 8785. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (!isJsonObject(value)) return JSON.stringify(value)
  const members = Object.keys(value).sort()
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name] as Json)}`).join(',')}}`
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** The index of the quote that closes the string which opens at `start`; the end of the text if none does. */
function closingQuote(text: string, start: number): number {
  let at = start + 1
  for (; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === BACKSLASH) at++
    else if (unit === QUOTE) break
  }
  return at
}

/** Runs before JSON.parse, which would recurse as deep as the text asks. */
function checkDepth(text: string, maxDepth: number): void {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === QUOTE) at = closingQuote(text, at)
    else if (unit === 0x7b || unit === 0x5b) {
      if (++depth > maxDepth) throw new JsonError('text is nested too deeply')
    } else if (unit === 0x7d || unit === 0x5d) depth--
  }
}

/** Runs after JSON.parse, so the text is known to be well-formed. */
function checkMembers(text: string): void {
  const open: (Set<string> | undefined)[] = []
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === 0x7b) open.push(new Set())
    else if (unit === 0x5b) open.push(undefined)
    else if (unit === 0x7d || unit === 0x5d) open.pop()
    else if (unit === QUOTE) {
      const end = closingQuote(text, at)
      const members = open.at(-1)
      if (members && isFollowedByColon(text, end + 1)) {
        const name = JSON.parse(text.slice(at, end + 1)) as string
        if (members.has(name)) throw new JsonError('a member is repeated')
        members.add(name)
      }
      at = end
    }
  }
}

/** Tells a member name from a string value, over any amount of white space. */
function isFollowedByColon(text: string, start: number): boolean {
  let at = start
  while (text.charCodeAt(at) <= 0x20) at++
  return text.charCodeAt(at) === 0x3a
}
