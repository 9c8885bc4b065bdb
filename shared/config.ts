import { readFileSync } from 'node:fs'
import type { z } from 'zod'
import { isJsonObject, JsonError, type JsonObject, parseJson } from './json.ts'
import { OperatorError } from './operator-error.ts'
import { explain } from './schema.ts'

/** Where a program's configuration comes from. */
export interface ConfigSources {
  /** A JSON file; absent when the environment says everything. */
  readonly file?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** What holds whatever the file says, where `null` takes a member away; a variable goes over it. */
  readonly over?: JsonObject | undefined
  /** Such as `CARNET_ISSUER_`: the variable `CARNET_ISSUER_LISTEN__PORT` sets `listen.port`. */
  readonly prefix: string
}

interface Override {
  readonly variable: string
  readonly path: readonly string[]
  readonly text: string
}

type Tree = { [member: string]: unknown }

/**
 * The configuration as it is read, before defaults: the file with the environment over it, once the schema takes it.
 * @throws OperatorError `config_invalid`, `file_unreadable`
 */
export function readConfigSource(schema: z.ZodType, sources: ConfigSources): JsonObject {
  return fittingTree(schema, sources).tree as JsonObject
}

/**
 * Reads a program's whole configuration once: the file, then the environment over it, through one schema. An unknown
 * member or variable is refused, so that a misspelt one is noticed. The message names members, never values.
 * @throws OperatorError `config_invalid`, `file_unreadable`
 */
export function readConfig<Schema extends z.ZodType>(
  schema: Schema,
  sources: ConfigSources,
): z.output<Schema> {
  return fittingTree(schema, sources).data
}

function fittingTree<Schema extends z.ZodType>(
  schema: Schema,
  { file, env, prefix, over = {} }: ConfigSources,
): { data: z.output<Schema>; tree: Tree } {
  const overrides = overridesOf(env, prefix)
  const base = merged(file === undefined ? {} : readConfigFile(file), over)
  const textTree = withOverrides(base, overrides)
  const asText = schema.safeParse(textTree)
  if (asText.success) return { data: asText.data, tree: textTree }
  // A variable is text; where the schema wants another type, it is read as JSON.
  const wanted = new Set(asText.error.issues.map(({ path }) => path.join('.')))
  const tree = withOverrides(base, overrides, (path) => wanted.has(path.join('.')))
  const typed = schema.safeParse(tree)
  if (typed.success) return { data: typed.data, tree }
  throw new OperatorError('config_invalid', `the configuration is wrong: ${explain(typed.error)}`, {
    hint: `set it in ${file ?? 'a file (--config FILE)'} or in variables that begin with ${prefix}`,
  })
}

function merged(base: JsonObject, over: JsonObject): JsonObject {
  const members = { ...base }
  for (const [name, value] of Object.entries(over)) {
    const below = base[name]
    if (value === null) delete members[name]
    else
      members[name] = isJsonObject(value) ? merged(isJsonObject(below) ? below : {}, value) : value
  }
  return members
}

/** The members of a configuration file, before any schema. @throws OperatorError `config_invalid`, `file_unreadable` */
export function readConfigFile(file: string): JsonObject {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new OperatorError('file_unreadable', `cannot read the configuration file ${file}`, {
      cause: error,
    })
  }
  let value: unknown
  try {
    value = parseJson(text)
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    throw new OperatorError('config_invalid', `${file}: ${error.message}`)
  }
  if (!isJsonObject(value)) throw new OperatorError('config_invalid', `${file} is no JSON object`)
  return value
}

/** `CARNET_ISSUER_STATUS__INTERVAL_SECONDS` sets `status.intervalSeconds`. */
function overridesOf(env: ConfigSources['env'], prefix: string): Override[] {
  const overrides: Override[] = []
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(prefix) || text === undefined) continue
    const path = variable
      .slice(prefix.length)
      .split('__')
      .map((part) =>
        part.toLowerCase().replace(/_(.)/g, (_match, next: string) => next.toUpperCase()),
      )
    overrides.push({ variable, path, text })
  }
  return overrides
}

function withOverrides(
  base: JsonObject,
  overrides: readonly Override[],
  asJson: (path: readonly string[]) => boolean = () => false,
): Tree {
  const tree = structuredClone(base) as Tree
  for (const { path, text } of overrides) {
    let at = tree
    for (const part of path.slice(0, -1)) {
      const next = at[part]
      at = (isJsonObject(next) ? next : Object.assign(at, { [part]: {} })[part]) as Tree
    }
    at[path.at(-1) ?? ''] = asJson(path) ? jsonOrText(text) : text
  }
  return tree
}

function jsonOrText(text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return text
  }
}
