import { isJsonObject, type Json, type JsonObject } from '../json.ts'

/** A member of a configuration that names a file: `attestation.key`, `watchlists.0.file`. */
export interface NamedFile {
  readonly member: string
  readonly path: string
}

/** The files that the members of `patterns` name, where they are there; `*` stands for every element of a list. Addresses are no files. */
export function namedFiles(config: JsonObject, patterns: readonly string[]): NamedFile[] {
  return patterns.flatMap((pattern) =>
    find(config, pattern.split('.'), []).flatMap(({ member, value }) =>
      typeof value === 'string' && !/^[a-z]+:\/\//i.test(value) ? [{ member, path: value }] : [],
    ),
  )
}

/** The configuration with other values at some members; `undefined` takes a member away. */
export function withMembers(
  config: JsonObject,
  values: Readonly<Record<string, string | undefined>>,
): JsonObject {
  const copy = structuredClone(config) as Record<string, unknown>
  for (const [member, value] of Object.entries(values)) {
    const path = member.split('.')
    const last = path.pop() ?? ''
    let at: Record<string, unknown> | undefined = copy
    for (const part of path) at = at?.[part] as Record<string, unknown> | undefined
    if (at === undefined) continue
    if (value === undefined) delete at[last]
    else at[last] = value
  }
  return copy as JsonObject
}

function find(
  value: Json | undefined,
  [first, ...rest]: readonly string[],
  path: readonly string[],
): { member: string; value: Json }[] {
  if (value === undefined) return []
  if (first === undefined) return [{ member: path.join('.'), value }]
  if (Array.isArray(value) && first === '*') {
    return value.flatMap((element: Json, index) => find(element, rest, [...path, String(index)]))
  }
  return isJsonObject(value) ? find(value[first], rest, [...path, first]) : []
}
