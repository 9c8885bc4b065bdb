import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { z } from 'zod'
import { packageRoot } from '../../shared/package-root.ts'

/** A row of the page: a member, what it takes, what is used where nothing is said, and what its comment promises. */
export interface Setting {
  readonly member: string
  readonly takes: string
  readonly fallback: string
  readonly text: string
}

type Schema = {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
}

/**
 * Every member of a configuration: kinds, bounds and defaults from the schema that reads it, words from the comments of
 * the interface that it is read into. A member without words is left empty.
 */
export function settingsOf(schema: z.ZodType, type: string, files: readonly string[]): Setting[] {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema
  return rows(json, commentsOf(type, files), '')
}

function rows(schema: Schema, comments: Comments, prefix: string): Setting[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]): Setting[] => {
    const path = `${prefix}${name}`
    const { text = '', below = {} } = comments[name] ?? {}
    const isNeeded = schema.required?.includes(name) === true && member.default === undefined
    const variants = member.anyOf ?? [member]
    const inner = variants.flatMap((one) => [
      ...rows(one, below, `${path}.`),
      ...rows(one.items ?? {}, below, `${path}[].`),
    ])
    const fallback = isNeeded ? 'must be set' : defaultOf(member)
    const own = { member: path, takes: variants.map(kindOf).join(', or '), fallback, text }
    return text === '' && inner.length > 0 ? inner : [own, ...inner]
  })
}

function kindOf(schema: Schema): string {
  const { type, enum: values, minimum, maximum } = schema
  if (values !== undefined) return values.map((value) => `\`${value}\``).join(', ')
  if (type === 'array') return `list of ${kindOf(schema.items ?? {})}`
  if (type === 'object') return 'members'
  if (type === 'integer' || type === 'number') {
    return minimum === undefined || maximum === undefined ? 'number' : `${minimum} to ${maximum}`
  }
  return { boolean: 'true or false', string: 'text' }[type ?? ''] ?? 'text'
}

function defaultOf({ default: value }: Schema): string {
  if (value === undefined || (typeof value === 'object' && Object.keys(value ?? {}).length === 0)) {
    return '–'
  }
  return Array.isArray(value) ? 'all' : `\`${value}\``
}

/** What the comments of an interface say, member by member, and of the members below. */
interface Comments {
  readonly [member: string]: { readonly text?: string; readonly below?: Comments }
}

function commentsOf(type: string, files: readonly string[]): Comments {
  const declared = new Map<string, ts.InterfaceDeclaration>()
  for (const file of files) {
    const text = readFileSync(join(packageRoot, file), 'utf8')
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
    source.forEachChild((node) => {
      if (ts.isInterfaceDeclaration(node)) declared.set(node.name.text, node)
    })
  }
  const ofMembers = (members: ts.NodeArray<ts.TypeElement>): Comments =>
    Object.fromEntries(
      members.filter(ts.isPropertySignature).map((member) => {
        const below = member.type === undefined ? {} : ofType(member.type)
        return [member.name.getText(), { text: wordsOf(member), below }]
      }),
    )
  const ofType = (node: ts.TypeNode): Comments => {
    if (ts.isTypeLiteralNode(node)) return ofMembers(node.members)
    if (ts.isTypeReferenceNode(node)) return ofInterface(node.typeName.getText())
    if (ts.isParenthesizedTypeNode(node)) return ofType(node.type)
    if (ts.isTypeOperatorNode(node)) return ofType(node.type)
    if (ts.isArrayTypeNode(node)) return ofType(node.elementType)
    if (ts.isUnionTypeNode(node) || ts.isIntersectionTypeNode(node)) {
      return Object.assign({}, ...node.types.map(ofType))
    }
    return {}
  }
  const ofInterface = (name: string): Comments => {
    const node = declared.get(name)
    if (node === undefined) return {}
    const inherited = (node.heritageClauses ?? [])
      .flatMap(({ types }) => [...types])
      .map(({ expression }) => ofInterface(expression.getText()))
    return Object.assign({}, ...inherited, ofMembers(node.members))
  }
  return ofInterface(type)
}

function wordsOf(node: ts.Node): string {
  const [comment] = ts.getJSDocCommentsAndTags(node)
  const text = ts.getTextOfJSDocComment(comment?.comment as string | undefined) ?? ''
  return text.replace(/\s+/g, ' ').trim()
}

/** The rows as a table in Markdown. */
export function settingsTable(settings: readonly Setting[]): string {
  const lines = settings.map(({ member, takes, fallback, text }) => {
    return `| \`${member}\` | ${takes} | ${fallback} | ${text.replaceAll('|', '\\|')} |`
  })
  return ['| member | takes | default | what |', '|---|---|---|---|', ...lines].join('\n')
}
